"""The document of a text of plain lines, as most manifests are: a key, and behind or below it one word or more keys.

It is what `documents` and `document` make of the same text, in a tenth of the time. Of any other text it is nothing:
what has lists, quotes, tags, anchors or several words, or anything wrong with it, is for the parser.

Most lines of a folder occur in many of its files, and most files have the keys of another one in the same lines. So
what a line says, and where keys in such lines belong, is told once.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Union

from reconciler.load.yaml.parsed import Document
from reconciler.load.yaml.positions import KeptPositions
from reconciler.load.yaml.scalars import NotAValueError, plain_value

_LINE = re.compile(
    r"(?P<indent> {0,20})(?P<key>[A-Za-z_$][A-Za-z0-9_-]{0,99}):"
    r"(?: +(?P<word>[A-Za-z0-9./](?:[A-Za-z0-9_./:@+-]{0,400}[A-Za-z0-9_./@+-])?))?"
)
_NOTHING = re.compile("(?: *#[ -~]*)?")
_MOST_LETTERS = 50_000
_SHORT = 200

Fields = Mapping[str, Union[int, "Fields"]]
"""Of each key the line that has its value, or the keys below it."""


class _Line(NamedTuple):
    """What a line says.

    Args:
        head: all before the value, with a blank behind the colon if there is one; empty where there is no key.
        value: as YAML has it.
        written: the value as it is written, where that is no text to YAML.
    """

    head: str = ""
    value: Any = None
    written: str = ""


class _Shape(NamedTuple):
    """What texts have in common whose lines have the same heads.

    Args:
        fields: the keys.
        paths: by line, the dotted path of its key.
        places: where the keys are, as `KeptPositions` takes it.
    """

    fields: Fields
    paths: Sequence[str]
    places: str


class _OtherError(Exception):
    """The text is not of plain lines."""


def plain_document(text: str) -> Document | None:
    """The one document of a text; None where it is not of plain lines alone."""
    if len(text) > _MOST_LETTERS:
        return None
    try:
        lines = [_known_line(line) if len(line) <= _SHORT else _line(line) for line in text.split("\n")]
        shape = _shape(tuple([line[0] for line in lines]))
    except (_OtherError, NotAValueError):
        return None
    value = _filled(shape.fields, [line[1] for line in lines])
    written = {path: line[2] for path, line in zip(shape.paths, lines, strict=True) if line[2]}
    return Document(value, KeptPositions(shape.places, value), written)


def _filled(fields: Fields, values: Sequence[Any]) -> dict[str, Any]:
    return {key: values[at] if isinstance(at, int) else _filled(at, values) for key, at in fields.items()}


def _line(line: str) -> _Line:
    """What a line says.

    Raises:
        _OtherError: it is not plain.
        NotAValueError: its word is none.
    """
    found = _LINE.fullmatch(line)
    if not found:
        if _NOTHING.fullmatch(line):
            return _Line()
        raise _OtherError
    indent, key, word = found.groups()
    if not isinstance(plain_value(key), str):
        raise _OtherError  # YAML takes it for something else than a text
    head = f"{indent}{key}:"
    if word is None:
        return _Line(head)
    value = plain_value(word)
    return _Line(f"{head} ", value, "" if isinstance(value, str) else word)


_known_line = lru_cache(maxsize=4096)(_line)


@lru_cache(maxsize=128)
def _shape(heads: tuple[str, ...]) -> _Shape:
    """The shape of a text by the heads of its lines.

    Raises:
        _OtherError: a key does not stand where one may.
    """
    shaper = _Shaper()
    paths = [shaper.path(number, head) if head else "" for number, head in enumerate(heads)]
    places = [f"{number} {len(head) - len(head.lstrip()) + 1}" for number, head in enumerate(heads, start=1) if head]
    return _Shape(shaper.fields(), paths, " ".join([*places[:1], *places]))


class _Shaper:
    """Takes the keys of a text in turn."""

    def __init__(self) -> None:
        self._top: dict[str, Any] = {}
        self._outside: list[tuple[int, str, dict[str, Any]]] = []
        self._indent, self._prefix, self._fields, self._opened = 0, "", self._top, ""

    def path(self, number: int, head: str) -> str:
        """Take a line with a key; gives the key's dotted path.

        Raises:
            _OtherError: it does not stand where a key may.
        """
        key, _, value = head.lstrip().partition(":")
        indent = len(head) - len(head.lstrip())
        if self._opened:
            self._go_in(indent)
        elif indent != self._indent:
            self._go_out(indent)
        if key in self._fields:
            raise _OtherError
        self._fields[key] = number if value else {}
        self._opened = "" if value else key
        return f"{self._prefix}{key}"

    def fields(self) -> Fields:
        """All that was taken.

        Raises:
            _OtherError: that is nothing, or the last key has no value.
        """
        if self._opened or not self._top:
            raise _OtherError
        return self._top

    def _go_in(self, indent: int) -> None:
        if indent <= self._indent:
            raise _OtherError  # a key without a value
        self._outside.append((self._indent, self._prefix, self._fields))
        self._indent, self._prefix = indent, f"{self._prefix}{self._opened}."
        self._fields = self._fields[self._opened]

    def _go_out(self, indent: int) -> None:
        while self._indent > indent and self._outside:
            self._indent, self._prefix, self._fields = self._outside.pop()
        if indent != self._indent:
            raise _OtherError
