"""Lines of a log that is rotated: from a time on, or those that are added, without reading the whole.

The copies of a log, the oldest first, are one stream of bytes: a line may begin in one and end in the next.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

# A copy is known by how it begins, since a rotation renames one copy and cuts another.
_HEAD_BYTES = 512
# What is left of a search is read in one go.
_NEAR_BYTES = 1 << 16

Files = Callable[[], Sequence[Path]]
Clock = Callable[[bytes], float | None]


@dataclass(frozen=True)
class Mark:
    """A place in a log: a copy, by how it begins, and the bytes before the place in it."""

    head: bytes
    position: int


def at_end(files: Sequence[Path]) -> Mark | None:
    """Behind the last whole line; None, which is the start, where the log has nothing."""
    for stream, head in _opened(files):
        with stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _NEAR_BYTES))
            last = stream.read(_NEAR_BYTES)
            return Mark(head, size - (len(last) - last.rfind(b"\n") - 1))
    return None


def at_time(files: Sequence[Path], since: float, time_of: Clock) -> Mark | None:
    """Where a line begins before which all lines are earlier than a time, and not far before the first that is not.

    Args:
        files: the copies, the oldest first.
        since: seconds since the epoch.
        time_of: the time of a line, None where it has none; later lines have later times.
    """
    for stream, head in _opened(files):
        with stream:
            position = _bisected(stream, since, time_of)
            if position:
                return Mark(head, position)
    return None


class Follower:
    """The whole lines of a log from a mark on, and those that are added later, across any number of rotations.

    Args:
        files: the copies of the log as they are now, the oldest first; one that is gone is passed over.
        mark: where to begin; None for the start.
    """

    def __init__(self, files: Files, mark: Mark | None) -> None:
        self._files = files
        self._mark = mark
        self._rest = b""
        self._is_lost = False

    def more(self) -> Iterator[bytes]:
        """The lines since the last call, which was read to its end; without their ends.

        A line that is not yet whole waits for its end.
        """
        with ExitStack() as streams:
            copies = [(streams.enter_context(stream), head) for stream, head in self._unread()]
            known = bool(copies) and self._is_marked(copies[-1][1])
            # A rotation may have moved the copy while they were being opened. If it is not there at the next look
            # either, it is gone, and all that there is came after it.
            self._is_lost = self._mark is not None and not known and not self._is_lost
            if self._is_lost:
                return
            position = self._mark.position if self._mark and known else 0
            for stream, head in reversed(copies):
                yield from self._added(stream, head, position)
                position = 0

    def _unread(self) -> Iterator[tuple[BufferedReader, bytes]]:
        """The copies, the newest first, down to that of the mark."""
        for stream, head in _opened(self._files()):
            yield stream, head
            if self._is_marked(head):
                return

    def _is_marked(self, head: bytes) -> bool:
        return self._mark is not None and head.startswith(self._mark.head)

    def _added(self, stream: BufferedReader, head: bytes, position: int) -> Iterator[bytes]:
        """The lines of a copy from a position on, and the mark set behind them."""
        stream.seek(position)
        *lines, self._rest = (self._rest + stream.read()).split(b"\n")
        self._mark = Mark(head, stream.tell())
        yield from lines


def _opened(files: Sequence[Path]) -> Iterator[tuple[BufferedReader, bytes]]:
    """The copies that hold something, the newest first, each with how it begins; the caller closes them."""
    newer = b""
    for file in reversed(files):
        try:
            stream = file.open("rb")
        except FileNotFoundError:
            continue
        head = stream.read(_HEAD_BYTES)
        # In the middle of a rotation a copy has no lines that the newer one has not.
        if not head or newer.startswith(head):
            stream.close()
            continue
        newer = head
        yield stream, head


def _bisected(stream: BufferedReader, since: float, time_of: Clock) -> int:
    low, high = 0, stream.seek(0, os.SEEK_END)
    while high - low > _NEAR_BYTES:
        middle = (low + high) // 2
        stream.seek(middle)
        stream.readline()
        begin = stream.tell()
        time = time_of(stream.readline())
        if time is None or time >= since or begin >= high:
            high = middle
        else:
            low = begin
    return low
