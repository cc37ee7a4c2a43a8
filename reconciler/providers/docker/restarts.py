"""How often instances were restarted behind the operator's back: the warden counts, everybody reads.

Counts are in one file that the warden alone writes. What an apply has seen of them is in one small file an instance,
which the provider writes, so neither ever overwrites what the other knows.
"""

import json
import signal
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.gateway.files import write_private
from reconciler.keeper.values import Exit, exit_from_json
from reconciler.providers.docker.notes import seconds, write_note
from reconciler.providers.hosting.layout import Layout

# What an engine says of a container that was never started.
NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class Restarts:
    """How often an instance was started again since that was acknowledged, and how it ended last; None if unseen."""

    restarts: int = 0
    last_exit: Exit | None = None


@dataclass(frozen=True)
class Counted:
    """What the warden knows of an instance's restarts.

    Args:
        restarts: how often it was started again since it was made.
        started_at: when the run began that was counted last, as the engine writes it.
        engine_count: the engine's own count then, which a start by hand sets back to 0.
        last_exit: how the last run that ended did so; None if none has.
        ended: whether that was the run that was counted last.
    """

    restarts: int
    started_at: str
    engine_count: int
    last_exit: Exit | None = None
    ended: bool = False

    def died(self, how: Exit, at: float) -> "Counted":
        """A run ended, `at` seconds since the epoch; it may be one before that which was counted last."""
        return replace(self, last_exit=how, ended=at >= seconds(self.started_at))

    def looked(self, *, started_at: str, engine_count: int) -> "Counted":
        """Count what was started since the last look, which may have been several times."""
        if started_at == self.started_at:
            return self
        grown = max(1, engine_count - self.engine_count)
        # An engine that was down, or restarted, tells nobody how instances ended.
        how = self.last_exit if self.ended and grown == 1 else Exit()
        return Counted(self.restarts + grown, started_at, engine_count, how)


def first_look(*, started_at: str, engine_count: int) -> Counted | None:
    """Begin to count for a container; None where it was never started."""
    if started_at == NEVER:
        return None
    return Counted(engine_count, started_at, engine_count, Exit() if engine_count else None)


def exit_of(code: int, cause: str = "") -> Exit:
    """How a container ended, by the exit code that engines give: above 128 it was a signal."""
    try:
        return Exit(signal=int(signal.Signals(code - 128)), cause=cause)
    except ValueError:
        return Exit(code=code, cause=cause)


@dataclass(frozen=True)
class Counts:
    """What the warden has counted.

    Args:
        until: the time of the last event that was taken into account, in nanoseconds since the epoch.
    """

    instances: Mapping[str, Counted] = field(default_factory=dict)
    until: int = 0


def load_counts(layout: Layout) -> Counts:
    """What was counted, by instance; nothing where nobody has, or where the file is torn."""
    try:
        found = json.loads(_file(layout).read_bytes())
        return Counts({name: _counted(each) for name, each in found["instances"].items()}, int(found["until"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Counts()


def save_counts(layout: Layout, counts: Counts) -> None:
    """Write down what was counted, and drop what was acknowledged of instances that are gone.

    Raises:
        OSError: it cannot be written.
    """
    write_note(_file(layout), asdict(counts))
    for acknowledged in _acknowledged(layout).glob("*"):
        if acknowledged.name not in counts.instances:
            acknowledged.unlink(missing_ok=True)


def read_restarts(layout: Layout) -> Mapping[str, Restarts]:
    """By instance, the restarts that no apply has seen; an instance that is not named has none. It asks no engine."""
    return {
        name: Restarts(max(0, each.restarts - _seen(layout, name)) if each.restarts else 0, each.last_exit)
        for name, each in load_counts(layout).instances.items()
    }


def acknowledge(layout: Layout, names: Iterable[str]) -> None:
    """Count the restarts of instances from here on: what was lost is mended."""
    counted = load_counts(layout).instances
    for name in set(names) & counted.keys():
        if counted[name].restarts:
            _acknowledged(layout).mkdir(exist_ok=True, mode=0o700)
            write_private(_acknowledged(layout) / name, str(counted[name].restarts).encode())


def _counted(found: Mapping[str, Any]) -> Counted:
    return Counted(**{**found, "last_exit": exit_from_json(found["last_exit"])})


def _seen(layout: Layout, name: str) -> int:
    try:
        return int((_acknowledged(layout) / name).read_bytes())
    except (FileNotFoundError, ValueError):
        return 0


def _file(layout: Layout) -> Path:
    return layout.warden / "restarts.json"


def _acknowledged(layout: Layout) -> Path:
    return layout.warden / "acknowledged"
