"""The parse cache: what a file of known content holds, so that it is neither parsed nor checked again.

It is keyed by git's blob id, in a cache of the code and schemas that would read the file. Only files without problems
are kept, and of a secret value only where in its file it is written.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.kinds import KINDS
from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.positions import KeptPositions, kept
from reconciler.load.reading import Entry, Reading

_AT_A_TIME = 1000


def blob_id(data: bytes) -> str:
    """The id that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def known(folder: Path | None, files: Mapping[str, bytes]) -> dict[str, Reading]:
    """What the cache knows of these files, given by blob id."""
    rows = read_rows(folder, "parsed", files)
    return dict(zip(rows, readings(list(rows.values()), [files[blob] for blob in rows]), strict=True))


def learn(folder: Path | None, readings: Mapping[str, Reading], files: Mapping[str, bytes]) -> None:
    """Keep what was read without problems."""
    if folder is None:
        return
    texts = {blob: as_text(reading, files[blob]) for blob, reading in readings.items()}
    keep_rows(folder, "parsed", {blob: text for blob, text in texts.items() if text})


def as_text(reading: Reading, data: bytes) -> bytes:
    """A reading as JSON; empty where it has problems, or a secret is written in a form that only a parser reads."""
    if reading.problems:
        return b""

    def place(value: Any) -> tuple[int, int]:
        written = value.encode()
        return data.index(written), len(written)

    try:
        entries = [
            (one.kind, one.platform, _with_secrets(one.kind, one.document, place), kept(one.positions, one.document))
            for one in reading.entries
        ]
    except (AttributeError, ValueError, KeyError):
        return b""
    return json.dumps(entries).encode()


def readings(texts: Sequence[bytes], datas: Sequence[bytes]) -> Iterator[Reading]:
    """Readings from their texts, and from what is in their files; many at once, as their keys are then the same."""
    for start in range(0, len(texts), _AT_A_TIME):
        several = json.loads(b"[" + b",".join(texts[start : start + _AT_A_TIME]) + b"]")
        yield from map(_reading, several, datas[start : start + _AT_A_TIME])


def _reading(entries: Sequence[tuple[str, str, dict[str, Any], str]], data: bytes) -> Reading:
    def value(place: tuple[int, int]) -> str:
        start, length = place
        return data[start : start + length].decode()

    found = [(kind, platform, _with_secrets(kind, one, value), places) for kind, platform, one, places in entries]
    return Reading(
        tuple(Entry(kind, platform, one, KeptPositions(places, one)) for kind, platform, one, places in found)
    )


def _with_secrets(kind: str, document: Mapping[str, Any], form: Callable[[Any], Any]) -> Mapping[str, Any]:
    """The document with every secret value in another form."""
    secret = [name for name in KINDS[kind].secrets if document.get(name)]
    if not secret:
        return document
    return {**document, **{name: {key: form(value) for key, value in document[name].items()} for name in secret}}
