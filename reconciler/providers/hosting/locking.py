"""A lock by a file: of threads and of processes, one goes on at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Wait until nobody else holds the lock of this file, and hold it; the end of a process lets go of it.

    Yields:
        Its descriptor: a child to which it is handed down holds the lock, too, until it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()
