"""Rotation of a log that its writer holds open: copied aside and cut, since the writer appends."""

import os
from pathlib import Path


def rotate(path: Path, *, max_bytes: int, files: int) -> bool:
    """Cut a log that outgrew its limit and keep its last `files` copies, `.1` the newest; tell whether it was cut."""
    if not path.exists() or path.stat().st_size <= max_bytes:
        return False
    for number in range(files - 1, 0, -1):
        older = _copy(path, number)
        if older.exists():
            older.replace(_copy(path, number + 1))
    _cut(path, _copy(path, 1))
    return True


def _copy(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _cut(path: Path, aside: Path) -> None:
    """Copy until nothing more was appended, then cut at once: the window for a line to get lost is a system call."""
    target = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with path.open("rb+", buffering=0) as log, os.fdopen(target, "wb", buffering=0) as copy:
        while chunk := log.read(1 << 20):
            copy.write(chunk)
        log.truncate(0)
