"""Pointers of Git LFS: what stands in the place of a file that was not pulled."""

from pathlib import Path

from reconciler.record.files import open_regular

# The second one is that of files which were written before Git LFS had its name.
_BEGINS = (b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/")
_MOST_BYTES = 1024


def is_pointer(data: bytes) -> bool:
    """Whether the bytes of a file are those of a pointer."""
    return len(data) < _MOST_BYTES and data.startswith(_BEGINS)


def pointer_bytes(file: Path) -> int:
    """The size of a file that is a pointer; 0 for every other one.

    Raises:
        OSError: it cannot be read.
    """
    if (size := file.stat().st_size) >= _MOST_BYTES:
        return 0
    with open_regular(file) as stream:
        return size if is_pointer(stream.read(_MOST_BYTES)) else 0
