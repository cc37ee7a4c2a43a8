"""A secret is known by a keyed digest: it compares and records, and never shows itself."""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any

from reconciler.frozen import dataclass
from reconciler.late import pattern

SEALED, SHOWN = "$secret", "$shown"
HIDDEN = "***"

# What opens an address: user and password, or a token in their place; the signature of one that Azure has signed; the
# token in the path of a conda channel. The name `git` is everybody's.
_CREDENTIALS = pattern(
    r"(?<=://)(?!git@)[^/?#\s@]+(?=@)|(?<=[?&]sig=)[^&#\s]+|(?<=[?&]token=)[^&#\s]+|(?<=/t/)[^/?#\s]{8,}(?=/)"
)
# What most values are, none of which is a secret or holds one: asked first, as thousands of specs are looked through.
_PLAIN = frozenset({str, int, float, bool, type(None)})
# Variables of the environment that are for `mlops` alone: what it starts, and what that starts, has no use for them.
_OWN_VARIABLES = pattern(
    r"MLOPS_(?:SECRET_.*|STATE_KEY|ENCRYPTION_KEY|ENCRYPTION_KEY_FALLBACK|TOKEN|WORKER)|PGPASSWORD"
)


@dataclass(frozen=True)
class Secret:
    """A value that prints as `***`; equal when the keyed digests are, whether or not the value is at hand.

    Args:
        digest: HMAC-SHA256 of the value under the state's key, in hexadecimal.
        value: the value itself; None when the secret was read back from a record.
        shown: what may be shown in its place, where a part of it is no secret; empty where nothing may.
    """

    digest: str
    value: str | None = field(default=None, repr=False, compare=False)
    shown: str = field(default="", compare=False)

    @classmethod
    def of(cls, value: str, key: bytes, *, shown: str = "") -> "Secret":
        """Seal a value under the state's key."""
        return cls(hmac.digest(key, value.encode(), "sha256").hex(), str(value), shown)

    def reveal(self) -> str:
        """Give the value; every caller of this can be found by its name.

        Raises:
            ValueError: only the digest is known.
        """
        if self.value is None:
            raise ValueError("the value of this secret is not at hand: only its digest was recorded")
        return self.value

    def __reduce__(self) -> "tuple[type[Secret], tuple[str, None, str]]":
        # What is pickled or copied, as a notebook's cache does with a plan, has no more of it than a record.
        return Secret, (self.digest, None, self.shown)

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return self.shown or HIDDEN


class Hidden(str):
    """A text with a secret in it, which is sealed before anybody compares, records or shows it.

    Args:
        shown: the text with `***` in place of the secret.
    """

    __slots__ = ("shown",)

    shown: str

    def __new__(cls, text: str, shown: str) -> "Hidden":
        """Hold the text, and what may be shown of it."""
        made = super().__new__(cls, text)
        made.shown = shown
        return made


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment for other programs, without the keys, tokens and secrets that this one was given."""
    return {name: value for name, value in environ.items() if not _OWN_VARIABLES.fullmatch(name)}


def masked(text: str) -> str:
    """A text with `***` for whatever opens an address in it, as in `--index-url https://ana:password@host`."""
    return _CREDENTIALS.sub(HIDDEN, text) if "/" in text or "=" in text else text


def credentials_in(text: str) -> list[str]:
    """What opens the addresses in a text."""
    return _CREDENTIALS.findall(text)


def sealed_texts(value: Any, key: bytes) -> Any:
    """A value in which every text that holds a secret is one."""

    def seal(text: str) -> Any:
        shown = masked(text.shown if isinstance(text, Hidden) else text)
        return Secret.of(text, key, shown=shown) if shown != text else text

    return with_texts(value, seal)


def with_texts(value: Any, change: Callable[[str], Any]) -> Any:
    """A value with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: with_texts(item, change) for name, item in value.items()}
    return [with_texts(item, change) for item in value] if isinstance(value, (list, tuple)) else value


def with_secrets(value: Any, change: Callable[[Secret], Any]) -> Any:
    """A value with every secret in it changed."""
    if isinstance(value, Secret):
        return change(value)
    if isinstance(value, Mapping):
        return {name: with_secrets(item, change) for name, item in value.items()}
    return [with_secrets(item, change) for item in value] if isinstance(value, (list, tuple)) else value


def secrets_of(value: Any) -> Iterator[Secret]:
    """Every secret in a value."""
    if type(value) in _PLAIN:
        return
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from secrets_of(item)


def sealed(value: Any) -> Any:
    """Return the JSON form of a spec, in which a secret is its digest alone.

    A mapping of a user's that looks like a sealed secret gets another `$` before its key, so that it comes back as it
    was.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Secret):
        return {SEALED: value.digest, SHOWN: value.shown} if value.shown else {SEALED: value.digest}
    if type(value) is dict or isinstance(value, Mapping):
        return {
            f"${key}" if _looks_sealed(key) else key: item if type(item) in _PLAIN else sealed(item)
            for key, item in value.items()
        }
    return [sealed(item) for item in value] if isinstance(value, (list, tuple)) else value


def unsealed(value: Any) -> Any:
    """Return the spec of a JSON form; its secrets know their digests alone."""
    if isinstance(value, dict):
        return _unsealed_mapping({key: unsealed(item) for key, item in value.items()})
    return [unsealed(item) for item in value] if isinstance(value, list) else value


def spec_from_json(text: str | bytes) -> Any:
    """Read the JSON text of a sealed spec."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return json.loads(text, object_hook=_hook_for(text))


def specs_from_json(texts: Sequence[str]) -> list[Any]:
    """Read the JSON texts of sealed specs, each of which is one whole value.

    All at once takes half the time, and names of fields are then held once.

    Raises:
        ValueError: one of them is none, or together they are not as many values.
    """
    text = f"[{','.join(texts)}]"
    found: list[Any] = json.loads(text, object_hook=_hook_for(text))
    if len(found) != len(texts):
        raise ValueError("together they are not as many values")
    return found


def _hook_for(text: str) -> Callable[[dict[str, Any]], Any] | None:
    """What makes the mappings of a JSON form those of a spec as they are read; thousands are for a plan."""
    return None if "$" not in text else _unsealed_mapping if "$$" in text else _opened


def _opened(value: dict[str, Any]) -> Any:
    """The secret that a mapping stands for, if it stands for one."""
    if SEALED in value and value.keys() <= {SEALED, SHOWN}:
        return Secret(value[SEALED], shown=value.get(SHOWN, ""))
    return value


def _unsealed_mapping(value: dict[str, Any]) -> Any:
    """One mapping whose items are unsealed already."""
    if (held := _opened(value)) is not value:
        return held
    if "$$" in "".join(value):  # at most one call too many, where one key ends in `$` and the next begins with it
        return {key[1:] if _looks_sealed(key) else key: item for key, item in value.items()}
    return value


@lru_cache(maxsize=4096)
def _looks_sealed(key: Any) -> bool:
    return isinstance(key, str) and key[:1] == "$" and key.lstrip("$") == SEALED[1:]
