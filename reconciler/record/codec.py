"""Specs as stored text and back, and the digests by which a stored row is known to be whole."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import repeat
from operator import xor
from typing import Any

from reconciler.core.manifest import Spec
from reconciler.core.secret import sealed, spec_from_json, specs_from_json
from reconciler.core.state import Entry

# Beside the fields of an entry's spec, among which no schema allows such a name.
_LABELS = "@labels"

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def to_text(spec: Spec | None) -> str:
    """The stored form of a spec, in which a secret is its digest alone; empty for None."""
    return "" if spec is None else _encode(sealed(spec))


def from_text(text: str) -> Spec | None:
    """The spec of a stored form."""
    return spec_from_json(text) if text else None


def entry_text(entry: Entry) -> str:
    """The stored form of an entry's spec, and of the labels of its references where it has some."""
    return to_text({**entry.spec, _LABELS: entry.labels} if entry.labels else entry.spec)


def entries_of(stored: Sequence[tuple[str, int, str, str]]) -> list[Entry]:
    """The entries of their stored forms, each with its generation, operation and time of creation.

    Specs whose texts are equal are one: in a large target most are like some others.
    """
    texts = list(dict.fromkeys(text for text, *_ in stored))
    specs = dict(zip(texts, specs_from_json(texts), strict=True))
    return [_entry(specs[text], generation, operation, created) for text, generation, operation, created in stored]


def _entry(held: Spec, generation: int, operation: str, created: str) -> Entry:
    if _LABELS not in held:
        return Entry(held, generation, operation, created)
    spec = {name: value for name, value in held.items() if name != _LABELS}
    return Entry(spec, generation, operation, created, held[_LABELS])


def forgetful(spec: Spec | None) -> Spec | None:
    """The spec as it would be read back: JSON values, and secrets that no longer know their value."""
    return from_text(to_text(spec))


def row_digest(values: Iterable[Any], *, key: bytes = b"") -> str:
    """A digest over the values of a row and their types; with a key, one that nobody without it can make."""
    text = "\0".join([f"{len(value)}:{value}" if type(value) is str else repr(value) for value in values])
    return hashlib.blake2b(text.encode(), digest_size=16, key=key).hexdigest()


def storable(text: str) -> str:
    """The text without what no store can hold, such as bytes of a log that were no text."""
    return text.replace("\0", "?").encode(errors="replace").decode()


def toggled(total: str, *digests: str) -> str:
    """The digest of a set of rows once these are put in, or taken out: order does not matter."""
    return f"{reduce(xor, map(int, digests, repeat(16)), int(total, 16)):032x}"


EMPTY_SET = f"{0:032x}"
