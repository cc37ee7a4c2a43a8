"""A secret is known by a keyed digest: it compares and records, and never shows itself."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SEALED = "$secret"


@dataclass(frozen=True)
class Secret:
    """A value that prints as `***`; equal when the keyed digests are, whether or not the value is at hand.

    Args:
        digest: HMAC-SHA256 of the value under the state's key, in hexadecimal.
        value: the value itself; None when the secret was read back from a record.
    """

    digest: str
    value: str | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, value: str, key: bytes) -> "Secret":
        """Seal a value under the state's key."""
        return cls(hmac.new(key, value.encode(), hashlib.sha256).hexdigest(), value)

    def reveal(self) -> str:
        """Give the value; every caller of this can be found by its name.

        Raises:
            ValueError: only the digest is known.
        """
        if self.value is None:
            raise ValueError("the value of this secret is not at hand: only its digest was recorded")
        return self.value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__


def sealed(value: Any) -> Any:
    """Return the JSON form of a spec, in which a secret is its digest alone.

    A mapping of a user's that looks like a sealed secret gets another `$` before its key, so that it comes back as it
    was.
    """
    if isinstance(value, Secret):
        return {SEALED: value.digest}
    if isinstance(value, Mapping):
        return {f"${key}" if _looks_sealed(key) else key: sealed(item) for key, item in value.items()}
    return [sealed(item) for item in value] if isinstance(value, (list, tuple)) else value


def unsealed(value: Any) -> Any:
    """Return the spec of a JSON form; its secrets know their digests alone."""
    if isinstance(value, dict):
        return _unsealed_mapping({key: unsealed(item) for key, item in value.items()})
    return [unsealed(item) for item in value] if isinstance(value, list) else value


def spec_from_json(text: str | bytes) -> Any:
    """Read the JSON text of a sealed spec; thousands are read for a plan, so only one with a `$` is looked through."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return _DECODER.decode(text) if "$" in text else json.loads(text)


def _unsealed_mapping(value: dict[str, Any]) -> Any:
    """One mapping whose items are unsealed already."""
    if len(value) == 1 and SEALED in value:
        return Secret(value[SEALED])
    if "$$" in "".join(value):  # at most one call too many, where one key ends in `$` and the next begins with it
        return {key[1:] if _looks_sealed(key) else key: item for key, item in value.items()}
    return value


_DECODER = json.JSONDecoder(object_hook=_unsealed_mapping)


def _looks_sealed(key: Any) -> bool:
    return isinstance(key, str) and key.startswith("$") and key.lstrip("$") == SEALED[1:]
