"""The file of a memory target: JSON lines, of which a later one of an address replaces the earlier.

What the tool writes of an object has one form, of which the address can be told without decoding the rest. People may
edit the file: a line in another form is decoded, whatever is asked.
"""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.core.address import Address
from reconciler.core.secret import sealed, spec_begun, spec_from_json, specs_from_json
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.late import pattern
from reconciler.record.files import open_regular

# What stands before an object's spec, of an address that is one. Nothing in it is escaped.
_NAME, _TEXT, _NUMBER = rb"[\w.-]+", rb'"[ !#-\[\]-~]*"', rb"(?:0|[1-9][0-9]{0,17})"
_FORM = pattern(
    rb'\{"address": "(endpoint/%b|deployment/%b/%b|(?:model|environment)/%b:%b)", "fence": (%b), "lineage": (%b), '
    rb'"generation": (%b), "operation": (%b), "created": (%b), "spec": (?=\{)'
    % (*[_NAME] * 5, _NUMBER, _TEXT, _NUMBER, _TEXT, _TEXT)
)

_AT_ONCE = 500
_WRONG = (ValueError, KeyError, TypeError, AttributeError)
_BEGINS = b'{"address": "'

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


def line_of(address: Address, live: Live | None, fence: int) -> str:
    """The line of an object; without one, of what is refused at its address."""
    held: dict[str, Any] = {"address": str(address), "fence": fence}
    if live:
        held |= {"lineage": live.lineage, "generation": live.generation, "operation": live.operation}
        held |= {"created": live.created}
        held["spec"] = sealed(live.spec)
    return json.dumps(held) + "\n"


def digest_of(line: bytes) -> str:
    """The digest of an object by its line."""
    return hashlib.sha256(line).hexdigest()


def read_objects(file: Path) -> Held:
    """Every object, and by address the generation below which operations are refused.

    Raises:
        ProviderError: the file cannot be read, or a line of it is no object of a memory target.
    """
    objects: dict[Address, Live] = {}
    fences: dict[Address, int] = {}
    lines = _lines(file)
    while some := list(islice(lines, _AT_ONCE)):
        for (number, line), known in zip(some, _together([line for _, line in some]), strict=True):
            try:  # a context would take as long as all else that is done here
                if (held := known or _decoded(line)) is not None:
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
    for row in _rows(file, lambda line: not _is_of_another(line, written)):
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
        found = line[len(_BEGINS) : line.find(b'"', len(_BEGINS))]
        if found == name:
            break
        if line and found < name:
            start = at + len(line)
        else:
            end = middle
    return line


def _is_of_another(line: bytes, names: Set[bytes]) -> bool:
    """Whether a line is surely an object of none of these addresses: its own stands there once, first, and as it is."""
    start = len(_BEGINS)
    if not line.startswith(_BEGINS) or line[start : line.find(b'"', start)] in names:
        return False
    return b"\\" not in line and line.find(b'"address"', start) < 0 and line.endswith(b"}}\n")


def _rows(file: Path, is_asked: Callable[[bytes], bool] = lambda _line: True) -> Iterator[_Row]:
    """Every line that says something of what is asked; those of the tool's own form are not decoded."""
    for number, line in _lines(file):
        if not is_asked(line):
            continue
        if form := _in_form(line):
            yield _Row(form[1].decode(), number, line, None, has_object=True)
            continue
        with _refusing(file, number):
            if (held := _decoded(line)) is not None:
                address = str(Address.parse(held["address"]))
                yield _Row(address, number, line, held, has_object=held.get("spec") is not None)


def _in_form(line: bytes) -> re.Match[bytes] | None:
    """The form of an object's line, whose address can be told from how it begins.

    A name that stands there twice means what the second one says. A last line without an end may be cut off.
    """
    sure = line.endswith(b"}}\n") and b"\0" not in line and (b"\\" not in line or b"\\u" not in line)
    sure = sure and line.count(b'"address"') == line.count(b'"spec"') == 1
    return _FORM.match(line) if sure else None


def _together(lines: Sequence[bytes]) -> Sequence[Mapping[str, Any] | None]:
    """What lines say, decoded at once in less time and room; nothing where one of them is not in the tool's form."""
    forms = [form for line in lines if (form := _in_form(line))]
    if len(forms) == len(lines):
        rests = [line[form.end() :] for line, form in zip(lines, forms, strict=True)]
        with suppress(ValueError):
            shared = _shared_specs(rests)
            others = iter(_all_at_once([form for form, rest in zip(forms, rests, strict=True) if rest not in shared]))
            told = zip(forms, rests, strict=True)
            return [_said(form, shared[rest]) if rest in shared else next(others) for form, rest in told]
    return [None] * len(lines)


def _all_at_once(forms: Sequence[re.Match[bytes]]) -> Sequence[Mapping[str, Any]]:
    """What lines say.

    Raises:
        ValueError: one of them is no JSON.
    """
    held = specs_from_json([form.string.decode("utf-8", "surrogatepass") for form in forms])
    names = [form[1].decode() for form in forms]
    # Lines that are no JSON by themselves may be some together, but not with the same addresses.
    if [each.get("address") if isinstance(each, dict) else "" for each in held] != names:
        raise ValueError("lines are some JSON together")
    return held


def _shared_specs(rests: Iterable[bytes]) -> dict[bytes, Any]:
    """What several lines have for a spec, by what stands behind the form, where that is a spec and no more.

    Raises:
        ValueError: it is no JSON.
    """
    shared = {}
    for rest in [rest for rest, count in Counter(rests).items() if count > 1]:
        text = rest.decode("utf-8", "surrogatepass")
        spec, end = spec_begun(text)
        if text[end:] == "}\n":
            shared[rest] = spec
    return shared


def _said(form: re.Match[bytes], spec: Any) -> Mapping[str, Any]:
    """What a line says by its form, as decoding it would tell."""
    address, fence, lineage, generation, operation, created = [each.decode("ascii") for each in form.groups()]
    return {
        "address": address,
        "fence": int(fence),
        "lineage": lineage[1:-1],
        "generation": int(generation),
        "operation": operation[1:-1],
        "created": created[1:-1],
        "spec": spec,
    }


def _decoded(line: bytes) -> Mapping[str, Any] | None:
    """What a line says; None where it says nothing.

    Raises:
        ValueError: it is no JSON.
    """
    # Zeros are what a power cut leaves of a line whose write was never acknowledged.
    if not line.strip() or b"\0" in line:
        return None
    try:
        held: Mapping[str, Any] | None = spec_from_json(line)
    except json.JSONDecodeError:
        if line.endswith(b"\n"):
            raise
        return None  # The last line has no end: its write was cut off, so it was never acknowledged.
    return held


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
