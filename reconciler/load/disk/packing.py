"""Columns of text as one small row of bytes."""

import os
import zlib
from collections.abc import Sequence


def packed(columns: Sequence[Sequence[str]]) -> bytes:
    """Columns of equal length, without a NUL in any of their texts."""
    return zlib.compress(os.fsencode("\0".join(text for column in columns for text in column)), 1)


def unpacked(row: bytes, number: int) -> list[list[str]]:
    """The columns, by how many there are of them.

    Raises:
        ValueError: they are not of equal length.
        zlib.error: it is no such row.
    """
    texts = os.fsdecode(zlib.decompress(row)).split("\0")
    length, over = divmod(len(texts) if texts != [""] else 0, number)
    if over:
        raise ValueError("a column is cut off")
    return [texts[column * length : (column + 1) * length] for column in range(number)]
