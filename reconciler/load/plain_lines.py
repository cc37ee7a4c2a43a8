"""The document of a text of plain lines, as most manifests are: a key, and behind or below it one word or more keys.

It is what `documents` and `document` make of the same text, in a fifth of the time. Of any other text it is nothing:
what has lists, quotes, tags, anchors or several words, or anything wrong with it, is for the parser.
"""

import re
from functools import lru_cache
from typing import Any

from reconciler.load.parsed import Document, Positions
from reconciler.load.scalars import NotAValueError, plain_value

_LINE = re.compile(
    r"(?P<indent> {0,20})(?P<key>[A-Za-z_$][A-Za-z0-9_-]{0,99}):"
    r"(?: +(?P<word>[A-Za-z0-9./](?:[A-Za-z0-9_./:@+-]{0,400}[A-Za-z0-9_./@+-])?))?"
)
_NOTHING = re.compile("(?: *#[ -~]*)?")
_MOST_LETTERS = 50_000


class _OtherError(Exception):
    """The text is not of plain lines."""


def plain_document(text: str) -> Document | None:
    """The one document of a text; None where it is not of plain lines alone."""
    if len(text) > _MOST_LETTERS:
        return None
    reader = _Reader()
    try:
        for number, line in enumerate(text.split("\n"), start=1):
            if found := _LINE.fullmatch(line):
                reader.take(number, *found.groups())
            elif not _NOTHING.fullmatch(line):
                return None
        return reader.document()
    except (_OtherError, NotAValueError):
        return None


class _Reader:
    """Takes the lines of a text in turn."""

    def __init__(self) -> None:
        self._value: dict[str, Any] = {}
        self._positions: Positions = {}
        self._written: dict[str, str] = {}
        self._outside: list[tuple[str, str, dict[str, Any]]] = []
        self._indent, self._prefix, self._fields, self._opened = "", "", self._value, ""

    def take(self, number: int, indent: str, key: str, word: str | None) -> None:
        """Take a line with a key.

        Raises:
            _OtherError: it does not stand where a key may, or is for another reason not plain.
            NotAValueError: its word is none.
        """
        if self._opened:
            self._go_in(indent)
        elif indent != self._indent:
            self._go_out(indent)
        if key in self._fields or not _is_word(key):
            raise _OtherError
        path = f"{self._prefix}{key}"
        place = number, len(indent) + 1
        if not self._positions:
            self._positions[""] = place
        self._positions[path] = place
        if word is None:
            self._opened, self._fields[key] = path, {}
            return
        value = self._fields[key] = plain_value(word)
        if not isinstance(value, str):
            self._written[path] = word

    def document(self) -> Document:
        """All that was taken."""
        if self._opened or not self._value:
            raise _OtherError
        return Document(self._value, self._positions, self._written)

    def _go_in(self, indent: str) -> None:
        if len(indent) <= len(self._indent):
            raise _OtherError  # a key without a value
        self._outside.append((self._indent, self._prefix, self._fields))
        fields = self._fields[self._opened.rpartition(".")[2]]
        self._indent, self._prefix, self._fields, self._opened = indent, f"{self._opened}.", fields, ""

    def _go_out(self, indent: str) -> None:
        while len(self._indent) > len(indent) and self._outside:
            self._indent, self._prefix, self._fields = self._outside.pop()
        if indent != self._indent:
            raise _OtherError


@lru_cache(maxsize=4096)
def _is_word(key: str) -> bool:
    """Whether a key is a text to YAML, too."""
    return isinstance(plain_value(key), str)
