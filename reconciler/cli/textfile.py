"""A file of metrics that several commands and targets may share: each run writes its own anew and keeps the rest."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.record.files import lay_down, read_bounded

_PATIENCE_S = 30.0
_PAUSE_S = 0.05


def add_metrics(file: Path, fresh: str, *, patience_s: float = _PATIENCE_S) -> None:
    """Put the metrics of a run into a file, which changes in one move: its reader sees the old or the new one.

    Raises:
        OSError: it cannot be read or written, or others, who need not write there for that, keep its folder locked.
    """
    from reconciler.render.prometheus import merged  # noqa: PLC0415 - only who asks for metrics needs it

    with _alone(file.absolute().parent, patience_s):
        former = read_bounded(file).decode("utf-8", "replace") if file.exists() else ""
        lay_down(file, lambda temporary: _fill(temporary, merged(former, fresh)), over=True, mode=0o666)


@contextmanager
def _alone(folder: Path, patience_s: float) -> Iterator[None]:
    """Of those that write into a folder, one goes on at a time; no file of ours is left in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder, time.monotonic() + patience_s)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path, end: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise OSError(errno.ETIMEDOUT, "another process has locked its folder", str(folder)) from None
            time.sleep(_PAUSE_S)


def _fill(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
