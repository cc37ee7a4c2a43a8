"""The table of kept processes on disk: a keeper that was killed leaves it to its successor."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.keeper.records import Record, record_from_json, record_to_json

NAME = "processes.json"


def load(folder: Path) -> dict[str, Record]:
    """Return the records of a folder by name; none if nothing was kept there."""
    path = folder / NAME
    if not path.exists():
        return {}
    return {name: record_from_json(data) for name, data in json.loads(path.read_bytes()).items()}


def save(folder: Path, records: Mapping[str, Record]) -> None:
    """Put the table in place whole. Environments hold secrets, so its owner alone may read it."""
    temporary = folder / f".{NAME}.new"
    text = json.dumps({name: record_to_json(record) for name, record in records.items()}, indent=1)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / NAME)
