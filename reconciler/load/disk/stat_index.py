"""What files hold, by what the disk says of them: one that looks as it did when it was read is not read again.

It looks the same where size, time of change, time of the inode's change, inode and mode are. The second time cannot be
set by hand, and is believed only if it had passed safely before the file was read, as a clock may be too coarse to tell
two changes apart; and never while it lies in the future, as clocks go back.
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH118

import errno
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from reconciler.frozen import dataclass
from reconciler.load.caching.cached_rows import keep_rows, read_rows
from reconciler.load.caching.shaped_rows import read_values
from reconciler.load.disk.listed import SAFE_NS, alone, facts_of, key_of, latest, numbers_of
from reconciler.load.disk.packing import packed, unpacked
from reconciler.record.files import descriptor_of
from reconciler.record.together import each, threads_for

_CHUNK = 1 << 20

Files = Sequence[tuple[str, bytes]]
"""Names below a folder, each with what the disk says of it: `facts_of`. A file by itself has an empty name."""


class Hash(Protocol):
    """A digest that is begun, of `hashlib`."""

    def update(self, data: bytes, /) -> None:
        """Go on."""

    def hexdigest(self) -> str:
        """What it is."""


Digest = Callable[[int], Hash]
"""Begins a digest, by the size of the file."""


@dataclass(frozen=True)
class Digests:
    """What is known of the files of one place.

    Args:
        of: the digest of each, by name.
        safe: whether all of them may be believed the next time.
        new: how many were read.
    """

    of: Mapping[str, str]
    safe: bool
    new: int


@dataclass(frozen=True)
class StatIndex:
    """The index, of which all that is kept is in the cache.

    Args:
        cache: the folder of the cache; without it every file is read.
        now: nanoseconds since 1970, by the clock that the disk goes by.
    """

    cache: Path | None
    now: Callable[[], int] = time.time_ns

    def whole(self, kind: str, files: Files, form: re.Pattern[bytes]) -> str:
        """What was kept of files which all look as they did; empty where nothing was.

        Args:
            kind: what it is.
            files: all of them.
            form: what is kept of this kind.
        """
        return self.wholes(kind, {"": files}, form).get("", "")

    def wholes(self, kind: str, places: Mapping[str, Files], form: re.Pattern[bytes]) -> dict[str, str]:
        """The same of several places at once, each with all of its files."""
        now = self.now()
        # On Windows the disk tells no time that cannot be set by hand.
        believed = [place for place, files in places.items() if os.name == "posix" and latest(files) < now]
        keys = {place: key_of(kind, places[place]) for place in believed}
        kept = read_rows(self.cache, "facts", set(keys.values()))
        return {place: kept[key].decode() for place, key in keys.items() if form.fullmatch(kept.get(key, b""))}

    def digests(self, kind: str, places: Mapping[str, Files], digest: Digest) -> dict[str, Digests]:
        """The digests of the files of places, each in a folder or alone.

        Args:
            kind: what the digests are.
            places: by the folder, or by the path of the one file, what the disk has there.
            digest: of one, begun by its size.

        Raises:
            OSError: one cannot be read, or changes meanwhile.
        """
        now, found, rows = self.now(), dict[str, Digests](), dict[str, bytes]()
        known = self._known(kind, places, now) if os.name == "posix" else {}
        for place, files in places.items():
            before = known.get(place, {})
            new = [file for file in files if file not in before]
            told = {**before, **dict(zip(new, _read_all(place, new, digest), strict=True))}
            safe = [file for file in files if file in before or latest([file]) < now - SAFE_NS]
            found[place] = Digests({file[0]: told[file] for file in files}, safe=len(safe) == len(files), new=len(new))
            if new:
                rows[_place(kind, place)] = _row(safe, told)
        keep_rows(self.cache, "stats", rows)
        return found

    def keep(self, kind: str, wholes: Iterable[tuple[Files, str]]) -> None:
        """Keep what follows from files, all of which may be believed the next time."""
        keep_rows(self.cache, "facts", {key_of(kind, files): whole.encode() for files, whole in wholes})

    def _known(self, kind: str, places: Iterable[str], now: int) -> dict[str, dict[tuple[str, bytes], str]]:
        keys = {_place(kind, place): place for place in places}
        told = read_values(self.cache, "stats", keys, lambda _, row: _told(row, now))
        return {keys[key]: files for key, files in told.items()}


def _row(files: Files, digests: Mapping[tuple[str, bytes], str]) -> bytes:
    return packed([[name for name, _ in files], [facts.hex() for _, facts in files], [digests[file] for file in files]])


def _told(row: bytes, now: int) -> dict[tuple[str, bytes], str]:
    """The digests that a row tells of files, save of those that come from the future."""
    names, facts, digests = unpacked(row, 3)
    files = zip(names, map(bytes.fromhex, facts), strict=True)
    return {file: digest for file, digest in zip(files, digests, strict=True) if latest([file]) < now}


def _read_all(place: str, files: Files, digest: Digest) -> list[str]:
    paths = [(os.path.join(place, name) if name else place, facts) for name, facts in files]
    threads = threads_for([numbers_of(facts)[0] for _, facts in files])
    return each(lambda file: _read(*file, digest), paths, threads=threads)


def _read(path: str, facts: bytes, digest: Digest) -> str:
    """The digest of a file that looks as it did also after it was read.

    Raises:
        OSError: it cannot be read, or does not.
    """
    descriptor, size = descriptor_of(path), numbers_of(facts)[0]
    try:
        told, most, count = digest(size), min(size + 1, _CHUNK), 0
        while part := os.read(descriptor, most):  # some disks give less at once than is asked for
            told.update(part)
            if (count := count + len(part)) == size:
                break
        if facts_of(os.fstat(descriptor)) != alone(facts):
            raise OSError(errno.EAGAIN, "it changed while it was read", path)
        return told.hexdigest()
    finally:
        os.close(descriptor)


def _place(kind: str, place: str) -> str:
    return f"{kind} {os.fsencode(place).hex()}"
