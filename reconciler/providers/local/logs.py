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
    """The last lines of the logs that there are, then, with `follow`, what is added until interrupted."""
    paths = logs()
    named = len(paths) > 1
    followed = {path: _Followed(path) for path in paths}
    for path in paths:
        yield from _labelled(path, last_lines(path, tail), named=named)
    while follow:
        for path in logs():
            lines = followed.setdefault(path, _Followed(path, position=0)).more()
            yield from _labelled(path, lines, named=named or len(followed) > 1)
        sleep(_POLL_S)


def _labelled(path: Path, lines: Sequence[str], *, named: bool) -> Iterator[str]:
    for line in lines:
        yield f"{path.stem}: {line}" if named else line


@dataclass
class _Followed:
    """A log that is read on from where it was left; a smaller file under its name is a new one."""

    path: Path
    position: int = -1
    _rest: bytes = field(default=b"")

    def __post_init__(self) -> None:
        if self.position < 0:
            self.position = self.path.stat().st_size if self.path.exists() else 0

    def more(self) -> list[str]:
        if not self.path.exists():
            return []
        if self.path.stat().st_size < self.position:
            self.position, self._rest = 0, b""
        with self.path.open("rb") as file:
            file.seek(self.position)
            added = file.read()
        self.position += len(added)
        *lines, self._rest = (self._rest + added).split(b"\n")
        return [line.decode(errors="replace") for line in lines]
