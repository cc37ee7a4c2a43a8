"""What the keeper is told and what it tells: a process to keep, its exit and its status; read back from JSON."""

import signal
import socket
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from reconciler.frozen import dataclass

# Grows with each change of what clients may ask: a keeper of a lower number gives way to a new one.
PROTOCOL = 3

LOCK = "keeper.lock"


@dataclass(frozen=True)
class Probe:
    """How a process is asked over HTTP whether it is well, and what is made of the answers, as in Kubernetes.

    A status of 200 to 399 within `timeout_s` is a good answer. After `failure_threshold` others in a row the process
    counts as failing.

    Args:
        address: where it listens, the absolute path of a unix socket or `IP:PORT`.
        path: what is asked for.
        initial_delay_s: from the start of the process to the first question.
        success_threshold: how many good answers in a row have earlier failures forgotten.

    Raises:
        ValueError: the address or the path is none, or a number is too small.
    """

    address: str
    path: str = "/"
    initial_delay_s: float = 10.0
    period_s: float = 10.0
    timeout_s: float = 2.0
    success_threshold: int = 1
    failure_threshold: int = 30

    def __post_init__(self) -> None:
        if not self.path.startswith("/") or not self.path.isprintable() or " " in self.path:
            raise ValueError(f"probe: {self.path!r} is no path of HTTP")
        if min(self.success_threshold, self.failure_threshold) < 1 or min(self.period_s, self.timeout_s) <= 0:
            raise ValueError("probe: thresholds are at least 1, period and time-out more than 0 s")
        _ = self.place

    @property
    def place(self) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
        """The address as sockets take it. A host name is none: to look it up could take long."""
        if self.address.startswith("/"):
            return socket.AF_UNIX, self.address
        host, _, port = self.address.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            socket.inet_pton(family, host)
            return family, (host, int(port))
        except (OSError, ValueError):
            raise ValueError(f"probe: {self.address!r} is neither the path of a socket nor IP:PORT") from None


@dataclass(frozen=True)
class Process:
    """A process to keep up. It gets exactly `env`, an instance also a mark, and its output is appended to `log`.

    The log of an instance, a process named `ENDPOINT/DEPLOYMENT/INSTANCE`, goes into the console log line by line and
    is cut at `log_max_bytes`; that of any other process is rotated.

    Args:
        other_logs: files that the process itself appends to; they are rotated.
        reopen_signal: has the process open its `other_logs` anew, so that rotation renames them and loses no line;
            without it they are copied and cut.
        longest_delay_s: the wait before it is started again doubles with each exit, up to this.
        liveness: one that fails it is ended and started again; without it a process lives until it ends.
        readiness: that it begins to fail it is written into the event log, and nothing else comes of it here.
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
    reopen_signal: int | None = None
    longest_delay_s: float = 30.0
    liveness: Probe | None = None
    readiness: Probe | None = None


@dataclass(frozen=True)
class Exit:
    """How a process ended. Code and signal are None if it ended unseen, or was not the keeper's own child.

    `cause` says in words why the keeper ended it, where it did so without being told to.
    """

    code: int | None = None
    signal: int | None = None
    cause: str = ""

    def __str__(self) -> str:
        """Say it in words, as for a message."""
        return f"{self._ending()} after {self.cause}" if self.cause else self._ending()

    def _ending(self) -> str:
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
    probes = {name: data.get(name) for name in ("liveness", "readiness")}
    return Process(
        **{
            **data,
            "argv": tuple(data["argv"]),
            "other_logs": tuple(data["other_logs"]),
            **{name: Probe(**probe) if probe else None for name, probe in probes.items()},
        }
    )


def exit_from_json(data: Mapping[str, Any] | None) -> Exit | None:
    """Return the exit that `dataclasses.asdict` wrote."""
    return None if data is None else Exit(**data)


def status_from_json(data: Mapping[str, Any]) -> Status:
    """Return the status that `dataclasses.asdict` wrote."""
    return Status(**{**data, "last_exit": exit_from_json(data["last_exit"])})
