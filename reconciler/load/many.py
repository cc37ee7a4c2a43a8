"""What the files of a PATH hold: from the cache where they are the same as ever, else read, by several if that pays."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.problem import Problem
from reconciler.frozen import dataclass
from reconciler.load import parse_cache
from reconciler.load.disk.blob_id import blob_id
from reconciler.load.folder import Located
from reconciler.load.options import Options
from reconciler.load.overrides import meant_for
from reconciler.load.place import Here
from reconciler.load.reading import Reading, read
from reconciler.load.reading_text import as_text, readings
from reconciler.load.variables import uses_variables
from reconciler.load.yaml.text import MAX_BYTES
from reconciler.record.files import descriptor_of

if TYPE_CHECKING:
    from reconciler.load.readers import Readers

_AT_ONCE = 65_536
_ShareOut = Callable[[Mapping[int, bytes], Callable[[int], None]], dict[int, bytes]]


@dataclass(frozen=True)
class File:
    """A file, its content, and the blob id by which the cache knows it; empty where its meaning hangs on more."""

    here: Here
    data: bytes
    blob: str = ""


@dataclass(frozen=True)
class _Read:
    """Readings, and the texts of those that are to be kept, by the files' numbers."""

    readings: dict[int, Reading] = field(default_factory=dict)
    texts: dict[int, bytes] = field(default_factory=dict)


def read_files(
    place: Located,
    options: Options,
    problems: list[Problem],
    readers: "Readers | None" = None,
    meanwhile: Callable[[], None] | None = None,
) -> Iterator[tuple[File, Reading]]:
    """Each file of a PATH with what it holds; one that cannot be opened is added to `problems`.

    Args:
        place: what the PATH stands for.
        options: how to read.
        problems: takes what is wrong.
        readers: who else may read files.
        meanwhile: what else there is to do, done here if others read.
    """
    files = list(_files(place, options, problems))
    known = parse_cache.known(options.cache, {file.blob: file.data for file in files if file.blob})
    unknown = {
        number: file
        for number, file in enumerate(files)
        if file.blob not in known or _overridden(known[file.blob], options)
    }
    found = _found(unknown, place, options, partial(_shared_out, options, readers, meanwhile))
    parse_cache.learn(options.cache, {unknown[number].blob: text for number, text in found.texts.items()})
    for number, file in enumerate(files):
        yield file, found.readings[number] if number in unknown else known[file.blob]


def _files(place: Located, options: Options, problems: list[Problem]) -> Iterator[File]:
    for here in place.files:
        data = _bytes(here, problems)
        if data is not None:
            yield File(here, data, blob_id(data) if _hangs_on_bytes_alone(data, place, options) else "")


def _bytes(here: Here, problems: list[Problem]) -> bytes | None:
    """A file's content; of a file that is too large no more than shows that it is."""
    try:
        descriptor = descriptor_of(here.path)
        try:
            return _up_to(MAX_BYTES + 1, descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        problems.append(here.problem(1, 1, "E-PATH", _why_unread(Path(here.path), error)))
        return None


def _why_unread(file: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and file.is_symlink():
        return f"it is a link to {file.readlink()}, which is not there"
    return f"cannot be read: {error.strerror or error}"


def _up_to(most: int, descriptor: int) -> bytes:
    # Asked for the limit at once, Python lays out a megabyte for every file.
    parts = []
    while most and (part := os.read(descriptor, min(most, _AT_ONCE))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _hangs_on_bytes_alone(data: bytes, place: Located, options: Options) -> bool:
    """Whether what a file means hangs on nothing else: no variables, no names from the command line."""
    return options.cache is not None and not place.alone and not uses_variables(data)


def _found(unknown: Mapping[int, File], place: Located, options: Options, share_out: _ShareOut) -> _Read:
    """Read files; what is read elsewhere comes back as its text, and what has none is read here."""
    found = _Read()

    def read_here(number: int) -> None:
        file = unknown[number]
        reading = found.readings[number] = read(file.data, file.here, options, alone=place.alone)
        if file.blob and not reading.used:
            found.texts[number] = as_text(reading, file.data)

    datas = {number: file.data for number, file in unknown.items()}
    texts = {} if place.alone or not datas else share_out(datas, read_here)
    told = zip(texts, readings(list(texts.values()), [datas[number] for number in texts]), strict=True)
    for number, reading in told:
        if _overridden(reading, options):
            read_here(number)
        else:
            found.readings[number] = reading
            if unknown[number].blob:
                found.texts[number] = texts[number]
    for number in unknown.keys() - found.readings.keys():
        read_here(number)
    return found


def _shared_out(
    options: Options,
    readers: "Readers | None",
    meanwhile: Callable[[], None] | None,
    datas: Mapping[int, bytes],
    read_here: Callable[[int], None],
) -> dict[int, bytes]:
    from reconciler.load.readers import Readers  # noqa: PLC0415 - only files that no cache knows are shared out

    return (readers or Readers()).share_out(datas, options.variables, read_here, meanwhile)


def _overridden(reading: Reading, options: Options) -> bool:
    """Whether an override is for one of the documents, which is then read anew."""
    if not options.overrides:
        return False
    return any(meant_for(options.overrides, entry.kind, entry.document) for entry in reading.entries)
