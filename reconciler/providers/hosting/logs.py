"""What instances printed: the last lines, and those to come, also when a log is cut."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_POLL_S = 0.2
# By what was read last the place is found again. It is less than what the keeper leaves of a log that it cuts.
_ANCHOR_BYTES = 4096


def log_lines(
    logs: Callable[[], Sequence[Path]], *, tail: int, follow: bool, sleep: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """The last lines of the logs that there are now, then, with `follow`, what is added until interrupted."""
    followed = {path: _Followed(path, _size(path)) for path in logs()}
    last = [(path, last_lines(path, tail, end=log.position)) for path, log in followed.items()]
    return _lines(logs, followed, last, follow=follow, sleep=sleep)


def _lines(
    logs: Callable[[], Sequence[Path]],
    followed: dict[Path, "_Followed"],
    last: Sequence[tuple[Path, Sequence[str]]],
    *,
    follow: bool,
    sleep: Callable[[float], None],
) -> Iterator[str]:
    for path, lines in last:
        yield from _labelled(path, lines, named=len(last) > 1)
    while follow:
        for path in logs():
            lines = followed.setdefault(path, _Followed(path, 0)).more()
            yield from _labelled(path, lines, named=len(followed) > 1)
        sleep(_POLL_S)


def last_lines(log: Path, count: int, *, end: int | None = None) -> list[str]:
    """The last lines of a file, or of what it was up to `end`, read from behind."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END) if end is None else end
            block, text = 8192, b""
            while size and text.count(b"\n") <= count:
                start = max(0, size - block)
                file.seek(start)
                text, size = file.read(size - start) + text, start
                block *= 2  # or a line of many megabytes would be copied a thousand times
    except FileNotFoundError:
        return []
    lines = text.decode(errors="replace").splitlines()
    return lines[-count:] if count else []


def _labelled(path: Path, lines: Sequence[str], *, named: bool) -> Iterator[str]:
    for line in lines:
        yield f"{path.stem}: {line}" if named else line


@dataclass
class _Followed:
    """A log that is read on from where it was left, also where the keeper has cut what lies before."""

    path: Path
    position: int
    _rest: bytes = field(default=b"")

    def __post_init__(self) -> None:
        self._last = _read(self.path, max(0, self.position - _ANCHOR_BYTES), self.position)

    def more(self) -> list[str]:
        """The lines that were completed since the last look."""
        text = _read(self.path, self.position - len(self._last))
        if not text.startswith(self._last):
            text = self._found()
        added = text[len(self._last) :]
        self.position += len(added)
        self._last = text[-_ANCHOR_BYTES:]
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _found(self) -> bytes:
        """The log from what was read last on; where that is not there, the log is another and all of it is new."""
        text = _read(self.path)
        place = text.rfind(self._last)
        if place < 0:
            self.position, self._last, self._rest = 0, b"", b""
            return text
        self.position = place + len(self._last)
        return text[place:]


def _read(path: Path, start: int = 0, end: int | None = None) -> bytes:
    """The bytes of a file from one place to another; none where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(-1 if end is None else end - start)
    except FileNotFoundError:
        return b""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # rotated away since it was listed
        return 0
