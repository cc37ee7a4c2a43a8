"""The file of a memory target: JSON lines, of which a later one of an address replaces the earlier.

What the tool writes of an object has one form, of which the address can be told without decoding the rest. People may
edit the file: a line in another form is decoded, whatever is asked.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.core.address import Address
from reconciler.core.secret import spec_from_json
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.providers.memory_lines import BEGINS, decoded, digest_of, in_form, is_of_another, together
from reconciler.record.files import open_regular

_AT_ONCE = 500
_WRONG = (ValueError, KeyError, TypeError, AttributeError)

Held = tuple[dict[Address, Live], dict[Address, int]]


class _Row(NamedTuple):
    """A line of which the address is known.

    Args:
        held: what it says; None where it was not decoded.
        has_object: whether the object is there, and not only what is refused.
    """

    address: str
    number: int
    line: bytes
    held: Mapping[str, Any] | None
    has_object: bool


def read_objects(file: Path) -> Held:
    """Every object, and by address the generation below which operations are refused.

    Raises:
        ProviderError: the file cannot be read, or a line of it is no object of a memory target.
    """
    objects: dict[Address, Live] = {}
    fences: dict[Address, int] = {}
    lines = _lines(file)
    while some := list(islice(lines, _AT_ONCE)):
        for (number, line), known in zip(some, together([line for _, line in some]), strict=True):
            try:  # a context would take as long as all else that is done here
                if (held := known or decoded(line)) is not None:
                    _take(held, objects, fences)
            except _WRONG as error:
                raise _refusal(file, number, error) from error
    return objects, fences


def root_of(file: Path) -> str:
    """Equal where the file is the same, byte by byte; it is read in pieces, however large it is."""
    with _reading(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digests_of(file: Path) -> dict[Address, str] | None:
    """The digest of every object; None where an address has several lines, which are to be read in order.

    Raises:
        ProviderError: as `read_objects`, for what was decoded.
    """
    found: dict[Address, str] = {}
    names = set[str]()
    for row in _rows(file):
        if row.address in names:
            return None
        names.add(row.address)
        if row.has_object:
            found[Address.parse(row.address)] = digest_of(row.line)
    return found


def some_of(file: Path, addresses: Collection[Address]) -> Sequence[Live]:
    """Those of the objects at these addresses that are there.

    Raises:
        ProviderError: as `read_objects`, for what was decoded.
    """
    objects: dict[Address, Live] = {}
    names = {str(address) for address in addresses}
    written = {name.encode("utf-8", "surrogatepass") for name in names}
    for row in _rows(file, lambda line: not is_of_another(line, written)):
        if row.address in names:
            with _refusing(file, row.number):
                _take(row.held or spec_from_json(row.line), objects, {})
    return tuple(objects.values())


def known_of(file: Path, digests: Mapping[Address, str]) -> Sequence[Live]:
    """Those of the objects of these digests that lie where they do in a file whose addresses are in order."""
    objects: dict[Address, Live] = {}
    with _reading(file) as stream:
        size = stream.seek(0, os.SEEK_END)
        for address, digest in digests.items():
            line = _in_order(stream, size, str(address).encode("utf-8", "surrogatepass"))
            if digest_of(line) == digest:
                _take(spec_from_json(line), objects, {})
    return tuple(objects[address] for address in digests if address in objects)


def _in_order(stream: BufferedReader, size: int, name: bytes) -> bytes:
    """The line of an address if all addresses are in order, else any line or none."""
    line, start, end = b"", 0, size
    while start < end:
        middle = (start + end) // 2
        stream.seek(max(start, middle - 1))
        at = middle - 1 + len(stream.readline()) if middle > start else start
        line = stream.readline() if at < end else b""
        found = line[len(BEGINS) : line.find(b'"', len(BEGINS))]
        if found == name:
            break
        if line and found < name:
            start = at + len(line)
        else:
            end = middle
    return line


def _rows(file: Path, is_asked: Callable[[bytes], bool] = lambda _line: True) -> Iterator[_Row]:
    """Every line that says something of what is asked; those of the tool's own form are not decoded."""
    for number, line in _lines(file):
        if not is_asked(line):
            continue
        if form := in_form(line):
            yield _Row(form[1].decode(), number, line, None, has_object=True)
            continue
        with _refusing(file, number):
            if (held := decoded(line)) is not None:
                address = str(Address.parse(held["address"]))
                yield _Row(address, number, line, held, has_object=held.get("spec") is not None)


def _take(held: Mapping[str, Any], objects: dict[Address, Live], fences: dict[Address, int]) -> None:
    address = Address.parse(held["address"])
    fences[address] = max(held["fence"], fences.get(address, 0))
    if held.get("spec") is None:
        objects.pop(address, None)
    else:
        made = (held["lineage"], held["generation"], held["operation"])
        objects[address] = Live(address, held["spec"], *made, created=held.get("created", ""))


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    with _reading(file) as stream:
        yield from enumerate(stream, start=1)


@contextmanager
def _reading(file: Path) -> Iterator[BufferedReader]:
    try:
        with open_regular(file) as stream:
            yield stream
    except OSError as error:
        raise ProviderError(f"{file}: cannot be read: {error.strerror}") from error


@contextmanager
def _refusing(file: Path, number: int) -> Iterator[None]:
    try:
        yield
    except _WRONG as error:
        raise _refusal(file, number, error) from error


def _refusal(file: Path, number: int, error: Exception) -> ProviderError:
    return ProviderError(f"{file}:{number} is not an object of a memory target: {error}")
