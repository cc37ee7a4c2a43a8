"""What the keeper is told and what it tells: a process to keep, its exit and its status; read back from JSON."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Process:
    """A process to keep up. It gets exactly `env`; its output is appended to `log`, which the keeper rotates.

    `other_logs` are files that the process itself appends to; they are rotated alike.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str
    log: str
    stop_signal: int = int(signal.SIGTERM)
    stop_timeout_s: float = 10.0
    other_logs: tuple[str, ...] = ()
    log_max_bytes: int = 10_000_000
    log_files: int = 5


@dataclass(frozen=True)
class Exit:
    """How a process ended. Both are None if it ended unseen, or was not the keeper's own child."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        """Say it in words, as for a message."""
        if self.signal is not None:
            return f"killed by signal {self.signal} ({signal.strsignal(self.signal) or 'unknown'})"
        return "ended, exit code unknown" if self.code is None else f"exit code {self.code}"


@dataclass(frozen=True)
class Status:
    """A kept process as it is now. `started_at` is seconds since the epoch; `restarts` is since it was acknowledged."""

    name: str
    pid: int | None
    started_at: float
    running: bool
    trial: bool
    restarts: int
    last_exit: Exit | None
    log: str


def process_from_json(data: Mapping[str, Any]) -> Process:
    """Return the process that `dataclasses.asdict` wrote."""
    return Process(**{**data, "argv": tuple(data["argv"]), "other_logs": tuple(data["other_logs"])})


def exit_from_json(data: Mapping[str, Any] | None) -> Exit | None:
    """Return the exit that `dataclasses.asdict` wrote."""
    return None if data is None else Exit(**data)


def status_from_json(data: Mapping[str, Any]) -> Status:
    """Return the status that `dataclasses.asdict` wrote."""
    return Status(**{**data, "last_exit": exit_from_json(data["last_exit"])})
