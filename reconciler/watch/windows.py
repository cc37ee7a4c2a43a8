"""When something may be applied: windows that a cron expression opens, by the clocks on the walls of a time zone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from cronsim import CronSim, CronSimError

_LOOK_AHEAD = timedelta(days=400)
# An hour that is gone, or there twice, moves a begin by so much at the most.
_SHIFT = timedelta(hours=2)


@dataclass(frozen=True)
class Window:
    """A span of time that comes back.

    Args:
        cron: when it begins, five fields as cron has them.
        duration: how long it lasts on the clock on the wall, so that a day is a day also when the clock is changed.
        zone: whose clock.
        why: for people.
    """

    cron: str
    duration: timedelta
    zone: tzinfo
    why: str = ""

    def end_of(self, now: datetime, *, late: bool) -> datetime | None:
        """When the window ends that is open at a time; None where none is.

        Args:
            now: any zone.
            late: whether an end at a time that the clock shows twice is the second one.
        """
        for begin in self._begins(now - self.duration - _SHIFT):
            if begin > now:
                return None
            local = begin.astimezone(self.zone)
            end = (local + self.duration).replace(fold=max(local.fold, int(late))).astimezone(UTC)
            if now < end:
                return end
        return None

    def next_begin(self, now: datetime) -> datetime | None:
        """When it begins next, within a year."""
        begin = next(self._begins(now), None)
        return begin if begin and begin - now <= _LOOK_AHEAD else None

    def _begins(self, since: datetime) -> Iterator[datetime]:
        """When it begins after a time, in UTC."""
        for local in CronSim(self.cron, since.astimezone(self.zone)):
            yield local.astimezone(UTC)


@dataclass(frozen=True)
class Windows:
    """Those in which something may be applied, always where there are none, and those in which nothing may."""

    allow: Sequence[Window] = field(default=())
    deny: Sequence[Window] = field(default=())

    def closed(self, now: datetime) -> str:
        """Why nothing may be applied at a time, and until when; empty where it may."""
        for window in self.deny:
            if end := window.end_of(now, late=True):
                return f"a deny window is open until {_shown(end, window)}{_because(window)}"
        if not self.allow or any(window.end_of(now, late=False) for window in self.allow):
            return ""
        begins = [(begin, window) for window in self.allow if (begin := window.next_begin(now))]
        if not begins:
            return "no allow window is open, and none opens within a year"
        begin, window = min(begins, key=lambda found: found[0])
        return f"no allow window is open; the next one opens at {_shown(begin, window)}{_because(window)}"


def is_cron(text: str) -> bool:
    """Whether a text is a cron expression of five fields that ever comes."""
    try:
        return len(text.split()) == 5 and next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)), None) is not None
    except CronSimError:
        return False


def _shown(moment: datetime, window: Window) -> str:
    return moment.astimezone(window.zone).strftime("%Y-%m-%d %H:%M %Z")


def _because(window: Window) -> str:
    return f" ({window.why})" if window.why else ""
