"""Recorded against live: what changed behind git's back, and the record as it looks once that is folded in."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import FieldChange
from reconciler.core.state import Drift, DriftClass, Entry, Live, Newer, State
from reconciler.diff.fields import differing
from reconciler.kinds import KINDS, Kind
from reconciler.kinds.autoscaling import COUNT, bounds, within


def newer(state: State, live: Iterable[Live], known: Callable[[Address], int]) -> tuple[Newer, ...]:
    """The live objects of this state that are of a generation which its record never had.

    Args:
        state: the record.
        live: what is there.
        known: the highest generation that the record ever had of an address; what came of an operation that the record
            began, however late, is not above it.
    """
    suspects = (item for item in live if item.lineage and _ours(item, state.lineage) and _is_above(item, state))
    found = (Newer(item.address, item.generation, known(item.address)) for item in suspects)
    return tuple(sorted((each for each in found if each.live > each.known), key=lambda each: each.address))


def drifts(
    state: State, live: Iterable[Live], ahead: Iterable[Newer] = (), *, of: Container[Address] | None = None
) -> list[Drift]:
    """Every resource whose live side is not as recorded, sorted by address.

    Args:
        state: the record.
        live: what is there.
        ahead: those that `newer` found.
        of: the addresses that were looked at; None for all.
    """
    found = {drift.address: drift for drift in _drifts(state, live) if of is None or drift.address in of}
    for each in ahead:
        drift = found.get(each.address, Drift(each.address, DriftClass.CHANGED))
        told = f"live is of generation {each.live}, the record knows {each.known}: it is an older copy"
        found[each.address] = replace(drift, note="; ".join(filter(None, (drift.note, told))))
    return sorted(found.values(), key=lambda drift: drift.address)


def _drifts(state: State, live: Iterable[Live]) -> list[Drift]:
    seen = {item.address: item for item in live}
    found = [_drift(address, entry, seen.get(address), state.lineage) for address, entry in state.entries.items()]
    found += [_unmanaged(item, state) for item in seen.values() if item.address not in state.entries]
    return [drift for drift in found if drift]


def under_way(found: Iterable[Drift], busy: Container[Address]) -> list[Drift]:
    """The drifts where somebody is at work on these addresses: what is half done there is expected."""
    note = "a run is at work on it"
    return [replace(each, kind=DriftClass.EXPECTED, note=note) if each.address in busy else each for each in found]


def fold(state: State, live: Iterable[Live], *, of: Container[Address] | None = None) -> State:
    """The record as if it had been written from the live side, where that was looked at.

    What is missing is forgotten; of what only remains are left, the entry has no spec. What differs is as it is, unless
    the platform is still on its way to what is recorded. An object that carries our lineage with no record is taken in,
    so that the plan can settle it; those of others are left out.

    Args:
        state: the record.
        live: what is there.
        of: the addresses that were looked at; None for all. The others stay as they are recorded.
    """
    seen = {item.address: item for item in live}
    entries: dict[Address, Entry] = {}
    for address, entry in state.entries.items():
        item = seen.get(address)
        if of is not None and address not in of:
            entries[address] = entry
        elif item and _ours(item, state.lineage):
            entries[address] = _folded(entry, item)
    for item in seen.values():
        if item.address not in state.entries and item.lineage and item.lineage == state.lineage:
            entries[item.address] = Entry(item.spec, item.generation, item.operation, item.created)
    return replace(state, entries=entries)


def corrections(
    recorded: State, folded: State, *, claimed: Mapping[Address, Spec], touched: Container[Address]
) -> dict[Address, Entry | None]:
    """What to write down of the live side where no step does; None forgets an address.

    Args:
        recorded: the record as it stands.
        folded: the record with the live side folded in.
        claimed: what is wanted; a field that belongs to whoever sets it is recorded only while this speaks of it.
        touched: addresses of which a step will tell what is true.
    """
    found: dict[Address, Entry | None] = {}
    for address in recorded.entries.keys() | folded.entries.keys():
        if address in touched:
            continue
        before, entry = recorded.entries.get(address), folded.entries.get(address)
        if entry is not None and not entry.spec:
            entry = None  # Remains are for a plan to clear away, and are no resource.
        if entry is not None:
            entry = _recordable(entry, KINDS[address.kind], claimed.get(address, before.spec if before else {}))
            entry = _without_what_is_autoscaled(entry, before)
        if entry != before:
            found[address] = entry
    return dict(sorted(found.items()))


def _recordable(entry: Entry, kind: Kind, said: Spec) -> Entry:
    """The entry without symptoms, which no record keeps, and without fields that nobody claims."""
    dropped = {name for name in kind.symptoms if name in entry.spec}
    dropped |= {name for name in kind.left_alone if name in entry.spec and name not in said}
    return replace(entry, spec={k: v for k, v in entry.spec.items() if k not in dropped}) if dropped else entry


def _without_what_is_autoscaled(entry: Entry, before: Entry | None) -> Entry:
    """The entry with the number of instances as it was recorded: what an autoscaler makes of it is old at once."""
    if COUNT not in entry.spec or bounds(entry.spec) is None:
        return entry
    kept = {name: value for name, value in entry.spec.items() if name != COUNT}
    if before and COUNT in before.spec:
        kept[COUNT] = before.spec[COUNT]
    return entry if kept == entry.spec else replace(entry, spec=kept)


def foreign(state: State, live: Iterable[Live]) -> dict[Address, Spec]:
    """Live objects that another state, or nobody's state, made, and their specs."""
    return {item.address: item.spec for item in live if not _ours(item, state.lineage) or not item.lineage}


