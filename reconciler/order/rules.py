"""The rules of order, one function a rule, each named as the sentence that it enforces.

A rule takes the parts of one endpoint with the assets that they need, and yields pairs: the first must have
succeeded before the second starts. A product over all parts would be quadratic, so they come grouped.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action
from reconciler.kinds import KINDS
from reconciler.kinds.references import named_assets, natural
from reconciler.order.split import Part

Pair = tuple[Part, Part]
_BRINGING_UP = frozenset({Action.CREATE, Action.SCALE, Action.ROLL_OUT, Action.UPDATE})


def scale_before_roll_out_before_route(family: Sequence[Part]) -> Iterator[Pair]:
    """One resource's own steps run in the order in which it was split; a replacement deletes before it creates."""
    for parts in _by_address(family).values():
        yield from itertools.pairwise(parts)


def needs_before_dependents(family: Sequence[Part], everything: Mapping[Address, Sequence[Part]]) -> Iterator[Pair]:
    """A deployment is made after its endpoint and after the models and environments that it names."""
    for part in family:
        if part.action in _BRINGING_UP:
            for address in part.needs:
                yield from ((need, part) for need in everything.get(address, ()) if need.action is Action.CREATE)


def versions_in_their_order(everything: Mapping[Address, Sequence[Part]]) -> Iterator[Pair]:
    """Versions of one asset are registered one after the other, as `@latest` is the one that was registered last."""
    named: dict[tuple[str, str], list[Part]] = defaultdict(list)
    for address, parts in everything.items():
        if address.version:
            named[address.kind, address.name] += (part for part in parts if part.action is Action.CREATE)
    for made in named.values():
        yield from itertools.pairwise(sorted(made, key=lambda part: natural(part.address.version)))


def deployments_before_traffic(family: Sequence[Part]) -> Iterator[Pair]:
    """Traffic moves only to deployments that are there and ready."""
    for route in _routes(family):
        named = _receiving(route.after)
        yield from ((part, route) for part in family if part.action in _BRINGING_UP and _gets(part, named))


def traffic_before_deletes(family: Sequence[Part]) -> Iterator[Pair]:
    """A deployment is deleted only once the endpoint sends it nothing.

    What moves by a roll-out may be on its way still, so that also one of which nothing is recorded may get some.
    """
    for route in _routes(family):
        left = _receiving(route.before) - _receiving(route.after)
        on_its_way = "rollout" in (route.before or {})
        deleted = (part for part in family if part.action is Action.DELETE and part.address.endpoint)
        yield from ((route, part) for part in deleted if _gets(part, left) or (on_its_way and not _kept(part, route)))


def children_deleted_before_parents(
    family: Sequence[Part], everything: Mapping[Address, Sequence[Part]]
) -> Iterator[Pair]:
    """An endpoint goes after its deployments, an asset after whatever stops using it."""
    for part in family:
        if part.before is None or not part.address.endpoint:
            continue
        for address in _uses(part):
            yield from ((part, gone) for gone in everything.get(address, ()) if gone.action is Action.DELETE)


def _uses(part: Part) -> Iterator[Address]:
    """What a deployment stands on before a step: its endpoint when it is deleted, and the assets that it names."""
    if part.address.parent and part.action is Action.DELETE:
        yield part.address.parent
    yield from named_assets(KINDS[part.address.kind], part.before or {})


def _routes(family: Iterable[Part]) -> Iterator[Part]:
    return (part for part in family if part.action is Action.ROUTE)


def _receiving(endpoint: Spec | None) -> frozenset[str]:
    """The deployments to which an endpoint sends anything, live or mirrored."""
    shares = ((endpoint or {}).get(name) or {} for name in ("traffic", "mirror_traffic"))
    return frozenset(name for share in shares for name, percent in share.items() if percent)


def _gets(part: Part, names: frozenset[str]) -> bool:
    return bool(part.address.endpoint) and part.address.name in names


def _kept(part: Part, route: Part) -> bool:
    return _gets(part, _receiving(route.after))


def _by_address(parts: Iterable[Part]) -> Mapping[Address, Sequence[Part]]:
    grouped: dict[Address, list[Part]] = defaultdict(list)
    for part in parts:
        grouped[part.address].append(part)
    return grouped
