"""Spans and points of time as somebody types them."""

import re
from datetime import UTC, datetime

from reconciler.errors import MlopsError

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def span_of(text: str, option: str) -> float:
    """Seconds, of a span such as `90s`, `5m`, `12h` or `30d`.

    Raises:
        MlopsError: it is none, or none that is longer than nothing; the message names the option.
    """
    seconds = _span(text)
    if not seconds:
        raise MlopsError(
            f"{option} {text!r} is no span of time; write a number with its unit, such as 90s, 5m, 12h, 30d"
        )
    return seconds


def point_of(text: str, option: str, *, now: float) -> float:
    """Seconds since the epoch, of a span back from now or of a time in ISO 8601, in UTC where it names no zone.

    Raises:
        MlopsError: it is neither; the message names the option.
    """
    seconds = _span(text)
    if seconds is not None:
        return now - seconds
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = "is neither a span back from now, such as 10m, nor a time, such as 2026-01-31T12:00:00Z"
        raise MlopsError(f"{option} {text!r} {message}") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _span(text: str) -> float | None:
    found = _SPAN.fullmatch(text.strip())
    return float(found[1]) * _SECONDS[found[2]] if found else None
