"""A disk that forgets what was not synced: sectors of files, and names in folders.

Files are real and hold what a running process sees. Beside them is kept what a disk may hold after a power cut: of each
file its content when it was last synced and every write since, of each folder its names when it was last synced. An
image is one of the states that a cut could leave, drawn by chance.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512
_NEW_JOURNALS = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


@dataclass
class _Content:
    """Of one file: what is safe, and what was done since; a number is a new length."""

    descriptor: int
    safe: bytes = b""
    since: list[tuple[int, bytes] | int] = field(default_factory=list)
    written_by_sqlite: bool = False

    def now(self) -> bytes:
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0)

    def sync(self) -> None:
        self.safe, self.since = self.now(), []


@dataclass
class _Names:
    """Of one folder: the number of every name as it was last synced."""

    descriptor: int
    safe: dict[str, int] = field(default_factory=dict)


class LosingDisk(apsw.VFS):
    """What SQLite and the process write below a folder.

    Args:
        root: the folder; it is there and empty, durably.
        chance: draws what of the unsynced survives.
        on_moment: called before and after everything that touches the disk; whoever wants an image takes it there.
    """

    def __init__(self, root: Path, chance: random.Random, on_moment: Callable[[], None] = lambda: None) -> None:
        self.name, self.on_moment = f"losing-{root}", on_moment
        self._chance = chance
        self._known: dict[int, _Content | _Names] = {}
        self._root = self._of(root)
        super().__init__(self.name, "")

    def close(self) -> None:
        self.unregister()
        for each in self._known.values():
            os.close(each.descriptor)

    def fsync(self, descriptor: int) -> None:
        """In place of `os.fsync`."""
        self.on_moment()
        self.sync(Path(f"/proc/self/fd/{descriptor}"))
        self.on_moment()

    def sync(self, path: Path) -> None:
        """Make a file's content or a folder's names safe."""
        found = self._of(path)
        if isinstance(found, _Content):
            found.sync()
        else:
            found.safe = self._now(found)

    def written_by_sqlite(self, path: Path) -> _Content:
        """The content of a file whose writes are told one by one from now on."""
        found = self._of(path)
        assert isinstance(found, _Content)
        found.written_by_sqlite = True
        return found

    def image(self, to: Path, keep: float) -> None:
        """Write one state that a cut at this moment could leave; `keep` is the chance of what is not synced."""
        self._write_image(self._root, to, keep)

    def xOpen(self, name: apsw.URIFilename | str | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        return _File(self, name, path, flags, is_new=not path.exists())

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.on_moment()
        super().xDelete(filename, False)
        self.on_moment()
        if syncdir:
            self.sync(Path(filename).parent)
            self.on_moment()

    def excepthook(self, *_: object) -> None:
        """What SQLite asks and is refused is no accident here."""

    def _of(self, path: Path) -> _Content | _Names:
        """What is known of the file or folder of this name; kept open, so that its number is given to no other."""
        number = path.stat().st_ino
        if number not in self._known:
            descriptor = os.open(path, os.O_RDONLY)
            self._known[number] = _Names(descriptor) if path.is_dir() else _Content(descriptor)
        return self._known[number]

    def _now(self, folder: _Names) -> dict[str, int]:
        paths = list(Path(f"/proc/self/fd/{folder.descriptor}").iterdir())
        for path in paths:
            self._of(path)
        return {path.name: path.stat().st_ino for path in paths}

    def _write_image(self, found: _Content | _Names, to: Path, keep: float) -> None:
        if isinstance(found, _Content):
            to.write_bytes(self._after(found, keep))
            return
        to.mkdir()
        now = self._now(found)
        for name in sorted(found.safe.keys() | now.keys()):
            number = now.get(name) if self._survives(keep) else found.safe.get(name)
            if number is not None:
                self._write_image(self._known[number], to / name, keep)

    def _after(self, content: _Content, keep: float) -> bytes:
        """The synced content with some sectors of what was written since; what is skipped holds anything."""
        data = bytearray(content.safe)
        if not content.written_by_sqlite:
            # What a file grew by and was not written reads as zeros.
            data.extend(bytes(max(0, len(content.now()) - len(data))))
        since = content.since if content.written_by_sqlite else [(0, content.now())]
        for change in since:
            if isinstance(change, int):
                if self._survives(keep):
                    _resize(data, change, self._chance)
            else:
                self._write(data, *change, keep)
        return bytes(data)

    def _write(self, data: bytearray, offset: int, piece: bytes, keep: float) -> None:
        whole = self._survives(keep)
        torn = 0 < keep < 1 and self._chance.random() < 0.5
        place = offset
        while place < offset + len(piece):
            end = min((place // SECTOR + 1) * SECTOR, offset + len(piece))
            if self._survives(keep) if torn else whole:
                _resize(data, max(len(data), end), self._chance)
                data[place:end] = piece[place - offset : end - offset]
            place = end

    def _survives(self, keep: float) -> bool:
        return self._chance.random() < keep


class _File(apsw.VFSFile):
    def __init__(
        self, disk: LosingDisk, name: apsw.URIFilename | str | None, path: Path, flags: list[int], *, is_new: bool
    ) -> None:
        super().__init__("", name, flags)
        self._disk, self._folder = disk, path.parent
        # SQLite's own layer syncs the folder once, with the first sync of a journal that it has made.
        self._names_itself = is_new and bool(flags[0] & _NEW_JOURNALS)
        self._content = disk.written_by_sqlite(path)
        disk.on_moment()

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._content.since.append((offset, bytes(data)))
        self._disk.on_moment()

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._content.since.append(newsize)
        self._disk.on_moment()

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._content.sync()
        self._disk.on_moment()
        if self._names_itself:
            self._disk.sync(self._folder)
            self._names_itself = False
            self._disk.on_moment()

    def excepthook(self, *_: object) -> None:
        """As that of the disk."""


def _resize(data: bytearray, length: int, chance: random.Random) -> None:
    if length > len(data):
        data.extend(chance.randbytes(length - len(data)))
    del data[length:]
