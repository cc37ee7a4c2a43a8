"""What is told of a resource while something is under way, or has failed: the platform's word, and ours over it."""

from dataclasses import dataclass, field, replace

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Action
from reconciler.core.state import Live
from reconciler.record.store import Intent
from reconciler.record.tickets import CUT_OFF
from reconciler.record.under_way import unfinished
from reconciler.workspace import Workspace

CREATING, FAILED = "Creating", "Failed"

_STATES = {Action.CREATE: CREATING, Action.SCALE: "Scaling", Action.DELETE: "Deleting"}


@dataclass(frozen=True)
class Standing:
    """What is told of one resource.

    Args:
        state: Azure's provisioning state.
        spec: what it is to be, where that is known.
        why: it failed.
    """

    state: str
    spec: Spec = field(default_factory=dict)
    why: str = ""


def state_of(action: str) -> str:
    """The provisioning state while a step is under way."""
    return _STATES.get(Action(action), "Updating")


def observed(workspace: Workspace, address: Address) -> Live | None:
    """One object as people are told of it; also one that is only being made."""
    return _told(address, workspace.provider.observe(address), standings(workspace).get(address))


def listed(workspace: Workspace) -> list[Live]:
    """All objects as people are told of them, those in the making too."""
    found = {each.address: each for each in workspace.provider.list()}
    under_way = standings(workspace)
    told = (_told(each, found.get(each), under_way.get(each)) for each in sorted({*found, *under_way}))
    return [each for each in told if each is not None]


def standings(workspace: Workspace) -> dict[Address, Standing]:
    """By address what is queued, under way, or failed: by the tickets of this machine, and by the journal.

    What the journal has under way is so, unless a ticket tells the whole of which it is a part: of an endpoint that is
    deleted the traffic goes first. What it has without an end, and nobody is at work, was cut off.
    """
    intents, who = unfinished(workspace.store)
    found = {each.address: Standing(FAILED, each.after or {}, CUT_OFF) for each in intents if who is None}
    for ticket in workspace.line.tickets():
        for address, aim in ticket.aims.items():
            found[address] = Standing(FAILED if ticket.why else aim.state, aim.spec, ticket.why)
    at_work = {each.address: _at_work(each) for each in intents if who is not None}
    return {**found, **{each: at_work[each] for each in at_work if each not in found or found[each].state == FAILED}}


def _at_work(intent: Intent) -> Standing:
    return Standing(state_of(intent.action), intent.after or {})


def _told(address: Address, live: Live | None, standing: Standing | None) -> Live | None:
    if standing is None:
        return live
    if live is None or standing.state == CREATING:  # what is there so far is half of what it will be
        live = replace(live or Live(address, {}), spec={**(live.spec if live else {}), **standing.spec})
    return replace(live, status=standing.state)
