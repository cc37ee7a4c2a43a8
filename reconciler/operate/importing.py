"""Live objects that another state made, or nobody's, become this state's, and are recorded as they are."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.apply import utc_now
from reconciler.apply.recover import recover
from reconciler.attending import locked, see_to_attendance
from reconciler.core.address import Address
from reconciler.core.plan import Operation, Plan
from reconciler.core.state import Entry, Live, State
from reconciler.diff import corrections, fold
from reconciler.errors import RefusedError
from reconciler.providers.provider import Adopting, FenceSource, Provider, Remembering, Resealing
from reconciler.record.store import Intent, Store
from reconciler.runs import begin_run
from reconciler.workspace import Workspace


def take_over(
    workspace: Workspace,
    addresses: Sequence[Address],
    confirm: Callable[[Sequence[Live]], bool] = lambda _found: True,
    *,
    lock_timeout_s: float = 0,
) -> Sequence[Live] | None:
    """Give live objects this state's mark and record them; what runs is not touched.

    Args:
        workspace: the target.
        addresses: of the objects.
        confirm: asked before anything is written; False leaves everything as it is.
        lock_timeout_s: how long to wait for another run to end.

    Returns:
        The objects as they were found; None when it was not wanted.

    Raises:
        RefusedError: one is not there or recorded already, or the provider cannot hand objects over.
    """
    provider, store = workspace.provider, workspace.store
    if not isinstance(provider, Adopting):
        raise RefusedError(f"provider {provider.name} cannot hand objects from one state to another")
    with locked(workspace, "mlops import", timeout_s=lock_timeout_s):
        recover(provider, store, now=utc_now)
        found = [_importable(workspace, address) for address in addresses]
        if not confirm(found):
            return None
        state = store.read()
        run = begin_run(workspace, Plan(workspace.target.name, state.lineage, state.serial, "", ()), "import")
        for number, item in enumerate(found, 1):
            _import(provider, store, item, (run, number))
        store.end_run(run, "succeeded", utc_now())
        see_to_attendance(workspace)
    return found


def _importable(workspace: Workspace, address: Address) -> Live:
    live, state = workspace.provider.observe(address), workspace.store.read()
    if live is None or not live.spec:
        raise RefusedError(f"{address} is not live on target {workspace.target.name}; `mlops drift` lists what is")
    if address in state.entries and live.lineage == state.lineage:
        raise RefusedError(f"{address} is this state's already, and recorded; `mlops drift` tells what differs")
    return live


def _import(provider: Provider, store: Store, found: Live, place: tuple[str, int]) -> None:
    """One operation of the journal, as any other: its intent first, so that one that was cut off is looked at."""
    state, address = store.read(), found.address
    generation = _generation(provider, store, found)
    operation = Operation(uuid.uuid4().hex, state.lineage, generation)
    store.intend(
        Intent(
            operation.id, *place, "import", address, None, _entry(provider, state, found).spec, generation, utc_now()
        )
    )
    assert isinstance(provider, Adopting)  # noqa: S101 - asked before the first of them
    provider.adopt(address, operation)
    if isinstance(provider, Resealing) and all(item.lineage == state.lineage for item in provider.list()):
        # Secrets are known by digests under a state's key; where others' objects are, they stay under theirs.
        provider.reseal(store.secret_key())
    entry = replace(_entry(provider, state, found), generation=generation, operation=operation.id)
    store.finish(operation.id, address, entry, outcome="imported", message="", finished=utc_now())


def _generation(provider: Provider, store: Store, found: Live) -> int:
    """Above all that the object has seen, so that nobody who had it before is let in again."""
    fenced = provider.fences().get(found.address, 0) if isinstance(provider, FenceSource) else 0
    return max(store.generation(found.address), found.generation, fenced) + 1


def _entry(provider: Provider, state: State, found: Live) -> Entry:
    """What to record of an object: what was last made true of it, where the provider knows, else what is live."""
    made = provider.made() if isinstance(provider, Remembering) else {}
    ours = replace(found, lineage=state.lineage, spec=made.get(found.address, found.spec))
    alone = State(state.lineage)
    entry = corrections(alone, fold(alone, [ours]), claimed={}, touched=())[found.address]
    assert entry is not None  # noqa: S101 - an object with a spec is taken in
    return replace(entry, created=found.created or utc_now())
