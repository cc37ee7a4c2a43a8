"""Changes become ordered steps: a stable topological sort over what the rules link."""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

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
    needs = _needs(parts)
    place = {part: number for number, part in enumerate(sorted(parts, key=_rank))}
    number = _numbers([[place[need] for need in needs[part]] for part in place])
    if len(number) < len(place):
        stuck = ", ".join(sorted(f"{part.action} {part.address}" for part in parts if place[part] not in number))
        raise ValueError(f"the rules of order contradict each other for: {stuck}")
    ranked = sorted(place, key=lambda part: number[place[part]])
    return tuple(
        Step(
            number[place[part]],
            part.action,
            part.address,
            part.reason,
            part.fields,
            part.before,
            part.after,
            tuple(sorted(number[place[need]] for need in needs[part])),
        )
        for part in ranked
    )


def _needs(parts: Sequence[Part]) -> Mapping[Part, Collection[Part]]:
    """What must have succeeded before each part starts."""
    needs: dict[Part, set[Part]] = {part: set() for part in parts}
    for first, second in _pairs(parts):
        needs[second].add(first)
    return needs


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


def _numbers(needs: Sequence[Collection[int]]) -> dict[int, int]:
    """The numbers of steps, from 1, by Kahn's algorithm; of what could come next the smallest place does.

    Args:
        needs: by place, the places of what must have come before; those in a cycle get no number.
    """
    waiting = [len(each) for each in needs]
    dependents: list[list[int]] = [[] for _ in needs]
    for place, each in enumerate(needs):
        for need in each:
            dependents[need].append(place)
    ready = [place for place, count in enumerate(waiting) if not count]  # sorted, and so a heap
    numbers: dict[int, int] = {}
    while ready:
        place = heapq.heappop(ready)
        numbers[place] = len(numbers) + 1
        for dependent in dependents[place]:
            waiting[dependent] -= 1
            if not waiting[dependent]:
                heapq.heappush(ready, dependent)
    return numbers


def _rank(part: Part) -> tuple[str, int, str]:
    """Among the steps that could come next, the smallest by endpoint, action and address does."""
    return part.address.family, _EARLY_TO_LATE[part.action], str(part.address)
