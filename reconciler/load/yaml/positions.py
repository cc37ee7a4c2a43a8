"""The places of a document's fields, kept as text until one of them is asked for.

A plan that finds nothing to do asks for none, and as paths and numbers they take more room than all else of a file.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Place = tuple[int, int]


class KeptPositions(Mapping[str, Place]):
    """Dotted path to line and column of every field; the document's own place under the empty path.

    Args:
        text: as `kept` gives it.
        document: the fields, as they were then.
    """

    __slots__ = ("_document", "_found", "_text")

    def __init__(self, text: str, document: Mapping[str, Any]) -> None:
        self._text, self._document = text, document
        self._found: dict[str, Place] | None = None

    def __getitem__(self, path: str) -> Place:
        """The place of a field; that of the document stands first."""
        if path or self._found is not None:
            return self._all()[path]
        line, column, *_ = self._text.split(" ", 2)
        return int(line), int(column)

    def get(self, path: str, default: Any = None) -> Any:
        """The place of a field, or something else where it has none; a large plan asks for a hundred thousand."""
        if self._found is None and not path:
            return self[path]
        return (self._found or self._all()).get(path, default)

    def __contains__(self, path: object) -> bool:
        """Whether a path has a place, as that of the document always has."""
        return not path or path in self._all()

    def __iter__(self) -> Iterator[str]:
        """The paths, in the order of the file."""
        return iter(self._all())

    def __len__(self) -> int:
        """How many paths there are."""
        return len(self._all())

    def __repr__(self) -> str:
        """As the mapping that it is."""
        return repr(self._all())

    def text_for(self, document: Mapping[str, Any]) -> str:
        """The text, if they are the places of this very document; else nothing."""
        return self._text if document is self._document else ""

    def _all(self) -> dict[str, Place]:
        if self._found is None:
            numbers = map(int, self._text.split(" "))
            self._found = dict(zip(_paths(self._document), zip(numbers, numbers, strict=True), strict=True))
        return self._found


def kept(positions: Mapping[str, Place], document: Mapping[str, Any]) -> str:
    """The places of a document's fields as text.

    Raises:
        KeyError: a field has none.
    """
    if isinstance(positions, KeptPositions) and (known := positions.text_for(document)):
        return known
    return " ".join(["%d %d" % positions[path] for path in _paths(document)])  # noqa: UP031 - in half the time


def moved(positions: Mapping[str, Place], document: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Place]:
    """The places of a document's fields as those of another one, which has the same fields in the same order."""
    text = positions.text_for(document) if isinstance(positions, KeptPositions) else ""
    return KeptPositions(text, other) if text else positions


def is_kept(text: str) -> bool:
    """Whether it is what `kept` gives of some document."""
    return text.count(" ") % 2 == 1 and text.isascii() and text.replace(" ", "").isdigit()


def _paths(document: Mapping[str, Any]) -> list[str]:
    found = [""]
    _add(found, document, "")
    return found


def _add(found: list[str], value: Any, prefix: str) -> None:
    """Add the paths of everything that a mapping or a list holds, each before what it holds itself."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        path = f"{prefix}{key}"
        found.append(path)
        if isinstance(item, (dict, list)):
            _add(found, item, f"{path}.")
