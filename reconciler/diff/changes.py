"""Desired against recorded: what must be created, changed, replaced or deleted, and which fields make it so."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.plan import Change, FieldChange
from reconciler.core.secret import Secret
from reconciler.core.state import Entry, State
from reconciler.diff.fields import differing
from reconciler.kinds import KINDS
from reconciler.kinds.autoscaling import left_to_the_autoscaler, started
from reconciler.kinds.marks import is_by_command
from reconciler.kinds.references import named_assets

_LEAVES = (str, int, float, list, Secret)
"""What most values are; to ask of each whether it is a mapping takes longer."""


def changes(
    resources: Sequence[Resource],
    state: State,
    *,
    recorded: State | None = None,
    whole: bool = True,
    keep: bool = True,
) -> list[Change]:
    """All changes that bring the record to what is wanted, sorted by address.

    Args:
        resources: what is wanted, sorted by address.
        state: what is recorded, drift folded in.
        recorded: what is recorded, as it stands; None when nothing was folded in.
        whole: what is recorded and not wanted is deleted; False leaves it alone.
        keep: what a command registered stays although no file defines it.
    """
    recorded = recorded or state
    found = [change for resource in resources if (change := _change(resource, state, recorded))]
    if whole:
        stays = {resource.address for resource in resources} | set(by_command(resources, state) if keep else ())
        found += [_deletion(address, state) for address in state.entries if address not in stays]
    found += _dragged(resources, state, found)
    return sorted(found, key=lambda change: str(change.address))


def by_command(resources: Sequence[Resource], state: State) -> list[Address]:
    """What a command registered and nothing wanted defines, sorted."""
    wanted = {resource.address for resource in resources}
    return sorted(a for a, entry in state.entries.items() if a not in wanted and is_by_command(entry.spec))


def _dragged(resources: Sequence[Resource], state: State, found: Sequence[Change]) -> list[Change]:
    """Unchanged deployments of a replaced endpoint, which go with it and are made anew."""
    replaced = {change.address for change in found if change.replaces}
    touched = {change.address for change in found}
    return [
        Change(r.address, state.entries[r.address].spec, started(r.spec), needs=_needs(r.address, r.spec))
        for r in resources
        if replaced and r.address.parent in replaced and r.address not in touched
    ]


def _change(resource: Resource, state: State, recorded: State) -> Change | None:
    entry = state.entries.get(resource.address)
    if entry is None or not entry.spec:
        needs = _needs(resource.address, resource.spec)
        return Change(resource.address, None, started(resource.spec), _creation(resource), needs=needs)
    kind = KINDS[resource.address.kind]
    wanted, before = left_to_the_autoscaler(resource.spec, entry.spec)
    if kind.left_alone:
        before = {k: v for k, v in before.items() if k in wanted or k not in kind.left_alone}
    if before == wanted:
        return None
    fields = tuple(_fields(resource, before, wanted))
    if not fields:
        return None
    needs = _needs(resource.address, resource.spec)
    replaces = next((field.path for field in fields if field.path.partition(".")[0] in kind.replace), "")
    if replaces:
        # The new object gets what the old one had of fields that the manifest leaves to others.
        left = {name: entry.spec[name] for name in kind.left_alone if name in entry.spec}
        made = started({**left, **resource.spec})
        return Change(resource.address, entry.spec, made, fields, replaces, needs)
    drifted = _drifted(recorded.entries.get(resource.address), entry) & (before.keys() | wanted.keys())
    return Change(resource.address, before, wanted, fields, needs=needs, drifted=drifted)


def _drifted(recorded: Entry | None, found: Entry) -> frozenset[str]:
    if recorded is None or recorded is found:
        return frozenset()
    names = recorded.spec.keys() | found.spec.keys()
    return frozenset(name for name in names if recorded.spec.get(name) != found.spec.get(name))


def _fields(resource: Resource, before: Spec, wanted: Spec) -> Iterator[FieldChange]:
    symptoms = KINDS[resource.address.kind].symptoms
    for path, old, new in differing(before, wanted):
        yield FieldChange(path, old, new, None if path in symptoms else resource.source(path))


def _creation(resource: Resource) -> tuple[FieldChange, ...]:
    """The fields of a new resource that are not as the defaults have them anyway."""
    unsaid = KINDS[resource.address.kind].defaults.get(resource.manifest.platform, {})
    said = _said(started(resource.spec), unsaid)
    sources = resource.sources([path for path, _ in said])
    return tuple([FieldChange(path, None, value, source) for (path, value), source in zip(said, sources, strict=True)])


def _said(spec: Spec, unsaid: Any, path: str = "") -> list[tuple[str, Any]]:
    """Dotted path and value of every leaf that is not as the defaults have it."""
    usual: Spec = unsaid if unsaid and isinstance(unsaid, Mapping) else {}
    found: list[tuple[str, Any]] = []
    for key in sorted(spec):
        value, default = spec[key], usual.get(key)
        if value is default or value is None or value == default:
            continue
        inner = f"{path}.{key}" if path else key
        if isinstance(value, _LEAVES) or not isinstance(value, Mapping):
            found.append((inner, value))
        else:
            found += _said(value, default, inner)
    return found


def _deletion(address: Address, state: State) -> Change:
    spec = state.entries[address].spec
    return Change(address, spec, None, needs=_needs(address, spec))


def _needs(address: Address, spec: Spec) -> tuple[Address, ...]:
    """What must exist before this resource does: its parent, and the registered assets that it names."""
    parent = (address.parent,) if address.parent else ()
    return (*parent, *named_assets(KINDS[address.kind], spec))
