"""A mapping in parts, each known by the digest of what it holds; equal mappings have equal parts, and one id.

What several mappings share is kept once. Of one that was kept only those parts are read in which a name is looked up,
and only those are made anew in which something changed.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from reconciler.frozen import dataclass
from reconciler.load.caching.cached_rows import keep_rows, read_rows

_TABLE = "parts"
# Of ten thousand names a part holds some eighty: little to read and to write where one of them changes.
_PARTS = 128
_TEXT_OF = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

Values = Mapping[str, Any]
"""Names with what JSON can tell."""

Others = Callable[[Collection[str]], Mapping[str, bytes]]


class ForgottenError(LookupError):
    """What is asked for is not kept any more."""


@dataclass(frozen=True)
class Parted:
    """A mapping in parts.

    Args:
        digests: of the parts, in their order; empty for one without a name.
        rows: what is to be kept of it, as text by digest.
        read: gives the text of other parts by their digests, as far as it is kept.
        known: by their numbers, the parts in which a name was looked up.
    """

    digests: tuple[str, ...]
    rows: Mapping[str, bytes] = field(repr=False, compare=False)
    read: Others = field(repr=False, compare=False)
    known: dict[int, Mapping[str, Any]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        """Equal where all names have equal values."""
        return hashlib.sha256("\n".join(self.digests).encode()).hexdigest()

    def some(self, names: Collection[str]) -> dict[str, Any]:
        """Those of these names that there are, with their values.

        Raises:
            ForgottenError: a part is not kept any more.
        """
        numbers = {name: _part_of(name) for name in names}
        self.known.update(self.parts({*numbers.values()} - self.known.keys()))
        return {name: part[name] for name, number in numbers.items() if name in (part := self.known[number])}

    def all(self) -> dict[str, Any]:
        """All names with their values.

        Raises:
            ForgottenError: a part is not kept any more.
        """
        return _joined(self.parts(range(_PARTS)))

    def differing(self, other: "Parted") -> set[str]:
        """The names that one of the two has alone, or with another value.

        Raises:
            ForgottenError: a part is not kept any more.
        """
        numbers = [number for number in range(_PARTS) if self.digests[number] != other.digests[number]]
        ours, theirs = (_joined(each.parts(numbers)) for each in (self, other))
        shared = ours.keys() & theirs.keys()
        return (ours.keys() ^ theirs.keys()) | {name for name in shared if ours[name] != theirs[name]}

    def amended(self, gone: Collection[str], new: Values) -> "Parted":
        """The same without some names, and then with some values.

        Raises:
            ForgottenError: a part is not kept any more.
        """
        parts = self.parts({_part_of(name) for name in (*gone, *new)})
        for name in gone:
            parts[_part_of(name)].pop(name, None)
        for name, value in new.items():
            parts[_part_of(name)][name] = value
        digests, rows = list(self.digests), dict(self.rows)
        for number, part in parts.items():
            digests[number] = _written(part, rows)
        return Parted(tuple(digests), rows, self.read)

    def parts(self, numbers: Collection[int]) -> dict[int, dict[str, Any]]:
        """Some parts by their numbers.

        Raises:
            ForgottenError: one is not kept any more.
        """
        wanted = {self.digests[number] for number in numbers} - self.rows.keys() - {""}
        texts = {**self.rows, **(self.read(wanted) if wanted else {}), "": b"{}"}
        if wanted - texts.keys():
            raise ForgottenError
        return {number: json.loads(texts[self.digests[number]]) for number in numbers}


def parted(values: Values, cache: Path | None = None) -> Parted:
    """A mapping in parts, of which nothing is kept yet."""
    parts: list[dict[str, Any]] = [{} for _ in range(_PARTS)]
    for name, value in values.items():
        parts[_part_of(name)][name] = value
    rows = dict[str, bytes]()
    return Parted(tuple(_written(part, rows) for part in parts), rows, _reader(cache))


def keep_parted(cache: Path | None, *several: Parted) -> None:
    """Keep mappings, each with what is new of its parts."""
    heads = {each.id: "\n".join(each.digests).encode() for each in several}
    keep_rows(cache, _TABLE, {**heads, **{digest: row for each in several for digest, row in each.rows.items()}})


def kept(found: str, cache: Path | None) -> Parted:
    """A mapping that was kept, by its id.

    Raises:
        ForgottenError: it is not kept any more.
    """
    return all_kept([found], cache)[0]


def all_kept(found: Sequence[str], cache: Path | None) -> list[Parted]:
    """Several of them; as `kept`."""
    read = _reader(cache)
    heads = read(set(found))
    if heads.keys() != set(found):
        raise ForgottenError
    return [Parted(tuple(heads[each].decode().split("\n")), {}, read) for each in found]


def _joined(parts: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: value for part in parts.values() for name, value in part.items()}


def _reader(cache: Path | None) -> Others:
    """Reads texts by their digests; of one that is not what it stands under there is none."""

    def read(digests: Collection[str]) -> dict[str, bytes]:
        rows = read_rows(cache, _TABLE, digests)
        return {digest: row for digest, row in rows.items() if hashlib.sha256(row).hexdigest() == digest}

    return read


def _part_of(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % _PARTS


def _written(part: Mapping[str, Any], rows: dict[str, bytes]) -> str:
    """The digest of a part, whose text is added to `rows`."""
    if not part:
        return ""
    text = _TEXT_OF(part).encode()
    digest = hashlib.sha256(text).hexdigest()
    rows[digest] = text
    return digest
