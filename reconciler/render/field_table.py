"""The fields of steps in aligned columns, the place in the file last; a large plan has a hundred thousand of them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.plan import FieldChange
from reconciler.render.fields import field_rows
from reconciler.render.values import Veil, printable


class FieldTables:
    """Writes the tables of one plan: most of its places are in few files, and of few commits.

    Args:
        veil: numbers the secrets.
        blame: who last wrote the places.
    """

    def __init__(self, veil: Veil, blame: Mapping[Source, Blame]) -> None:
        self._veil, self._blame = veil, blame
        self._inert = cache(printable)
        self._said: dict[int, str] = {}

    def of(self, fields: Iterable[FieldChange], *, created: bool) -> list[str]:
        """The lines of one step's fields."""
        rows = field_rows(fields, self._veil, created=created)
        paths = _aligned(tuple([path for path, _, _ in rows]))
        place = self._place
        return [f"{path}{how}{place(source)}" for path, (_, how, source) in zip(paths, rows, strict=True)]

    def _place(self, source: Source | None) -> str:
        """Where a field was written, and by whom."""
        if source is None:
            return ""
        by = self._blame.get(source)
        said = self._said.get(id(by)) or self._learn(by) if by else ""
        if type(source) is Source:  # as nearly all are
            return f"   [{self._inert(source.file)}:{source.line}{said}]"
        return f"   [{printable(str(source))}{said}]"

    def _learn(self, by: Blame) -> str:
        # Known by which value it is: to take its hash takes as long as to write it.
        said = self._said[id(by)] = f" {printable(str(by))}"
        return said


@lru_cache(maxsize=4096)
def _aligned(paths: tuple[str, ...]) -> Sequence[str]:
    """The first column: most resources of a kind have the same fields."""
    width = max(map(len, paths), default=0)
    return tuple([f"       {printable(path):<{width}}  " for path in paths])
