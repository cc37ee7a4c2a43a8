"""Values of mlops.yaml read by type: numbers, durations, times, words, mappings of fields; mistakes get their place."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.core.words import did_you_mean
from reconciler.load.settings.timetables import date_of, knows_zone, minutes_of, zones

Read = Callable[[str, Any], Any]
"""Takes a dotted path and the value there; gives what it means, or None after telling what is wrong."""

REQUIRED = object()
"""Stands for the default of a field that has none."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ABSENT = object()


@dataclass(frozen=True)
class Field:
    """A field of a mapping: how it is read, and what it is where it is not written; None leaves it out."""

    read: Read
    default: Any = None


class File(Protocol):
    """What reads mlops.yaml: keeps the texts as they were written, and gathers what is wrong with its place."""

    def written(self, path: str, value: Any) -> Any:
        """The text of a scalar as it stands in the file, whatever YAML makes of it."""
        ...

    def wrong(self, path: str, message: str, *, code: str = "E-TYPE") -> None:
        """Gather a problem at the place of a dotted path."""
        ...


class Values:
    """Reads values of one file."""

    def __init__(self, file: File) -> None:
        self._file = file

    def fields(self, path: str, given: Any, fields: Mapping[str, Field]) -> dict[str, Any]:
        """The fields of a mapping; those that are not written and have no default are left out."""
        found = self.mapping(path, given)
        for name in found:
            if name not in fields:
                message = f"unknown field{did_you_mean(str(name), fields)}; there are {listed(fields)}"
                self._file.wrong(f"{path}.{name}", message, code="E-FIELD")
        if given is not None and not isinstance(given, Mapping):
            return {}
        read = {name: self._field(path, name, found.get(name, _ABSENT), field) for name, field in fields.items()}
        return {name: value for name, value in read.items() if value is not None}

    def _field(self, path: str, name: str, value: Any, field: Field) -> Any:
        if value is not _ABSENT and value is not None:
            return field.read(f"{path}.{name}", value)
        if field.default is REQUIRED:
            self._file.wrong(path, f"{name} is missing", code="E-REQUIRED")
            return None
        return field.default

    def mapping(self, path: str, given: Any) -> Mapping[Any, Any]:
        """A mapping; nothing counts as an empty one."""
        if given is None or isinstance(given, Mapping):
            return given or {}
        self._file.wrong(path, "expected a mapping")
        return {}

    def list(self, read: Read) -> Read:
        """Reads a list, item by item."""

        def items(path: str, given: Any) -> Any:
            if isinstance(given, Sequence) and not isinstance(given, str):
                return [read(f"{path}.{index}", item) for index, item in enumerate(given)]
            return self.refused(path, "expected a list")

        return items

    def number(
        self,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        above: float = -math.inf,
        below: float = math.inf,
    ) -> Read:
        """Reads a number inside bounds."""
        bounds = ((">=", low), ("<=", high), (">", above), ("<", below))
        wanted = " and ".join(f"{sign} {limit:g}" for sign, limit in bounds if math.isfinite(limit))

        def number(path: str, given: Any) -> Any:
            if not isinstance(given, (int, float)) or isinstance(given, bool) or not math.isfinite(given):
                return self.refused(path, f"expected a number {wanted}")
            if low <= given <= high and above < given < below:
                return given
            return self.refused(path, f"expected a number {wanted}; here is {given:g}", "E-VALUE")

        return number

    def count(self, least: int) -> Read:
        """Reads a whole number."""

        def count(path: str, given: Any) -> Any:
            if isinstance(given, int) and not isinstance(given, bool) and given >= least:
                return given
            return self.refused(path, f"expected a whole number >= {least}")

        return count

    def duration(self, path: str, given: Any) -> Any:
        """Seconds of `300ms`, `90s`, `5m`, `12h` or `30d`, more than none."""
        found = _DURATION.fullmatch(str(self._file.written(path, given)).strip())
        seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
        return seconds if seconds > 0 else self.refused(path, "expected a duration with its unit, such as 90s or 5m")

    def word(self, *words: str) -> Read:
        """Reads one of some words, letters' case aside."""

        def word(path: str, given: Any) -> Any:
            spelled = {each.lower(): each for each in words}
            if isinstance(given, str) and given.lower() in spelled:
                return spelled[given.lower()]
            message = f"{given!r} is none of {listed(words)}{did_you_mean(str(given), words)}"
            return self.refused(path, message, "E-VALUE")

        return word

    def text(self, path: str, given: Any) -> Any:
        """A text that is not empty."""
        return given if isinstance(given, str) and given else self.refused(path, "expected text")

    def time(self, path: str, given: Any) -> Any:
        """A time of day, as written."""
        text = str(self._file.written(path, given))
        if minutes_of(text) is None:
            return self.refused(path, "expected a time of day, 00:00 to 24:00", "E-VALUE")
        return text

    def date(self, path: str, given: Any) -> Any:
        """A date with its time, ISO 8601 to the minute."""
        text = str(self._file.written(path, given))
        found = date_of(text)
        if found is None:
            return self.refused(path, "expected a date, 2026-12-24 or 2026-12-24T18:00", "E-VALUE")
        return found.isoformat(timespec="minutes")

    def zone(self, path: str, given: Any) -> Any:
        """The name of a time zone."""
        if isinstance(given, str) and knows_zone(given):
            return given
        message = f"{given!r} is no time zone such as UTC or Europe/Berlin{did_you_mean(str(given), zones())}"
        return self.refused(path, message, "E-VALUE")

    def refused(self, path: str, message: str, code: str = "E-TYPE") -> None:
        """Tell what is wrong, and mean nothing."""
        self._file.wrong(path, message, code=code)


def listed(words: Iterable[str]) -> str:
    """Words in one line."""
    return ", ".join(words)
