"""What instances printed: the last lines, and those to come, also when a log is rotated."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.providers.local.instances import last_lines

_POLL_S = 0.2


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


def _labelled(path: Path, lines: Sequence[str], *, named: bool) -> Iterator[str]:
    for line in lines:
        yield f"{path.stem}: {line}" if named else line


@dataclass
class _Followed:
    """A log that is read on from where it was left; a smaller file under its name is a new one."""

    path: Path
    position: int
    _rest: bytes = field(default=b"")

    def more(self) -> list[str]:
        """The lines that were completed since the last look."""
        if _size(self.path) < self.position:
            self.position, self._rest = 0, b""
        if _size(self.path) == self.position:
            return []
        with self.path.open("rb") as file:
            file.seek(self.position)
            added = file.read()
        self.position += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
