"""What a run of the past began and never ended is looked at before anything is planned."""

from collections.abc import Callable
from dataclasses import replace

from reconciler.apply.journal import later
from reconciler.core.address import Address
from reconciler.core.state import Entry, Live, State
from reconciler.providers.provider import Provider
from reconciler.record.store import Intent, Store


def recover(provider: Provider, store: Store, *, now: Callable[[], str]) -> tuple[Address, ...]:
    """Settle every intent without an end, and return the addresses that were looked at.

    The generation is raised at the target first, so that a call that is still on its way can no longer land; then
    what is there is recorded as it is.
    """
    looked_at = []
    for intent in store.unfinished():
        generation = store.generation(intent.address) + 1
        provider.fence(intent.address, generation)
        live = provider.observe(intent.address)
        entry = found_entry(intent, store.read(), live, generation, now())
        outcome = "recovered as done" if live and live.operation == intent.operation else "recovered as found"
        store.finish(intent.operation, intent.address, entry, outcome=outcome, message="", finished=now())
        looked_at.append(intent.address)
    return tuple(looked_at)


def found_entry(intent: Intent, state: State, live: Live | None, generation: int, now: str) -> Entry | None:
    """What to record of an address whose last operation has no end: the live object's own word, or nothing.

    Fields that the platform does not tell are taken from what was intended if the object carries the operation, else
    from what was recorded before. An object of another state is none of ours.
    """
    if live is None or live.lineage != state.lineage:
        return None
    before = state.entries.get(intent.address)
    landed = live.operation == intent.operation and intent.after is not None
    base = intent.after if landed else (before.spec if before else intent.before)
    spec = {**(base or {}), **live.spec}
    if before:
        return replace(before, spec=spec, generation=generation, operation=live.operation)
    return Entry(spec, generation, live.operation, later(now, (entry.created for entry in state.entries.values())))
