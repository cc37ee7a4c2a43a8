"""Rows of the cache as values: one that has not the form which its reader needs is as good as none."""

import json
import struct
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from reconciler.load.caching.cached_rows import read_rows

T = TypeVar("T")

MISSHAPEN = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    zlib.error,
    struct.error,
)
"""What comes of taking a row for what it is not."""


def read_values(
    folder: Path | None, table: str, keys: Collection[str], form: Callable[[str, bytes], T]
) -> dict[str, T]:
    """What stands under these keys, in a form.

    Args:
        folder: the cache's own.
        table: as for `read_rows`.
        keys: likewise.
        form: makes a value of a key and its row, or raises one of `MISSHAPEN`.
    """
    return formed(read_rows(folder, table, keys), form)


def formed(rows: Mapping[str, bytes], form: Callable[[str, bytes], T]) -> dict[str, T]:
    """The same of rows that were read."""
    return dict(_formed(rows, form))


def of_json(row: bytes, shape: Any) -> Any:
    """The value that a row says in JSON.

    Args:
        row: of the cache.
        shape: a type; or a list of one shape, for any number of items; a tuple of shapes, for as many items; a mapping
            of names to shapes, for an object that has these at least; one of `str` alone, for one that has any.

    Raises:
        ValueError: it says none of this shape.
    """
    value = json.loads(row.decode("utf-8", "surrogatepass"))
    if not _has_shape(value, shape):
        raise ValueError(f"it is not of the shape {shape}")
    return value


def _has_shape(value: Any, shape: Any) -> bool:
    """Whether a value of JSON has a shape, as of `of_json`."""
    if isinstance(shape, type):
        return isinstance(value, shape)
    if isinstance(shape, list):
        return isinstance(value, list) and _have_shape(value, shape[0])
    if isinstance(shape, tuple):
        return isinstance(value, list) and len(value) == len(shape) and all(map(_has_shape, value, shape))
    if not isinstance(value, dict):
        return False
    if str in shape:
        return _have_shape(value.values(), shape[str])
    return shape.keys() <= value.keys() and all(_has_shape(value[name], each) for name, each in shape.items())


def _have_shape(values: Collection[Any], shape: Any) -> bool:
    # There may be a hundred thousand of them.
    if isinstance(shape, type):
        return all(map(shape.__subclasscheck__, set(map(type, values))))
    if isinstance(shape, tuple):
        are_as_long = set(map(type, values)) <= {list} and set(map(len, values)) <= {len(shape)}
        return are_as_long and all(map(_have_shape, zip(*values, strict=True), shape))
    return all(_has_shape(value, shape) for value in values)


def _formed(rows: Mapping[str, bytes], form: Callable[[str, bytes], T]) -> Iterator[tuple[str, T]]:
    for key, row in rows.items():
        try:
            yield key, form(key, row)
        except MISSHAPEN:
            continue  # It is learnt anew, and kept in the place of this one.
