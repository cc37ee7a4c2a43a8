"""Recorded against what instances say that they have loaded, which the platform around them cannot know."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import FieldChange
from reconciler.core.state import Drift, DriftClass, Live, Served, State
from reconciler.kinds import KINDS
from reconciler.kinds.references import named_asset

ALTERED = "altered_instances"
# Of instances that are told by name; the rest is counted.
_NAMED = 5


class _Recorded(NamedTuple):
    """The content of one part of a deployment as it is recorded: the field that it stands in, and its digest."""

    field: str
    digest: str


class _Difference(NamedTuple):
    """How one part of an instance is not as recorded.

    Args:
        field: that the content stands in.
        word: `code` or `model`.
        recorded: its digest.
        found: the digest of what was loaded, or of what a restart would load.
        loaded: whether an instance has loaded it.
        sure: whether what is loaded is as recorded, where it is not what was found.
    """

    field: str
    word: str
    recorded: str
    found: str
    loaded: bool
    sure: bool = True

    def said(self, instances: Sequence[str]) -> str:
        """Of which instances, in words."""
        one, more = len(instances) == 1, len(instances) - _NAMED
        names = ", ".join(instances[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        who, serve = f"instance{'' if one else 's'} {names}", f"serve{'s' if one else ''}"
        if self.loaded:
            return f"{who} {serve} {self.word} {_short(self.found)}, recorded {_short(self.recorded)}"
        what = f"{serve} what is recorded" if self.sure else f"may serve other {self.word} than is recorded"
        return f"{who} {what}; a restart would serve {self.word} {_short(self.found)}, edited since the start"


def with_served(found: Iterable[Drift], state: State, served: Iterable[Served]) -> list[Drift]:
    """The drifts, and those of instances that serve other content than is recorded; one a deployment."""
    drifts = {drift.address: drift for drift in found}
    told: dict[Address, dict[_Difference, dict[str, None]]] = {}
    for each in served:
        for difference in _of(each, state):
            told.setdefault(each.deployment, {}).setdefault(difference, {})[each.instance] = None
    for address, differences in told.items():
        # In one order whoever answered first: a watch would take another one for news.
        ordered = dict(sorted(differences.items()))
        drifts[address] = _joined(drifts.get(address) or Drift(address, DriftClass.CHANGED), ordered)
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


def _joined(drift: Drift, differences: Mapping[_Difference, Collection[str]]) -> Drift:
    fields = dict.fromkeys(FieldChange(each.field, each.recorded, each.found) for each in differences)
    notes = [each.said(sorted(instances)) for each, instances in differences.items()]
    note = "; ".join(filter(None, (drift.note, *notes)))
    return replace(drift, kind=DriftClass.CHANGED, fields=(*drift.fields, *fields), note=note)


def _of(each: Served, state: State) -> Iterator[_Difference]:
    entry = state.entries.get(each.deployment)
    recorded = dict(_recorded(entry.spec, state)) if entry else {}
    for part, told in each.parts.items():
        if part not in recorded:
            continue
        field, digest = recorded[part]
        if told.loaded and told.loaded != digest:
            yield _Difference(field, _word(part), digest, told.loaded, loaded=True)
        elif told.now and told.now != digest:
            yield _Difference(field, _word(part), digest, told.now, loaded=False, sure=bool(told.loaded))


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
