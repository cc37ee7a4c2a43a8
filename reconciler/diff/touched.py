"""Whose live side decides on a plan: of what it changes, of what that needs, and of what guards ask for."""

from collections.abc import Iterable

from reconciler.core.address import Address
from reconciler.core.plan import Change
from reconciler.core.state import State
from reconciler.kinds import KINDS


def touched(found: Iterable[Change], state: State) -> frozenset[Address]:
    """The addresses that changes touch, and those without which nobody can tell whether they may be made.

    Args:
        found: what differs.
        state: what is recorded.
    """
    own = list(found)
    changed = {change.address for change in own}
    addresses = changed | {need for change in own for need in change.needs}
    addresses |= {address for address in state.entries if address.parent in changed}
    if any(change.after is None and KINDS[change.address.kind].versioned for change in own):
        # A version goes once nobody uses it.
        addresses |= {address for address in state.entries if KINDS[address.kind].references}
    return frozenset(addresses)
