"""What a run of the past began and never ended is looked at before anything is planned."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from reconciler.apply.journal import later
from reconciler.core.address import Address
from reconciler.core.plan import Became, FieldChange, Recovery
from reconciler.core.state import Entry, Live, State
from reconciler.diff.fields import differing
from reconciler.kinds import KINDS
from reconciler.providers.provider import Seeing
from reconciler.record.store import Intent, Store


def recover(provider: Seeing, store: Store, *, now: Callable[[], str]) -> tuple[Address, ...]:
    """Settle every intent without an end, and return the addresses that were looked at.

    The generation is raised at the target first, so that a call that is still on its way can no longer land; then
    what is there is recorded as it is.

    Raises:
        ProviderError: the platform cannot be asked; what was not looked at yet stays without an end.
    """
    looked_at = []
    intents = store.unfinished()
    state = store.read() if intents else State()
    for intent in intents:
        generation = store.generation(intent.address) + 1
        provider.fence(intent.address, generation)
        live = provider.observe(intent.address)
        entry = found_entry(intent, state, live, generation, now())
        outcome = f"recovered as {what_became(intent, state, live)}"
        store.finish(intent.operation, intent.address, entry, outcome=outcome, message="", finished=now())
        state = state.settle(intent.address, entry)
        looked_at.append(intent.address)
    return tuple(looked_at)


def recoveries(intents: Iterable[Intent], state: State, live: Mapping[Address, Live] | None) -> tuple[Recovery, ...]:
    """What a recovery will look at, and find if the live side stays as it is; None where nobody looked at it."""
    return tuple(
        Recovery(
            intent.operation,
            intent.action,
            intent.address,
            intent.started,
            tuple(_fields(intent)),
            None if live is None else what_became(intent, state, live.get(intent.address)),
        )
        for intent in intents
    )


def as_recovered(state: State, intents: Iterable[Intent], live: Mapping[Address, Live]) -> State:
    """The record as recovery would leave it if the live side stays as it is; nothing is touched."""
    for intent in intents:
        found = found_entry(intent, state, live.get(intent.address), intent.generation, intent.started)
        state = replace(state.settle(intent.address, found), serial=state.serial)
    return state


def what_became(intent: Intent, state: State, live: Live | None) -> Became:
    """What became of an operation, by the live object; what only remains are left of is neither there nor gone."""
    recorded = state.entries.get(intent.address)
    if live is None:
        return Became.DONE if intent.after is None else Became.OTHER if recorded else Became.NOT_DONE
    if live.lineage != state.lineage:
        return Became.OTHER
    if intent.after is not None and live.operation == intent.operation:
        as_intended = bool(live.spec) and all(live.spec[name] == intent.after.get(name) for name in live.spec)
        return Became.DONE if as_intended else Became.IN_PART
    before = recorded.operation if recorded else ""
    return Became.NOT_DONE if live.spec and live.operation == before else Became.OTHER


def found_entry(intent: Intent, state: State, live: Live | None, generation: int, now: str) -> Entry | None:
    """What to record of an address whose last operation has no end: the live object's own word, or nothing.

    Fields that the platform does not tell are taken from what was intended if the object carries the operation, else
    from what was recorded before; symptoms are no part of any record. An object of another state is none of ours, and
    mere remains are no object.
    """
    if live is None or live.lineage != state.lineage or not live.spec:
        return None
    before = state.entries.get(intent.address)
    landed = live.operation == intent.operation and intent.after is not None
    base = intent.after if landed else (before.spec if before else intent.before)
    spec = {**(base or {}), **live.spec}
    for symptom in KINDS[intent.address.kind].symptoms:
        spec.pop(symptom, None)
    if before:
        return replace(before, spec=spec, generation=generation, operation=live.operation)
    return Entry(spec, generation, live.operation, later(now, (entry.created for entry in state.entries.values())))


def _fields(intent: Intent) -> Iterable[FieldChange]:
    if intent.before is not None and intent.after is not None:
        for path, before, after in differing(intent.before, intent.after):
            yield FieldChange(path, before, after)
