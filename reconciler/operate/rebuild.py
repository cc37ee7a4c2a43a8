"""A record that was lost is made anew from the live objects, which tell whose they are and what was last made true."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.apply import utc_now
from reconciler.apply.recover import recover
from reconciler.attending import locked, see_to_attendance
from reconciler.core.address import Address
from reconciler.core.plan import Plan
from reconciler.core.secret import Secret
from reconciler.core.state import Entry, Live, State
from reconciler.diff import corrections, fold, newer
from reconciler.errors import RefusedError
from reconciler.providers.provider import FenceSource, Provider, Remembering, Resealing
from reconciler.record.store import Intent, Store
from reconciler.runs import begin_run
from reconciler.workspace import Workspace

_COMMAND = "state rebuild"


@dataclass(frozen=True)
class Rebuilt:
    """What a record is made of.

    Args:
        lineage: the identity of the record that was lost.
        entries: what is recorded anew.
        known: how many resources are recorded already.
        unsealed: resources with secrets that may show a change in the next plan, as the state's key may be another one
            and nobody has their values.
    """

    lineage: str
    entries: Mapping[Address, Entry] = field(default_factory=dict)
    known: int = 0
    unsealed: tuple[Address, ...] = ()


def rebuild(
    workspace: Workspace, confirm: Callable[[Rebuilt], bool] = lambda _found: True, *, lock_timeout_s: float = 0
) -> Rebuilt | None:
    """Record the live objects of the state that made them, as if that state had never been lost.

    Args:
        workspace: the target.
        confirm: asked before anything is written; False leaves everything as it is.
        lock_timeout_s: how long to wait for another run to end.

    Returns:
        What was recorded; None when it was not wanted.

    Raises:
        RefusedError: nothing live tells of a state, or several states, or another one than the record is of.
    """
    store, provider = workspace.store, workspace.provider
    with locked(workspace, f"mlops {_COMMAND}", timeout_s=lock_timeout_s):
        recover(provider, store, now=utc_now)
        found = _found(_made(provider), store)
        if not confirm(found):
            return None
        store.adopt(found.lineage)
        unsealed = _resealed(provider, store.secret_key())
        # Looked at once more, as secrets may have other digests by now.
        found = replace(_found(_made(provider), store), unsealed=tuple(sorted(unsealed)))
        _record(workspace, found)
        for item in _whole(provider.list()):
            # Nothing of the lost state's may land any more; and what ended with it, such as a gateway, comes back.
            provider.fence(item.address, item.generation)
        see_to_attendance(workspace)
    return found


def _made(provider: Provider) -> Sequence[Live]:
    """The live objects as they were last made, where the provider knows: what was lost since is drift."""
    live = provider.list()
    made = provider.made() if isinstance(provider, Remembering) else {}
    return [replace(item, spec=made.get(item.address, item.spec)) if item.spec else item for item in live]


def _found(live: Sequence[Live], store: Store) -> Rebuilt:
    """What is recorded already stays, unless the state has changed it since."""
    made, recorded = _whole(live), store.read()
    state = replace(recorded, lineage=_lineage(made, recorded))
    ahead = {each.address for each in newer(state, made, store.generation)}
    entries = corrections(recorded, fold(state, made), claimed={}, touched=recorded.entries.keys() - ahead)
    fresh = {address: entry for address, entry in entries.items() if entry}
    return Rebuilt(state.lineage, fresh, len(recorded.entries))


def _whole(live: Sequence[Live]) -> list[Live]:
    """What a state made, and what more than remains are left of."""
    return [item for item in live if item.lineage and item.spec]


def _lineage(made: Sequence[Live], recorded: State) -> str:
    """The state that made the live objects: one, and the one that something is recorded of, if anything is."""
    lineages = sorted({item.lineage for item in made})
    if not lineages:
        raise RefusedError("no live object tells of a state that made it, so there is nothing to rebuild a record from")
    if len(lineages) > 1:
        told = "; ".join(f"{lineage} made {_some(made, lineage)}" for lineage in lineages)
        raise RefusedError(
            f"the live objects were made by {len(lineages)} states, and a record is of one: {told}; "
            "remove those of the others by what made them, then run this again"
        )
    if recorded.entries and recorded.lineage != lineages[0]:
        raise RefusedError(
            f"the record holds {len(recorded.entries)} resources of lineage {recorded.lineage}, but the live objects "
            f"are of {lineages[0]}; move the state file away if it is the wrong one, then run this again"
        )
    return lineages[0]


def _some(made: Sequence[Live], lineage: str) -> str:
    names = sorted(str(item.address) for item in made if item.lineage == lineage)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _resealed(provider: Provider, key: bytes) -> Collection[Address]:
    if isinstance(provider, Resealing):
        return provider.reseal(key)
    return [item.address for item in provider.list() if _has_secrets(item.spec)]


def _has_secrets(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_secrets, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_secrets, value))
    return isinstance(value, Secret)


def _record(workspace: Workspace, found: Rebuilt) -> None:
    """Write everything down as one run, each address with the generation from which on operations are let in.

    That is so for addresses of which nothing is left, too: whatever is made there next must not come late.
    """
    store, provider = workspace.store, workspace.provider
    fences = dict(provider.fences()) if isinstance(provider, FenceSource) else {}
    generations = fences | {
        address: max(entry.generation, fences.get(address, 0)) for address, entry in found.entries.items()
    }
    behind = {a: n for a, n in generations.items() if a in found.entries or n > store.generation(a)}
    if not behind:
        return
    state = store.read()
    run = begin_run(workspace, Plan(workspace.target.name, state.lineage, state.serial, "", ()), _COMMAND)
    for number, (address, generation) in enumerate(sorted(behind.items()), 1):
        _write(store, run, number, address, generation, found.entries.get(address))
    store.end_run(run, "succeeded", utc_now())


def _write(store: Store, run: str, number: int, address: Address, generation: int, entry: Entry | None) -> None:
    """Write down one address by the journal, which keeps generations also where there is no entry."""
    now, after = utc_now(), entry.spec if entry else None
    intent = Intent(f"{run}-{number}", run, number, "rebuild", address, None, after, generation, now)
    store.intend(intent)
    if entry is None:
        store.abandon(intent.operation, outcome="rebuilt", message="only its generation was found", finished=now)
        return
    made = replace(entry, generation=generation, created=entry.created or now)
    store.finish(intent.operation, address, made, outcome="rebuilt", message="", finished=now)
