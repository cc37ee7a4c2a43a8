"""Tar archives as streams, as engines take them and give them; nothing is held in memory but a piece."""

import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from reconciler.errors import ProviderError

_PIECE = 1 << 20
_FILE, _EXECUTABLE, _FOLDER = 0o444, 0o555, 0o555
_PRIVATE = 0o400


def tar_of(contents: Mapping[str, Path]) -> Iterator[bytes]:
    """Yield files, and folders with all that is in them, such that every user can read them and none can write.

    Args:
        contents: by their names in the archive.

    Raises:
        ProviderError: a file changes while it is read.
        OSError: something cannot be read.
    """
    for name, path in contents.items():
        yield from _folder(path, name) if path.is_dir() else _file(path, name)
    yield _END


def tar_of_private(files: Mapping[str, bytes]) -> Iterator[bytes]:
    """Yield small files that the engine's administrator alone can read."""
    for name, content in files.items():
        yield _header(name, _PRIVATE, size=len(content))
        yield content + _padding(len(content))
    yield _END


def only_file_of(pieces: Iterable[bytes]) -> bytes:
    """The content of the one small file in an archive."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member else None
        return file.read() if file else b""


def _folder(path: Path, name: str) -> Iterator[bytes]:
    for folder, folders, files in os.walk(path):
        folders.sort()
        below = PurePosixPath(name, Path(folder).relative_to(path).as_posix())
        yield _header(str(below), _FOLDER, modified=Path(folder).stat().st_mtime)
        for each in sorted(files):
            yield from _file(Path(folder, each), str(below / each))


def _file(path: Path, name: str) -> Iterator[bytes]:
    with path.open("rb") as file:
        facts = os.fstat(file.fileno())
        mode = _EXECUTABLE if facts.st_mode & 0o100 else _FILE
        yield _header(name, mode, size=facts.st_size, modified=facts.st_mtime)
        left = facts.st_size
        while piece := file.read(min(_PIECE, left)):
            left -= len(piece)
            yield piece
        if left:
            raise ProviderError(f"{path}: became shorter while it was read; run this again")
    yield _padding(facts.st_size)


def _header(name: str, mode: int, *, size: int | None = None, modified: float = 0) -> bytes:
    """The entry of a file, or of a folder where there is no size; owned by root, whoever laid it down here."""
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.DIRTYPE if size is None else tarfile.REGTYPE
    entry.mode, entry.size, entry.mtime = mode, size or 0, int(modified)
    return entry.tobuf(tarfile.PAX_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


_END = bytes(2 * tarfile.BLOCKSIZE)
EMPTY = _END
