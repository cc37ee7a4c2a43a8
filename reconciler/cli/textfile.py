"""A file of metrics that several commands and targets may share: each run writes its own anew and keeps the rest."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.record.files import lay_down, read_bounded


def add_metrics(file: Path, fresh: str) -> None:
    """Put the metrics of a run into a file, which changes in one move: its reader sees the old or the new one.

    Raises:
        OSError: it cannot be read or written.
    """
    from reconciler.render.prometheus import merged  # noqa: PLC0415 - only who asks for metrics needs it

    with _alone(file.absolute().parent):
        former = read_bounded(file).decode("utf-8", "replace") if file.exists() else ""
        lay_down(file, lambda temporary: _fill(temporary, merged(former, fresh)), over=True, mode=0o666)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of those that write into a folder, one goes on at a time; no file of ours is left in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fill(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
