"""Changes become ordered steps: a stable topological sort over what the rules link."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from reconciler.core.address import Address
from reconciler.core.plan import Action, Change, Step
from reconciler.order import rules
from reconciler.order.split import Part, split

_EARLY_TO_LATE = {action: place for place, action in enumerate(Action)}


def order(changes: Iterable[Change], *, deletion: str = "no longer defined") -> tuple[Step, ...]:
    """Number the steps so that every step stands behind what it needs; equal changes give an equal order.

    Args:
        deletion: why what is not wanted goes.

    Raises:
        ValueError: the rules contradict each other, which no set of changes should make them do.
    """
    parts = split(changes, deletion)
    needs: dict[int, set[int]] = defaultdict(set)
    for first, second in _pairs(parts):
        needs[id(second)].add(id(first))
    ranked = _sorted(parts, needs)
    number = {id(part): index for index, part in enumerate(ranked, start=1)}
    return tuple(
        Step(
            number[id(part)],
            part.action,
            part.address,
            part.reason,
            part.fields,
            part.before,
            part.after,
            tuple(sorted(number[need] for need in needs[id(part)])),
        )
        for part in ranked
    )


def _pairs(parts: Sequence[Part]) -> Iterator[rules.Pair]:
    everything: dict[Address, list[Part]] = defaultdict(list)
    families: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        everything[part.address].append(part)
        families[part.address.family].append(part)
    yield from rules.versions_in_their_order(everything)
    for family in families.values():
        yield from rules.scale_before_roll_out_before_route(family)
        yield from rules.needs_before_dependents(family, everything)
        yield from rules.deployments_before_traffic(family)
        yield from rules.traffic_before_deletes(family)
        yield from rules.children_deleted_before_parents(family, everything)


def _sorted(parts: Sequence[Part], needs: dict[int, set[int]]) -> list[Part]:
    """Kahn's algorithm; among the steps that could come next, the smallest by endpoint, action and address does."""
    waiting = {id(part): len(needs[id(part)]) for part in parts}
    dependents: dict[int, list[Part]] = defaultdict(list)
    for part in parts:
        for need in needs[id(part)]:
            dependents[need].append(part)
    ready = [(_rank(part), index, part) for index, part in enumerate(parts) if not waiting[id(part)]]
    place = {id(part): index for index, part in enumerate(parts)}
    heapq.heapify(ready)
    ranked: list[Part] = []
    while ready:
        _, _, part = heapq.heappop(ready)
        ranked.append(part)
        for dependent in dependents[id(part)]:
            waiting[id(dependent)] -= 1
            if not waiting[id(dependent)]:
                heapq.heappush(ready, (_rank(dependent), place[id(dependent)], dependent))
    if len(ranked) < len(parts):
        stuck = ", ".join(sorted(f"{p.action} {p.address}" for p in parts if waiting[id(p)]))
        raise ValueError(f"the rules of order contradict each other for: {stuck}")
    return ranked


def _rank(part: Part) -> tuple[str, int, str]:
    return part.address.family, _EARLY_TO_LATE[part.action], str(part.address)