def _ours(item: Live, lineage: str) -> bool:
    return item.lineage == lineage


def _is_above(item: Live, state: State) -> bool:
    entry = state.entries.get(item.address)
    return entry is None or item.generation > entry.generation


def _folded(entry: Entry, item: Live) -> Entry:
    if item.generation > entry.generation:
        entry = replace(entry, generation=item.generation, operation=item.operation)
    if not item.spec:
        return replace(entry, spec={})
    if item.spec == entry.spec or all(entry.spec.get(key) == value for key, value in item.spec.items()):
        return entry
    awaited = {name for name in item.underway if _is_awaited(name, entry, item)}
    return replace(entry, spec={**entry.spec, **{k: v for k, v in item.spec.items() if k not in awaited}})


def _differing(recorded: Spec, live: Spec) -> Iterator[FieldChange]:
    """Fields that the platform tells and that are not as recorded; one that is not managed is not compared."""
    told = {key: recorded[key] for key in live if key in recorded}
    managed = {key: value for key, value in live.items() if key in recorded or not _left_alone(key)}
    for path, before, after in differing(told, managed):
        yield FieldChange(path, before, after)


def _left_alone(field: str) -> bool:
    return any(field in kind.left_alone for kind in KINDS.values())


def _drift(address: Address, entry: Entry, item: Live | None, lineage: str) -> Drift | None:
    if item is None:
        return Drift(address, DriftClass.MISSING)
    if not _ours(item, lineage):
        return Drift(address, DriftClass.CHANGED, note="the object that is there now was made by somebody else")
    if not item.spec:
        return Drift(address, DriftClass.MISSING, note=_note(item))
    fields = () if item.spec == entry.spec else tuple(_differing(entry.spec, item.spec))
    if not fields:
        return None
    expected = all(_autoscaled(f, entry) or _is_awaited(f.path.partition(".")[0], entry, item) for f in fields)
    return Drift(
        address, DriftClass.EXPECTED if expected else DriftClass.CHANGED, fields, _note(item) or _why(fields, entry)
    )


def _autoscaled(field: FieldChange, entry: Entry) -> bool:
    """Whether an autoscaler was free to make this change: a number of instances inside its bounds."""
    limits = bounds(entry.spec)
    return field.path == COUNT and limits is not None and within(field.after, limits)


def _is_awaited(name: str, entry: Entry, item: Live) -> bool:
    """Whether the platform is on its way to what is recorded of a field, in steps."""
    return name in item.underway and item.underway[name] == entry.spec.get(name)


def _why(fields: Iterable[FieldChange], entry: Entry) -> str:
    """Why a number of instances is not as recorded."""
    limits = bounds(entry.spec)
    autoscaled = limits and any(_autoscaled(field, entry) for field in fields)
    return f"autoscaled between {limits[0]} and {limits[1]}" if limits and autoscaled else ""


def _note(item: Live) -> str:
    return str(item.detail.get("note", ""))


def _unmanaged(item: Live, state: State) -> Drift | None:
    owned = (
        "made by this state, in no record" if _ours(item, state.lineage) and item.lineage else "not made by this state"
    )
    return Drift(item.address, DriftClass.UNMANAGED, note=owned)
