"""A plan confined to some addresses: their changes, and what those need."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.plan import Change
from reconciler.kinds import KINDS


def confined(found: Sequence[Change], only: Sequence[Address]) -> list[Change]:
    """The changes of the named addresses, and the creations that they need."""
    if not only:
        return list(found)
    by_address = {change.address: change for change in found}
    kept: set[Address] = set()
    pending = [address for address in only if address in by_address]
    while pending:
        address = pending.pop()
        if address not in kept:
            kept.add(address)
            needs = by_address[address].needs
            pending += [need for need in needs if need in by_address and by_address[need].before is None]
    absent = {change.address for change in found if change.before is None} - kept
    confined = (_without_traffic_to(absent, change) for change in found if change.address in kept)
    return [change for change in confined if change]


def _without_traffic_to(absent: Collection[Address], change: Change) -> Change | None:
    """The change as it is while deployments that it names are not there: their endpoint's traffic stays as it was."""
    after, route = change.after or {}, KINDS[change.address.kind].route
    named = {
        Address("deployment", name, endpoint=change.address.name) for field in route for name in after.get(field, {})
    }
    if not named.intersection(absent):
        return change
    before = change.before or {}
    kept = {name: before.get(name, {}) for name in route if name in after}
    fields = tuple(field for field in change.fields if field.path.partition(".")[0] not in route)
    return replace(change, after={**after, **kept}, fields=fields) if fields or not change.before else None
