"""Days, times and time zones as mlops.yaml writes them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_TIME = re.compile(r"(\d\d?):(\d\d)(?::00)?")


def minutes_of(text: str) -> int | None:
    """Minutes since midnight of `HH:MM`, up to `24:00`; None if it is no time of day."""
    found = _TIME.fullmatch(text.strip())
    if not found or int(found[2]) > 59:
        return None
    minutes = int(found[1]) * 60 + int(found[2])
    return minutes if minutes <= 24 * 60 else None


def date_of(text: str) -> datetime | None:
    """The local time of an ISO 8601 date, midnight where it says no time; None if it is none, or has an offset."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found.tzinfo is None else None


def zone_of(name: str) -> tzinfo:
    """The time zone of a name of the IANA database.

    Raises:
        ValueError: there is none of that name on this machine.
    """
    if name.upper() == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - only a schedule elsewhere than in UTC needs it

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"no time zone {name!r} on this machine") from error


def knows_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        zone_of(name)
    except ValueError:
        return False
    return True


def zones() -> Iterable[str]:
    """The names of all time zones that this machine knows."""
    from zoneinfo import available_timezones  # noqa: PLC0415 - only a misspelt one is looked for

    return {"UTC", *available_timezones()}
