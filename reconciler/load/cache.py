"""The parse cache: what a file of known content holds, so that it is neither parsed nor checked again.

It is keyed by git's blob id and by the code and schemas that would read the file. Only files without problems are
kept, and of a secret value only where in its file it is written.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reconciler.kinds import KINDS
from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.reading import Entry, Reading

_AT_A_TIME = 500
_MOST_ROWS = 200_000


def blob_id(data: bytes) -> str:
    """The id that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def known(folder: Path | None, files: Mapping[str, bytes]) -> dict[str, Reading]:
    """What the cache knows of these files, given by blob id."""
    wanted = list(files)
    if folder is None or not wanted:
        return {}

    def ask(database: sqlite3.Connection) -> dict[str, Reading]:
        rows = [row for start in range(0, len(wanted), _AT_A_TIME) for row in _rows(database, wanted[start:])]
        return {blob: _reading(text, files[blob]) for blob, text in rows}

    return read_rows(_file(folder), ask)


def learn(folder: Path | None, readings: Mapping[str, Reading], files: Mapping[str, bytes]) -> None:
    """Keep what was read without problems."""
    if folder is None:
        return
    texts = {blob: _text(reading, files[blob]) for blob, reading in readings.items() if not reading.problems}
    rows = [(blob, text) for blob, text in texts.items() if text]
    if rows:
        keep_rows(_file(folder), "files", "blob TEXT PRIMARY KEY, reading TEXT", rows, most=_MOST_ROWS)


def _rows(database: sqlite3.Connection, wanted: list[str]) -> list[tuple[str, str]]:
    some = wanted[:_AT_A_TIME]
    marks = ",".join("?" * len(some))
    return database.execute(f"SELECT blob, reading FROM files WHERE blob IN ({marks})", some).fetchall()  # noqa: S608


def _file(folder: Path) -> Path:
    return folder / f"parsed-{_version()}.db"


def _version() -> str:
    """Changes with every file of the code and the schemas that decide what a file means."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for part in (here, here / "schemas", here.parent / "kinds"):
        with os.scandir(part) as entries:
            facts = sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in entries)
        digest.update(repr([fact for fact in facts if fact[0].endswith((".py", ".json"))]).encode())
    return digest.hexdigest()[:12]


def _text(reading: Reading, data: bytes) -> str:
    """A reading as JSON; empty where a secret is written in a form that only a parser reads."""

    def place(value: Any) -> tuple[int, int]:
        written = value.encode()
        return data.index(written), len(written)

    try:
        documents = [_with_secrets(one.kind, one.document, place) for one in reading.entries]
    except (AttributeError, ValueError):
        return ""
    entries = zip(reading.entries, documents, strict=True)
    return json.dumps([[one.kind, one.platform, document, one.positions] for one, document in entries])


def _reading(text: str, data: bytes) -> Reading:
    def value(place: tuple[int, int]) -> str:
        start, length = place
        return data[start : start + length].decode()

    return Reading(
        tuple(
            Entry(
                kind,
                platform,
                _with_secrets(kind, document, value),
                {path: (line, column) for path, (line, column) in positions.items()},
            )
            for kind, platform, document, positions in json.loads(text)
        )
    )


def _with_secrets(kind: str, document: Mapping[str, Any], form: Callable[[Any], Any]) -> Mapping[str, Any]:
    """The document with every secret value in another form."""
    secret = [name for name in KINDS[kind].secrets if document.get(name)]
    if not secret:
        return document
    return {**document, **{name: {key: form(value) for key, value in document[name].items()} for name in secret}}
