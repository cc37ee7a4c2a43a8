"""One log of an instance, read piece by piece from where it was left, while its writer goes on."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from reconciler.frozen import dataclass
from reconciler.keeper.lines import LONGEST_LINE, portion
from reconciler.keeper.logs import cut_front, whole_blocks

PIECE_BYTES = 2 * LONGEST_LINE
# A writer that is so many times its log's limit ahead prints faster than it can be read.
FARTHEST_AHEAD = 2
# What stays of a log that is cut, for whoever wants to see its last lines.
_STAYS_BYTES = 65_536


@dataclass(frozen=True)
class Position:
    """How far a log was read.

    Args:
        name: of the process that writes it.
        inode: tells the file from another of the same path.
        offset: up to where it was read: the beginning of a line, unless `inside` one that is cut.
        ends: where the output of a process that ended stops, be it in the middle of a line.
    """

    name: str
    inode: int = 0
    offset: int = 0
    inside: bool = False
    ends: int | None = None


@dataclass(frozen=True)
class Piece:
    """What was read, up to which position, and whether there is more to read at once."""

    lines: tuple[str, ...]
    position: Position
    more: bool


class Tail:
    """A log that is read on. One that is `leaving` is followed no more once it was read to its end."""

    def __init__(self, path: str, position: Position, *, leaving: bool = False) -> None:
        self.path = path
        self._log = Path(path)
        self.position = position
        self.leaving = leaving
        self.max_bytes = 10_000_000
        self._is_cut_in_front = True

    def read(self) -> Piece:
        """Read on; the position stays until it is set to that of the piece.

        Raises:
            OSError: the log cannot be read, or is not there.
        """
        facts = self._log.stat()
        at, lines = self._caught_up(self._found(facts), facts.st_size)
        last = at.ends if at.ends is not None else facts.st_size
        data = self._bytes(at.offset, min(PIECE_BYTES, last - at.offset))
        until = at.offset + len(data)
        at_end = (at.ends is not None or self.leaving) and until >= last
        found = portion(data, inside=at.inside, final=at_end)
        position = replace(at, offset=at.offset + found.used, inside=found.inside, ends=None if at_end else at.ends)
        return Piece((*lines, *found.lines), position, more=until < facts.st_size and position != at)

    def end_here(self) -> None:
        """What was written until now is all of a process that ended."""
        with suppress(OSError):
            self.position = replace(self.position, ends=self._log.stat().st_size)

    @property
    def is_too_long(self) -> bool:
        """Whether what was read exceeds the log's limit."""
        return self.position.offset > self.max_bytes and self.position.ends is None

    def cut(self, save: Callable[[], None]) -> None:
        """Cut what was read. `save` writes the new position down before: a keeper killed in between repeats lines.

        Raises:
            OSError: the log cannot be cut, and is as it was.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            if self._is_cut_in_front:
                stays = min(_STAYS_BYTES, self.max_bytes // 4)
                size = whole_blocks(descriptor, self.position.offset - stays)
                self._is_cut_in_front = size <= 0 or self._take(size, save, lambda: cut_front(descriptor, size))
            else:
                self._empty(descriptor, save)
        finally:
            os.close(descriptor)

    def _take(self, size: int, save: Callable[[], None], cut: Callable[[], bool]) -> bool:
        """Count the position back and cut; where nothing is cut, it is what it was."""
        former = self.position
        self.position = replace(former, offset=former.offset - size)
        save()
        done = False
        try:
            done = cut()
        finally:
            if not done:
                self.position = former
        return done

    def _empty(self, descriptor: int, save: Callable[[], None]) -> None:
        """Where the file system can do no better: a line is lost that comes between two system calls."""
        read = self.position.offset

        def truncate() -> bool:
            if os.fstat(descriptor).st_size != read:
                return False
            os.ftruncate(descriptor, 0)
            return True

        if os.fstat(descriptor).st_size == read:
            self._take(read, save, truncate)

    def _found(self, facts: os.stat_result) -> Position:
        """The position; at the beginning if the file is another, or somebody cut it."""
        at = self.position
        if facts.st_ino == at.inode and facts.st_size >= at.offset:
            return at
        return Position(at.name, facts.st_ino, ends=at.ends if at.inode == 0 else None)

    def _caught_up(self, at: Position, size: int) -> tuple[Position, tuple[str, ...]]:
        """Leave out what lies too far behind, or an instance that prints without end would fill the disk."""
        behind = size - at.offset
        if behind <= FARTHEST_AHEAD * self.max_bytes:
            return at, ()
        left_out = behind - self.max_bytes
        line = f"[{left_out} bytes are left out: they were printed faster than they could be kept]"
        return replace(at, offset=at.offset + left_out, inside=True, ends=None), (line,)

    def _bytes(self, offset: int, size: int) -> bytes:
        if size <= 0:
            return b""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)
