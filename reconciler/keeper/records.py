"""What the keeper remembers of a process, and how that changes when it starts, ends or is told to stop."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from reconciler.frozen import dataclass
from reconciler.keeper.values import Exit, Process, Status, exit_from_json, process_from_json

FIRST_DELAY_S = 0.1
STEADY_S = 60.0


@dataclass(frozen=True)
class Record:
    """A process and what became of it.

    Args:
        trial: an exit is not followed by a restart.
        pid: of the running process; None while there is none.
        born: what tells the process from a later one of the same pid.
        mark: by what the process and all that it starts are known, in whatever keeper's folder; empty for none.
        restarts: how often it was started again since that was acknowledged.
        failures: how often in a row it ended before it was steady.
        stopping: it was told to end; what follows is `successor`, or nothing.
    """

    process: Process
    trial: bool = False
    pid: int | None = None
    born: str = ""
    mark: str = ""
    started_at: float = 0.0
    restarts: int = 0
    failures: int = 0
    last_exit: Exit | None = None
    stopping: bool = False
    successor: "Record | None" = None

    def started(self, pid: int, born: str, at: float, mark: str = "") -> "Record":
        """The process runs; a start after an exit is a restart."""
        again = self.last_exit is not None
        return replace(self, pid=pid, born=born, mark=mark, started_at=at, restarts=self.restarts + again)

    def ended(self, how: Exit, at: float) -> "Record":
        """The process ended; one that had been steady begins its back-off anew."""
        steady = at - self.started_at >= STEADY_S
        return replace(self, pid=None, last_exit=how, failures=1 if steady else self.failures + 1)

    def told_to_stop(self, successor: "Record | None" = None) -> "Record":
        """The process is to end, and its successor to follow."""
        return replace(self, stopping=True, successor=successor)

    @property
    def restart_delay_s(self) -> float:
        """How long to wait before the next start: doubling from one exit to the next, up to the process's limit."""
        doublings = min(max(self.failures - 1, 0), 20)
        return min(FIRST_DELAY_S * (1 << doublings), self.process.longest_delay_s)

    @property
    def status(self) -> Status:
        """What a client is told."""
        return Status(
            name=self.process.name,
            pid=self.pid,
            started_at=self.started_at,
            running=self.pid is not None,
            trial=self.trial,
            restarts=self.restarts,
            last_exit=self.last_exit,
            log=self.process.log,
        )


def record_to_json(record: Record) -> dict[str, Any]:
    """Return a record as JSON values."""
    return asdict(record)


def record_from_json(data: Mapping[str, Any]) -> Record:
    """Return the record of JSON values."""
    successor = data["successor"]
    return Record(
        **{
            **data,
            "process": process_from_json(data["process"]),
            "last_exit": exit_from_json(data["last_exit"]),
            "successor": None if successor is None else record_from_json(successor),
        }
    )
