"""How a run goes, and how it may therefore end."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from reconciler.core.plan import Result
from reconciler.errors import LockHeldError, ManifestError, RefusedError, StateError
from reconciler.pipeline import Applied
from tests.faults.model import outputs
from tests.faults.model.desired import Desired
from tests.faults.model.process import Killed

Act = Callable[[Any], object]
"""Something that happens to the world."""


@dataclass(frozen=True)
class Course:
    """How a run goes.

    Args:
        at: what happens at which of its points, counted from 1.
        faults: what becomes of which of its calls, counted from 1.
        parallel: how many steps run at once.
        turns: of what runs at once, the seed of its order.
        refresh: whether the live side is looked at.
        max_delete: as on the command line.
    """

    at: Mapping[int, Act] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)
    parallel: int = 1
    turns: int = 0
    refresh: bool = True
    max_delete: int | None = None

    @property
    def undisturbed(self) -> bool:
        """Whether nothing is to happen to it."""
        return not self.at and not self.faults


@dataclass(frozen=True)
class Circumstances:
    """What was so when a run began, by which its end is judged.

    Args:
        foreign: there were objects of others.
        locked: another run had the lock.
        older: the record was a backup.
        whole: it was to do all that is wanted.
    """

    course: Course
    desired: Desired
    foreign: bool
    locked: bool
    older: bool
    whole: bool

    def unexpected(self, ended: object) -> Iterator[str]:
        """How it ended, if nobody can expect that."""
        if not isinstance(ended, BaseException):
            if isinstance(ended, Applied) and self.course.undisturbed and self.desired.works and not self.foreign:
                yield from _failures(ended)
        elif not self._may_raise(ended):
            yield outputs.of_error(ended)

    def _may_raise(self, error: BaseException) -> bool:
        if isinstance(error, ManifestError):
            return not self.desired.valid
        if isinstance(error, RefusedError):
            return not self.whole or _codes(error) <= self._refusals()
        if isinstance(error, LockHeldError):
            return self.locked
        return isinstance(error, (Killed, StateError)) and not self.course.undisturbed

    def _refusals(self) -> set[str]:
        """The codes with which a plan may be refused."""
        found = {"E-DELETE-BUDGET", "E-DELETE-TRAFFIC"}
        return found | ({"E-FOREIGN"} if self.foreign else set()) | ({"E-OLD-RECORD"} if self.older else set())


def _codes(error: BaseException) -> set[str]:
    return {line.partition(":")[0] for line in str(error).splitlines()}


def _failures(applied: Applied) -> Iterator[str]:
    for outcome in applied.outcomes:
        if outcome.result is not Result.SUCCEEDED:
            step = outcome.step
            yield f"undisturbed, yet {step.action} {step.address}: {outcome.result} {outcome.message}"


class Clock:
    """The time, which jumps."""

    def __init__(self) -> None:
        self._now = datetime(2026, 2, 3, 12, tzinfo=UTC)

    def now(self, _zone: tzinfo) -> datetime:
        """Say the time; a millisecond goes by."""
        self._now += timedelta(milliseconds=1)
        return self._now

    fromisoformat = staticmethod(datetime.fromisoformat)

    def jump(self, hours: float) -> None:
        """Be somewhere else."""
        self._now += timedelta(hours=hours)
