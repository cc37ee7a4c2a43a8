"""Which changed fields of a plan were written in a manifest once, and are not any more."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from reconciler.core.manifest import Manifest, Past, Source, origin_of
from reconciler.core.plan import Step
from reconciler.kinds import KINDS
from reconciler.load.overrides import address_of

Key = tuple[str, str]
"""A resource's address in small letters, and the dotted path of one of its fields."""


def taken_out(steps: Sequence[Step], manifests: Iterable[Manifest]) -> frozenset[Key]:
    """The fields that had a value and that no file gives one: what they are now is nothing, or a default."""
    had = [(step, field.path) for step in steps for field in step.fields if field.before is not None and field.source]
    if not had:
        return frozenset()
    by_address = {address_of(each.kind, each.document).lower(): each for each in manifests}
    return frozenset(
        (address, path)
        for step, path in had
        if (manifest := by_address.get(address := str(step.address).lower())) and not _is_given(manifest, path)
    )


def written(steps: Sequence[Step], taken: Collection[Key]) -> list[Source]:
    """The places of the fields that a file gives a value."""
    return [
        field.source
        for step in steps
        for field in step.fields
        if field.source and not isinstance(field.source, Past)
        if not taken or (str(step.address).lower(), field.path) not in taken
    ]


def places_of(kind: str, positions: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """The places of a document's fields, by their paths as a spec has them: what traffic is for in small letters."""
    routed = KINDS[kind].route
    return {path.lower() if path.partition(".")[0] in routed else path: at for path, at in positions.items()}


def _is_given(manifest: Manifest, path: str) -> bool:
    """Whether a field is written, in the file, from outside of it, or in a file that it names."""
    if origin_of(path, manifest.given):
        return True
    written, nearest = places_of(manifest.kind, manifest.positions), path
    while nearest and nearest not in written:
        nearest = nearest.rpartition(".")[0]
    return nearest == path or nearest in manifest.brought or nearest in manifest.contents
