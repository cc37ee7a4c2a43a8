"""The parse cache: what a file of known content holds, so that it is neither parsed nor checked again.

It is keyed by git's blob id, in a cache of the code and schemas that would read the file. Only files without problems
are kept, and of a secret value only where in its file it is written.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from reconciler.kinds import KINDS
from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.reading import Entry, Reading


def blob_id(data: bytes) -> str:
    """The id that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def known(folder: Path | None, files: Mapping[str, bytes]) -> dict[str, Reading]:
    """What the cache knows of these files, given by blob id."""
    return {blob: _reading(text, files[blob]) for blob, text in read_rows(folder, "parsed", files).items()}


def learn(folder: Path | None, readings: Mapping[str, Reading], files: Mapping[str, bytes]) -> None:
    """Keep what was read without problems."""
    if folder is None:
        return
    texts = {blob: _text(reading, files[blob]) for blob, reading in readings.items() if not reading.problems}
    keep_rows(folder, "parsed", {blob: text.encode() for blob, text in texts.items() if text})


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


def _reading(text: bytes, data: bytes) -> Reading:
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
