"""What files hold, by what the disk says of them: one that looks as it did when it was read is not read again.

It looks the same where size, time of change, time of the inode's change, inode and mode are. The second time cannot be
set by hand, and is believed only if it had passed safely before the file was read, as a clock may be too coarse to tell
two changes apart; and never while it lies in the future, as clocks go back.
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH118

import errno
import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from reconciler.frozen import dataclass
from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.packing import packed, unpacked
from reconciler.record.files import descriptor_of
from reconciler.record.together import each, threads_for

_FACTS = struct.Struct("<qqqQI")
SAFE_NS = 2_000_000_000  # the coarsest clock of a file system that is in use

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


def facts_of(found: os.stat_result, real: str = "") -> bytes:
    """What the disk says of a file, packed; `real` is where a link leads."""
    facts = _FACTS.pack(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode)
    return facts + os.fsencode(real) if real else facts


def numbers_of(facts: bytes) -> tuple[int, int, int, int]:
    """Size, time of change, time of the inode's change, and inode."""
    size, content_ns, inode_ns, inode, _ = _FACTS.unpack_from(facts)
    return size, content_ns, inode_ns, inode


def latest(files: Files) -> int:
    """The latest of all times that the disk says of files."""
    return max((max(_FACTS.unpack_from(facts)[1:3]) for _, facts in files), default=0)


def leads_to(facts: bytes) -> str:
    """Where a link leads, of which these are the facts; empty for a file."""
    return os.fsdecode(facts[_FACTS.size :])


@dataclass(frozen=True)
class StatIndex:
    """The index, of which all that is kept is in the cache.

    Args:
        cache: the folder of the cache; without it every file is read.
        now: nanoseconds since 1970, by the clock that the disk goes by.
    """

    cache: Path | None
    now: Callable[[], int] = time.time_ns

    def whole(self, kind: str, files: Files) -> str:
        """What was kept of files which all look as they did; empty where nothing was.

        Args:
            kind: what it is.
            files: all of them.
        """
        return self.wholes(kind, {"": files}).get("", "")

    def wholes(self, kind: str, places: Mapping[str, Files]) -> dict[str, str]:
        """The same of several places at once, each with all of its files."""
        now = self.now()
        # On Windows the disk tells no time that cannot be set by hand.
        believed = [place for place, files in places.items() if os.name == "posix" and latest(files) < now]
        keys = {place: _key(kind, places[place]) for place in believed}
        kept = read_rows(self.cache, "facts", set(keys.values()))
        return {place: kept[key].decode() for place, key in keys.items() if key in kept}

    def digests(self, kind: str, place: str, files: Files, digest: Digest) -> tuple[dict[str, str], bool]:
        """The digests of files by name, and whether all of them may be believed the next time.

        Args:
            kind: what the digests are.
            place: the folder in which the names are, or the one file.
            files: as the disk has them.
            digest: of one, begun by its size.

        Raises:
            OSError: one cannot be read, or changes meanwhile.
        """
        now = self.now()
        known = self._known(kind, place, now) if os.name == "posix" else {}
        new = [file for file in files if file not in known]
        read = each(
            lambda file: _read(os.path.join(place, file[0]) if file[0] else place, file[1], digest),
            new,
            threads=threads_for([_FACTS.unpack_from(facts)[0] for _, facts in new]),
        )
        told = {**known, **dict(zip(new, read, strict=True))}
        safe = [file for file in files if file in known or latest([file]) < now - SAFE_NS]
        if new or len(known) != len(safe):
            self._keep_each(kind, place, safe, told)
        found = {name: told[name, facts] for name, facts in files}
        return found, os.name == "posix" and len(safe) == len(files)

    def keep(self, kind: str, wholes: Iterable[tuple[Files, str]]) -> None:
        """Keep what follows from files, all of which may be believed the next time."""
        keep_rows(self.cache, "facts", {_key(kind, files): whole.encode() for files, whole in wholes})

    def _known(self, kind: str, place: str, now: int) -> dict[tuple[str, bytes], str]:
        row = read_rows(self.cache, "stats", [key := _place(kind, place)]).get(key)
        if row is None:
            return {}
        names, facts, digests = unpacked(row, 3)
        files = zip(names, map(bytes.fromhex, facts), strict=True)
        return {file: digest for file, digest in zip(files, digests, strict=True) if latest([file]) < now}

    def _keep_each(self, kind: str, place: str, files: Files, digests: Mapping[tuple[str, bytes], str]) -> None:
        columns = [name for name, _ in files], [facts.hex() for _, facts in files], [digests[file] for file in files]
        keep_rows(self.cache, "stats", {_place(kind, place): packed(columns)})


def _read(path: str, facts: bytes, digest: Digest) -> str:
    """The digest of a file that looks as it did also after it was read.

    Raises:
        OSError: it cannot be read, or does not.
    """
    descriptor, size = descriptor_of(path), numbers_of(facts)[0]
    try:
        told, most = digest(size), min(size + 1, _CHUNK)
        while part := os.read(descriptor, most):
            told.update(part)
            if len(part) < most:
                break
        if facts_of(os.fstat(descriptor)) != facts[: _FACTS.size]:
            raise OSError(errno.EAGAIN, "it changed while it was read", path)
        return told.hexdigest()
    finally:
        os.close(descriptor)


def _key(kind: str, files: Files) -> str:
    digest = hashlib.sha256(kind.encode())
    digest.update(b"\0" + b"\0".join(os.fsencode(name) for name, _ in files) + b"\0\0")
    for _, facts in files:
        digest.update(b"%d " % len(facts) + facts)
    return digest.hexdigest()


def _place(kind: str, place: str) -> str:
    return f"{kind} {os.fsencode(place).hex()}"
