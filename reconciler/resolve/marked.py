"""What is wanted carries on the marks that no file says, and what a command makes gets those of the command."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.manifest import Resource, Spec
from reconciler.core.state import Entry
from reconciler.kinds import KINDS
from reconciler.kinds.marks import UNTIL_A_FILE


def marked(resource: Resource, entry: Entry | None, *, first: Mapping[str, Any] | None) -> Resource:
    """A wanted resource with the marks that it has or gets.

    Args:
        resource: what is wanted, as a file or a command says it.
        entry: what is recorded of it; None where it is new.
        first: the marks of what a command makes: what is new gets them, and what was a folder's stays the folder's.
            None where files say it, which take such marks away, as they define the resource from then on.
    """
    kind = KINDS[resource.address.kind]
    if not kind.marks:
        return resource
    before: Spec = entry.spec if entry else {}
    kept = kind.marks - resource.manifest.document.keys() - (UNTIL_A_FILE if first is None else set())
    marks = {name: before[name] for name in sorted(kept) if name in before}
    if first and not before:
        marks |= {name: value for name, value in first.items() if name in kind.marks}
    more = {**_told(resource, before), **(_unsaid(resource, before) if first is not None else {}), **marks}
    return replace(resource, spec={**resource.spec, **more}) if more else resource


def _told(resource: Resource, before: Spec) -> Spec:
    """What the content tells of a new version; one that is recorded keeps what it has."""
    names = KINDS[resource.address.kind].derived - resource.spec.keys()
    found = before or (resource.manifest.derived if resource.manifest.kind == resource.address.kind else {})
    return {name: found[name] for name in sorted(names) if name in found}


def _unsaid(resource: Resource, before: Spec) -> Spec:
    """What is recorded of a version that was found by its content, where the command says nothing of it."""
    said = resource.manifest.document
    if (
        not KINDS[resource.address.kind].versioned
        or "version" in said
        or resource.manifest.kind != resource.address.kind
    ):
        return {}
    return {name: value for name, value in before.items() if name not in said}
