"""Recorded against what instances say that they have loaded, which the platform around them cannot know."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import FieldChange
from reconciler.core.state import Drift, DriftClass, Live, Served, State, Told
from reconciler.kinds import KINDS
from reconciler.kinds.references import named_asset

ALTERED = "altered_instances"


class _Recorded(NamedTuple):
    """The content of one part of a deployment as it is recorded: the field that it stands in, and its digest."""

    field: str
    digest: str


def with_served(found: Iterable[Drift], state: State, served: Iterable[Served]) -> list[Drift]:
    """The drifts, and those of instances that serve other content than is recorded; one a deployment."""
    drifts = {drift.address: drift for drift in found}
    for each in served:
        changes = tuple(_of(each, state))
        if changes:
            drifts[each.deployment] = _joined(drifts.get(each.deployment), each.deployment, changes)
    return sorted(drifts.values(), key=lambda drift: drift.address)


def altered(live: Iterable[Live], state: State, served: Iterable[Served]) -> tuple[Live, ...]:
    """The live side, with a symptom where instances serve other content than is recorded, or would after a restart."""
    found = {(each.deployment, each.instance) for each in served if any(_of(each, state))}
    count = Counter(deployment for deployment, _ in found)
    return tuple(
        replace(item, spec={**item.spec, ALTERED: count[item.address]}) if count[item.address] and item.spec else item
        for item in live
    )


def silent(served: Iterable[Served]) -> tuple[str, ...]:
    """The instances that say nothing, or not yet, of what they serve, and why."""
    found: list[str] = []
    for each in served:
        reading = [part for part, told in each.parts.items() if told.same and not told.loaded]
        why = each.why or (f"it is still reading its {' and '.join(map(_word, reading))}" if reading else "")
        if why:
            found.append(f"{each.deployment}: instance {each.instance}: {why}")
    return tuple(found)


def _joined(drift: Drift | None, address: Address, changes: tuple[tuple[FieldChange, str], ...]) -> Drift:
    fields, notes = tuple(field for field, _ in changes), "; ".join(note for _, note in changes)
    if drift is None:
        return Drift(address, DriftClass.CHANGED, fields, notes)
    known = {(field.path, field.after) for field in drift.fields}
    more = tuple(field for field in fields if (field.path, field.after) not in known)
    note = "; ".join(filter(None, (drift.note, notes)))
    return replace(drift, kind=DriftClass.CHANGED, fields=(*drift.fields, *more), note=note)


def _of(each: Served, state: State) -> Iterator[tuple[FieldChange, str]]:
    entry = state.entries.get(each.deployment)
    recorded = dict(_recorded(entry.spec, state)) if entry else {}
    for part, told in each.parts.items():
        if part in recorded:
            yield from _differing(each.instance, part, recorded[part], told)


def _differing(instance: str, part: str, recorded: _Recorded, told: Told) -> Iterator[tuple[FieldChange, str]]:
    word, digest = _word(part), recorded.digest
    if told.loaded and told.loaded != digest:
        said = f"instance {instance} serves {word} {_short(told.loaded)}, recorded {_short(digest)}"
        yield FieldChange(recorded.field, digest, told.loaded), said
    elif told.now and told.now != digest:
        what = "serves what is recorded" if told.loaded else f"may serve other {word} than is recorded"
        said = f"instance {instance} {what}; a restart would serve {word} {_short(told.now)}, edited since it started"
        yield FieldChange(recorded.field, digest, told.now), said


def _recorded(spec: Spec, state: State) -> Iterator[tuple[str, _Recorded]]:
    code = (spec.get("code_configuration") or {}).get("code")
    if isinstance(code, Mapping) and "digest" in code:
        yield "code", _Recorded("code_configuration.code", str(code["digest"]))
    path = _model(spec, state).get("path")
    if isinstance(path, Mapping) and "digest" in path:
        yield f"model/{path['name']}", _Recorded("model", str(path["digest"]))


def _model(spec: Spec, state: State) -> Spec:
    """The spec of a deployment's model, which stands in it or is recorded by itself."""
    model = spec.get("model")
    if isinstance(model, Mapping):
        return model
    address = named_asset(KINDS["deployment"], "model", model)
    entry = state.entries.get(address) if address else None
    return entry.spec if entry else {}


def _word(part: str) -> str:
    return part.partition("/")[0]


def _short(digest: str) -> str:
    return digest[: len("sha256:") + 12]
