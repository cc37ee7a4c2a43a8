"""What a target says of itself: what is live, what its instances serve, and how the record is brought to that."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.apply import InTime, Pace
from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import Change
from reconciler.core.state import Entry, Live, Served, State
from reconciler.diff import corrections
from reconciler.telemetry import span
from reconciler.workspace import Workspace


def live_of(workspace: Workspace, pace: Pace) -> tuple[Live, ...]:
    """Everything that is live."""
    with span("observe"):
        return tuple(InTime(workspace.provider, pace).list())


def served_of(workspace: Workspace, pace: Pace) -> Sequence[Served]:
    """What the instances say that they have loaded, where they can be asked."""
    with span("ask instances"):
        return InTime(workspace.provider, pace).served()


def corrections_of(
    recorded: State, folded: State, resources: Iterable[Resource], found: Iterable[Change]
) -> Mapping[Address, Entry | None]:
    """What of the record is brought to the live side where no change tells what will be true."""
    claimed = {resource.address: resource.spec for resource in resources}
    return corrections(recorded, folded, claimed=claimed, touched={change.address for change in found})
