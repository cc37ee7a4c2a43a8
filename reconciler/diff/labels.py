"""References that were written with a label: what the record must remember of them, and which would be others now."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import FieldChange
from reconciler.core.state import Drift, DriftClass, Entry, State
from reconciler.kinds import KINDS
from reconciler.kinds.references import named_asset


def labelled(state: State, resources: Iterable[Resource]) -> State:
    """The state in which every reference that is as wanted has the label that it is written with now, or none.

    What a step is to change keeps the label that it has until the step is done.
    """
    found = relabelled(state, resources)
    return replace(state, entries={**state.entries, **found}) if found else state


def relabelled(state: State, resources: Iterable[Resource]) -> dict[Address, Entry]:
    """The entries that `labelled` changes."""
    return {resource.address: entry for resource in resources if (entry := _labelled(state, resource))}


def _labelled(state: State, resource: Resource) -> Entry | None:
    entry = state.entries.get(resource.address)
    if entry is None or not (entry.labels or resource.labels):
        return None
    labels: dict[str, str] = {}
    for path in sorted({*entry.labels, *resource.labels}):
        said = resource.labels if entry.spec.get(path) == resource.spec.get(path) else entry.labels
        labels |= {path: said[path]} if path in said else {}
    return replace(entry, labels=labels) if labels != entry.labels else None


def moved_labels(state: State, youngest: Callable[[str, str], str]) -> Iterator[Drift]:
    """Recorded references that were pinned from a label which would be another version now.

    Args:
        state: the record.
        youngest: the version that `latest` of a kind and a name would be; empty for none.
    """
    for address, entry in state.entries.items():
        fields = tuple(_moved(address, entry, youngest))
        if fields:
            told = ", ".join(f"{path} is written @{entry.labels[path]}" for path in (f.path for f in fields))
            yield Drift(address, DriftClass.LABEL, fields, f"{told}, which would be another version now")


def _moved(address: Address, entry: Entry, youngest: Callable[[str, str], str]) -> Iterator[FieldChange]:
    for path in entry.labels:
        pinned = entry.spec.get(path)
        asset = named_asset(KINDS[address.kind], path, pinned)
        version = youngest(asset.kind, asset.name) if asset else ""
        if asset and version and version != asset.version:
            yield FieldChange(path, pinned, f"azureml:{asset.name}:{version}")
