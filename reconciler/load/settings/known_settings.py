"""`mlops.yaml` as it was read before: a run that finds it unchanged needs no parser, which takes 12 ms to load."""

import hashlib
import json
from pathlib import Path

from reconciler.load.caching.cached_rows import keep_rows
from reconciler.load.caching.shaped_rows import of_json, read_values
from reconciler.load.yaml.parsed import Document

_TABLE = "settings"
_SHAPE = (object, {str: (int, int)}, {str: str})
# What a value may stand behind that is secret; a file which holds one is read anew each time.
_BEFORE_SECRETS = (b"@", b"variables", b"overrides", b"secret")


def known(cache: Path, data: bytes) -> Document | None:
    """What a file with these bytes says; None where nobody has read it before."""
    key = _key(data)
    return read_values(cache, _TABLE, [key], _document).get(key)


def keep(cache: Path, data: bytes, found: Document) -> None:
    """Keep what a file says, if it is JSON and nothing in it may be secret, where `mlops` keeps anything already."""
    if any(word in data.lower() for word in _BEFORE_SECRETS) or not cache.parent.is_dir():
        return
    try:
        row = json.dumps([found.value, found.positions, found.written])
    except TypeError:  # a date
        return
    if json.loads(row)[0] == found.value:
        keep_rows(cache, _TABLE, {_key(data): row.encode()})


def _document(_: str, row: bytes) -> Document:
    value, positions, written = of_json(row, _SHAPE)
    return Document(value, {path: (line, column) for path, (line, column) in positions.items()}, written)


def _key(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
