"""One value on one line: secrets as numbers, digests short, characters that could move a cursor spelled out."""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from reconciler.core.secret import Secret, masked
from reconciler.inert import are_printable
from reconciler.inert import log_line as log_line  # noqa: PLC0414 - offered from here as well, beside the rest
from reconciler.inert import log_rows as log_rows  # noqa: PLC0414 - as above
from reconciler.inert import log_text as log_text  # noqa: PLC0414 - as above
from reconciler.inert import printable as printable  # noqa: PLC0414 - as above
from reconciler.inert import terminal_text as terminal_text  # noqa: PLC0414 - as above
from reconciler.late import pattern

_DIGEST = pattern(r"\bsha256:([0-9a-f]{12})[0-9a-f]{52}\b")
_MARK = pattern(r"##(?=[A-Za-z]*\[)")
_LONGEST = 120
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


class Veil:
    """Numbers secrets in the order in which they are met, so that equal values show as equal."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def of(self, secret: Secret) -> str:
        """What stands for a secret."""
        number = self._numbers.setdefault(secret.digest, len(self._numbers) + 1)
        return f"{masked(secret.shown)} (secret {number})" if secret.shown else f"(secret {number})"

    def over(self, value: Any) -> Any:
        """The same value with every secret in it replaced by what stands for it."""
        if value is None or type(value) is int:
            return value
        if isinstance(value, str):
            return masked(value)
        if isinstance(value, Secret):
            return self.of(value)
        if isinstance(value, Mapping):
            return {key: self.over(item) for key, item in value.items()}
        return [self.over(item) for item in value] if isinstance(value, (list, tuple)) else value


def one_line(value: Any, veil: Veil) -> str:
    """A value as a person reads it in a plan, cut where it is too long."""
    return _shown_line(value) if type(value) is str else _cut(whole_line(value, veil))


def whole_line(value: Any, veil: Veil) -> str:
    """A value as a person reads it in a plan, however long: `none` for absent, texts as they are, JSON for the rest."""
    if value is None:
        return "(none)"
    if type(value) is int:
        return str(value)
    if type(value) is str:
        return _shown_text(value)
    if isinstance(value, Secret):
        return veil.of(value)
    return _shown(veil.over(value))


def _shown(shown: Any) -> str:
    text = shown if isinstance(shown, str) and shown and _is_plain(shown) else _json(shown)
    text = printable(text)
    return _DIGEST.sub(r"sha256:\1", text) if "sha256:" in text else text


@lru_cache(maxsize=4096)
def _shown_text(value: str) -> str:
    """The same of a text: most fields of a large plan have one of a few."""
    return _shown(masked(value))


@lru_cache(maxsize=4096)
def _shown_line(value: str) -> str:
    """A text as a line, likewise."""
    return _cut(_shown_text(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def printable_lines(text: str) -> str:
    """A text of several lines as `printable` has each of them, without line ends after the last."""
    return "\n".join(map(printable, text.rstrip().splitlines()))


def lines_text(lines: Iterable[str]) -> str:
    """Lines for people; what is in one of them begins no other."""
    lines = list(lines)
    text = "\n".join(lines)
    # Where no line holds the end of one, all are looked at together.
    return log_text(text) if text.count("\n") < len(lines) else "\n".join(map(log_line, lines))


def json_text(value: Any) -> str:
    """A value as JSON in which nothing acts: what could is escaped, so that it reads back the same."""
    return _inert_json(json.dumps(value, indent=2, ensure_ascii=False))


def json_line(value: Any) -> str:
    """The same on one line."""
    return _inert_json(json.dumps(value, ensure_ascii=False))


def _inert_json(text: str) -> str:
    if not are_printable(text):
        text = "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))
    return _MARK.sub(r"#\\u0023", text) if "##" in text else text


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def span_text(seconds: float) -> str:
    """A span of time in its largest unit, rounded down: `30d`, `3h`, `5m`, `12s`."""
    units = (("d", 86400), ("h", 3600), ("m", 60))
    unit, size = next(((unit, size) for unit, size in units if seconds >= size), ("s", 1))
    return f"{int(seconds // size)}{unit}"


def _is_plain(text: str) -> bool:
    """Whether a text can be told from a number and from its neighbours without quotes."""
    return not text[0].isdigit() and text == text.strip() and text not in ("true", "false", "null", "(none)")


def _json(value: Any) -> str:
    return _ENCODER.encode(value)
