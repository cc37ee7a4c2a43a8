"""What was printed, as lines: cut to a bound, decoded, each with its time."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.frozen import dataclass

LONGEST_LINE = 16_384
CUT = f" … [cut: the line has more than {LONGEST_LINE} bytes]"

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z(?!\w)")


@dataclass(frozen=True)
class Portion:
    """The lines of a piece of a log.

    Args:
        used: the bytes that they take up; what is left is the beginning of a line.
        inside: whether what follows is the rest of a line that was too long and is cut.
    """

    lines: tuple[str, ...]
    used: int
    inside: bool


def portion(data: bytes, *, inside: bool, final: bool) -> Portion:
    """Return the lines of a piece of a log; `final` if nothing follows, so that its last line is whole as well."""
    *whole, rest = data.split(b"\n")
    if inside and whole:
        del whole[0]
        inside = False
    elif inside:
        return Portion((), len(data), not final)
    too_long = len(rest) > LONGEST_LINE
    if rest and (final or too_long):
        whole.append(rest)
        rest = b""
    return Portion(tuple(map(_text, whole)), len(data) - len(rest), too_long and not final)


def _text(line: bytes) -> str:
    if len(line) <= LONGEST_LINE:
        return line.removesuffix(b"\r").decode(errors="replace")
    return line[:LONGEST_LINE].decode(errors="replace") + CUT


def timed(lines: Iterable[str], now: str) -> Iterator[tuple[str, str]]:
    """Yield lines with their times: that with which a line begins, else that of the line before, else `now`.

    So the lines of a traceback stay with the one that it follows.
    """
    time = now
    for line in lines:
        time = _stamp(line) or time
        yield time, line


def _stamp(line: str) -> str:
    """Return the time with which a line begins, with milliseconds; nothing where it begins otherwise."""
    found = _STAMP.match(line)
    if found is None:
        return ""
    seconds, fraction = found.groups()
    try:
        datetime.fromisoformat(seconds)
    except ValueError:
        return ""
    return f"{seconds}.{(fraction or '')[:3]:0<3}Z"
