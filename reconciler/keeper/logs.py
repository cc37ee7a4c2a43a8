"""Rotation of logs that others write and hold open."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

_COLLAPSE_RANGE = 0x08  # of fallocate(2): take a range out, and have what follows move up
_UNABLE = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)


def rotate(path: Path, *, max_bytes: int, files: int, reopen: Callable[[], None] | None = None) -> bool:
    """Begin a log anew that outgrew its limit, and keep its last `files` copies, `.1` the newest; tell whether.

    With `reopen`, which has the writer open its file again, the log is renamed. Else it is copied aside and cut, for
    the writer appends: the window for a line to get lost is then a system call.

    Raises:
        OSError: the log cannot be rotated, and is as it was.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    if size <= max_bytes:
        return False
    if reopen:
        shift(path, files)
        path.chmod(0o600)  # its writer may have made it for more to read
        path.replace(copy_of(path, 1))
        reopen()
    else:
        _copy_and_cut(path, files)
    return True


def copy_of(path: Path, number: int) -> Path:
    """Return where a log's former files are."""
    return path.with_name(f"{path.name}.{number}")


def shift(path: Path, files: int) -> None:
    """Make room for a new `.1`; the oldest goes."""
    for number in range(files - 1, 0, -1):
        older = copy_of(path, number)
        if older.exists():
            older.replace(copy_of(path, number + 1))


def _copy_and_cut(path: Path, files: int) -> None:
    """Copy until nothing more was appended, then cut at once. A full disk must not cost the former copies."""
    aside = path.with_name(f"{path.name}.new")
    target = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with path.open("rb+", buffering=0) as log, os.fdopen(target, "wb") as copy:
            while chunk := log.read(1 << 20):
                copy.write(chunk)
                copy.flush()
            log.truncate(0)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    shift(path, files)
    aside.replace(copy_of(path, 1))


def whole_blocks(descriptor: int, size: int) -> int:
    """Return how much of the first `size` bytes of a file `cut_front` can take away."""
    block = os.fstatvfs(descriptor).f_bsize
    return size // block * block


def cut_front(descriptor: int, size: int) -> bool:
    """Take the first `size` bytes, of whole blocks, out of a file that another process appends to; tell whether.

    What is appended meanwhile stays. Not every file system can do that; where it cannot, the file stays as it is.

    Raises:
        OSError: it could, and failed.
    """
    collapse = _fallocate()
    if collapse is None:
        return False
    if collapse(descriptor, _COLLAPSE_RANGE, 0, size) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNABLE:
        return False
    raise OSError(code, os.strerror(code))


@cache
def _fallocate() -> "Callable[[int, int, int, int], int] | None":
    if not sys.platform.startswith("linux"):
        return None
    function = ctypes.CDLL(None, use_errno=True).fallocate
    function.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    function.restype = ctypes.c_int
    call: Callable[[int, int, int, int], int] = function
    return call
