"""Where the steps of a plan stand in its picture: a lane an endpoint, a row a resource, a column a wave."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.plan import Step

Needs = Mapping[int, frozenset[int]]
"""For each step those that it waits for directly."""


@dataclass(frozen=True)
class Lane:
    """The steps of one endpoint, or of all the assets.

    Args:
        number: counted from 1 in the order of the picture.
        family: the endpoint's name; empty for assets, which belong to none.
        rows: the steps of one resource each, by its address.
    """

    number: int
    family: str
    rows: Mapping[str, Sequence[Step]]

    @property
    def steps(self) -> list[Step]:
        """All of them, in the order of the plan."""
        return sorted((step for steps in self.rows.values() for step in steps), key=lambda step: step.id)


def lanes(steps: Iterable[Step]) -> list[Lane]:
    """Assets first, then the endpoints in the order of the plan; in each the endpoint itself comes first."""
    grouped: dict[str, dict[str, list[Step]]] = {}
    for step in steps:
        rows = grouped.setdefault(step.address.family, {})
        rows.setdefault(str(step.address), []).append(step)
    ordered = sorted(grouped.items(), key=lambda item: bool(item[0]))
    return [
        Lane(number, family, dict(sorted(rows.items(), key=_endpoint_first)))
        for number, (family, rows) in enumerate(ordered, start=1)
    ]


def waves(steps: Iterable[Step]) -> dict[int, int]:
    """For each step the earliest wave in which it can run, counted from 0: one after the last that it waits for."""
    found: dict[int, int] = {}
    for step in steps:
        found[step.id] = 1 + max((found[need] for need in step.needs if need in found), default=-1)
    return found


def direct(steps: Iterable[Step]) -> Needs:
    """What each step waits for, without what it waits for by way of another; steps stand behind what they need."""
    behind: dict[int, frozenset[int]] = {}
    found: dict[int, frozenset[int]] = {}
    for step in steps:
        needs = frozenset(need for need in step.needs if need in behind)
        further = frozenset[int]().union(*(behind[need] for need in needs))
        found[step.id] = needs - further
        behind[step.id] = needs | further
    return found


def _endpoint_first(row: tuple[str, Sequence[Step]]) -> tuple[bool, str]:
    address, steps = row
    return bool(steps[0].address.endpoint), address
