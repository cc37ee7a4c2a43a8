"""One look at drift against the one before: what is new, what is otherwise, and what is gone."""

from collections.abc import Iterable

from reconciler.core.address import Address
from reconciler.core.state import Drift, DriftClass, Turn


def since(before: Iterable[Drift], after: Iterable[Drift]) -> tuple[tuple[Turn, Drift], ...]:
    """What turned between two looks, in the order of addresses; a label that moved is told for itself."""
    former, found = _by_subject(before), _by_subject(after)
    turns = [(Turn.CHANGED if key in former else Turn.NEW, d) for key, d in found.items() if former.get(key) != d]
    turns += [(Turn.GONE, drift) for key, drift in former.items() if key not in found]
    return tuple(sorted(turns, key=lambda turn: turn[1].address))


def _by_subject(drifts: Iterable[Drift]) -> dict[tuple[Address, bool], Drift]:
    return {(drift.address, drift.kind is DriftClass.LABEL): drift for drift in drifts}
