"""Private files that are whole or absent: folders of mode 0700, files of mode 0600, laid down in one move."""

import errno
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

STATE_FOLDER = ".mlops"
# Windows has no pipes among its files.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def private_folder(folder: Path) -> Path:
    """The folder, made if it is missing: for its owner alone, and never committed.

    A folder that somebody else made keeps its mode, except for the one that is ours by name.
    """
    if missing := [each for each in (folder, *folder.parents) if not each.exists()]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _never_committed(folder)
        for each in missing:
            sync_folder(each.parent)
    if folder.name == STATE_FOLDER:
        folder.chmod(0o700)
        _never_committed(folder)
    return folder


def lay_down(path: Path, fill: Callable[[Path], None], *, over: bool = False, mode: int = 0o600) -> None:
    """Make a private file by filling a temporary one beside it; it appears whole or not at all.

    Args:
        over: replace the file that is there; without it, what another process was faster to lay down stays.
        mode: of the file, as far as the process's mask leaves it; by default its owner alone reads it.

    Raises:
        OSError: it cannot be made; or what is there is no file, as `/dev/stdout`, which a file is not to replace.
    """
    if over and path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    temporary = beside(path)
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode))
    try:
        fill(temporary)
        _sync(temporary)
        with suppress(FileExistsError):
            (os.replace if over else os.link)(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file to read, and nothing else by its name: a pipe is not waited for, and a device, endless, not read.

    Raises:
        OSError: it cannot be read, or is no regular file, whatever it was when it was looked at.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115 - whoever asks closes it
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def descriptor_of(path: str) -> int:
    """The same without buffers, as they cost more than to read a small file; whoever asks closes it.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    descriptor = _without_waiting(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a regular file", path)


def read_bounded(path: Path, *, most: int = 1 << 28) -> bytes:
    """What a file or a pipe holds, as a plan or a record that a user names; 256 MiB at the most.

    Raises:
        OSError: it cannot be read, or holds more, as a device does that never ends.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it holds more than {most} bytes", str(path))
    return data


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | _NO_WAIT)


def beside(path: Path) -> Path:
    """A name in the same folder that nobody else uses; what a killed process left under one is never read."""
    return path.with_name(f".{path.name}-{os.urandom(8).hex()}")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable; where folders cannot be opened their names are durable already."""
    if sys.platform != "win32":
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _never_committed(folder: Path) -> None:
    with suppress(FileExistsError), (folder / ".gitignore").open("x") as file:
        file.write("*\n")
