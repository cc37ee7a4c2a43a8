"""Files laid down where nobody else writes: digested as they are copied, durable, and gone on with after a kill."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path

from reconciler.record.files import beside, open_regular, sync_folder
from reconciler.record.lock import take_lock
from reconciler.record.together import each, threads_for

_AT_A_TIME = 1 << 20


@contextmanager
def workplace(stored: Path) -> Iterator[Path]:
    """A folder beside what is to be stored, for one process at a time: what one that was killed left is found there.

    Where another process is at work there it is a folder of its own. What is left in it stays for the next.
    """
    place = stored.with_name(f".{stored.name}-laying")
    claim = _claimed(place)
    if claim is None:
        place = beside(stored)
        place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        if claim is None:
            remove(place)
        else:
            with suppress(OSError):  # something is left in it
                place.rmdir()
            os.close(claim)


def copied(files: Sequence[tuple[str, Path]], copy: Path) -> list[tuple[str, str]]:
    """Copy files by their relative names, or one without a name as the copy itself.

    Returns:
        Their names, each with the SHA-256 of what lies in the copy now, whatever the source has become since.
    """
    for folder in sorted({(copy / name).parent for name, _ in files if name}):
        folder.mkdir(parents=True, exist_ok=True)
    sizes = [source.stat().st_size for _, source in files]
    digests = each(lambda file: _copied(file[1], copy / file[0]), files, threads=threads_for(sizes, synced=True))
    return [(name, digest) for (name, _), digest in zip(files, digests, strict=True)]


def finish(made: BufferedRandom, copy: Path, *, executable: bool) -> None:
    """Make a file durable, and read-only with its executable bits."""
    made.flush()
    os.fsync(made.fileno())
    copy.chmod(0o555 if executable else 0o444)


def sync_names(copy: Path) -> None:
    """Make every folder's names durable, else a power cut could leave a folder that lacks some under a digest."""
    for folder in (copy, *copy.rglob("*")):
        if folder.is_dir():
            sync_folder(folder)


def put_in_place(copy: Path, stored: Path) -> None:
    """Put the whole in place at once; content that another thread or process put there meanwhile is the same."""
    try:
        copy.rename(stored)
    except OSError:
        if not stored.exists():
            raise
    sync_folder(stored.parent)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    import shutil  # noqa: PLC0415 - most runs lay nothing down

    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def room_for(copy: Path) -> int:
    """How many bytes fit where a copy is laid down, with what lies there of it already."""
    import shutil  # noqa: PLC0415 - as above

    laid = (path.lstat() for path in (copy, *copy.rglob("*")) if path.is_file())
    return shutil.disk_usage(copy.parent).free + sum(getattr(each, "st_blocks", 0) * 512 for each in laid)


@contextmanager
def opened(copy: Path) -> Iterator[BufferedRandom]:
    """A file to write, of which something may lie there already."""
    with suppress(FileNotFoundError):
        copy.chmod(0o600)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(copy, flags, 0o600), "r+b") as made:
        yield made


def _copied(source: Path, copy: Path) -> str:
    """Copy a file; what a killed process left of it is read and kept as far as it is the same."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_AT_A_TIME))
    with open_regular(source) as file, opened(copy) as made:
        executable = bool(os.fstat(file.fileno()).st_mode & 0o100)
        left, at = os.fstat(made.fileno()).st_size, 0
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
            if at + count > left or made.read(count) != buffer[:count]:
                made.seek(at)
                made.write(buffer[:count])
            at += count
        made.truncate(at)
        finish(made, copy, executable=executable)
    return digest.hexdigest()


def _claimed(place: Path) -> int | None:
    """The lock on a folder, which is made if it is missing; None while another process has it, or just removes it."""
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(place, os.O_RDONLY)
    except OSError:
        return None
    with suppress(OSError):
        take_lock(descriptor)
        if os.path.samestat(os.fstat(descriptor), place.stat()):
            return descriptor
    os.close(descriptor)
    return None
