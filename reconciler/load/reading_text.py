"""A reading as text and back: for the cache, and between the processes that share out the files.

Only what has no problems has a text, and of a secret value that says only where in its file it is written.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any

from reconciler.kinds import KINDS
from reconciler.load.reading import Entry, Reading
from reconciler.load.yaml.positions import KeptPositions, is_kept, kept

_AT_A_TIME = 1000


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
    """Readings from their texts, and from what is in their files; many at once, as their keys are then the same.

    Raises:
        ValueError: a text is none of a reading; so do LookupError, TypeError and AttributeError.
    """
    for start in range(0, len(texts), _AT_A_TIME):
        some = texts[start : start + _AT_A_TIME]
        several = json.loads(b"[" + b",".join(some) + b"]")
        if len(several) != len(some):
            raise ValueError("a text is none of one reading")
        yield from map(_reading, several, datas[start : start + _AT_A_TIME])


def _reading(entries: Sequence[tuple[str, str, dict[str, Any], str]], data: bytes) -> Reading:
    def value(place: tuple[int, int]) -> str:
        start, length = place
        return data[start : start + length].decode()

    found = [(kind, platform, _with_secrets(kind, one, value), places) for kind, platform, one, places in entries]
    if not (isinstance(entries, list) and all(starmap(_is_entry, found))):
        raise ValueError("a text is none of a reading")
    return Reading(
        tuple(Entry(kind, platform, one, KeptPositions(places, one)) for kind, platform, one, places in found)
    )


def _is_entry(_: str, platform: Any, document: Any, places: Any) -> bool:
    return isinstance(platform, str) and isinstance(document, dict) and is_kept(places)


def _with_secrets(kind: str, document: Mapping[str, Any], form: Callable[[Any], Any]) -> Mapping[str, Any]:
    """The document with every secret value in another form."""
    secret = [name for name in KINDS[kind].secrets if document.get(name)]
    if not secret:
        return document
    return {**document, **{name: {key: form(value) for key, value in document[name].items()} for name in secret}}
