"""The fields of steps in aligned columns, the place in the file last; a large plan has a hundred thousand of them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.plan import FieldChange
from reconciler.render.fields import field_rows
from reconciler.render.values import Veil, printable


def field_table(
    fields: Iterable[FieldChange], veil: Veil, blame: Mapping[Source, Blame], *, created: bool
) -> list[str]:
    """The lines of one step's fields.

    Args:
        fields: of the step.
        veil: numbers the secrets of the plan.
        blame: who last wrote the places.
        created: whether there was nothing before.
    """
    rows = field_rows(fields, veil, created=created)
    paths = _aligned(tuple([path for path, _, _ in rows]))
    return [f"{path}{how}{_place(source, blame)}" for path, (_, how, source) in zip(paths, rows, strict=True)]


def _place(source: Source | None, blame: Mapping[Source, Blame]) -> str:
    """Where a field was written, and by whom."""
    if source is None:
        return ""
    by = blame.get(source)
    return f"   [{printable(f'{source} {by}' if by else str(source))}]"


@lru_cache(maxsize=4096)
def _aligned(paths: tuple[str, ...]) -> Sequence[str]:
    """The first column: most resources of a kind have the same fields."""
    width = max(map(len, paths), default=0)
    return tuple([f"       {printable(path):<{width}}  " for path in paths])
