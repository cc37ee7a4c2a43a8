"""The resident itself: one thread that waits for requests, for exits and for what falls due."""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from reconciler.keeper import children
from reconciler.keeper.console import Console
from reconciler.keeper.control import Connection, Control, Json
from reconciler.keeper.kept import Kept
from reconciler.keeper.logs import rotate
from reconciler.keeper.records import Record
from reconciler.keeper.rotation import rotate_logs
from reconciler.keeper.say import say
from reconciler.keeper.values import LOCK, PROTOCOL, process_from_json

TICK_S = 1.0
POLL_S = 0.5
IDLE_S = 30.0
OWN_LOG_BYTES = 1_000_000

Condition = Callable[[], bool]


class Resident:
    """Keeps the processes of one folder, which is its working directory: so a folder may be moved.

    Args:
        home: where clients know the folder.
        lock: the descriptor of the folder's lock, which the caller holds.
    """

    def __init__(self, home: Path, socket_path: Path, *, lock: int, idle_s: float = IDLE_S) -> None:
        folder = Path()
        self._home = home
        self._folder = folder
        self._lock = lock
        self._selector = selectors.DefaultSelector()
        self._console = Console(folder)
        self._kept = Kept(folder, self._selector, self._console)
        self._waiting: list[tuple[Condition, Connection]] = []
        self._leave_at = time.monotonic() + idle_s
        self._next_tick = 0.0
        self._closing = False
        self._over = False
        self._answers: dict[str, Callable[[Json], Json | Condition]] = {
            "ping": lambda _: {"pid": os.getpid(), "protocol": PROTOCOL},
            "put": self._put,
            "keep": self._keep,
            "remove": self._remove,
            "list": lambda _: {"statuses": [asdict(each.status) for each in self._kept.records.values()]},
            "acknowledge": self._acknowledge,
            "shutdown": self._shutdown,
        }
        self._wakers = self._leave_on_signals()
        self._control = Control(socket_path, self._selector, self._handle)

    def run(self) -> None:
        """Keep until nothing is left to keep, or it is told to go."""
        while not self._done():
            for key, _ in self._selector.select(self._pause()):
                # What came before may have closed this one, as the end of a process closes its probe.
                if self._selector.get_map().get(key.fd) == key:
                    key.data()
            self._kept.do_what_is_due()
            self._kept.poll()
            self._tick()
            self._console.read()
            self._settle()
        self._console.save()
        self._control.close()

    def adopt(self) -> None:
        """Take over what an earlier keeper of the folder left."""
        self._kept.adopt()

    def _leave_on_signals(self) -> tuple[socket.socket, socket.socket]:
        """End at a signal to stop; the processes stay, for the next keeper to adopt."""
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.settimeout(0)
        self._selector.register(reader, selectors.EVENT_READ, self._leave)
        signal.set_wakeup_fd(writer.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        return reader, writer

    def _leave(self) -> None:
        self._over = True

    def _done(self) -> bool:
        if self._kept.records:
            self._leave_at = 0.0
        busy = self._kept.records or self._console.leaving
        return self._over or (not busy and time.monotonic() >= self._leave_at)

    def _pause(self) -> float:
        nearest = min(self._next_tick, self._kept.next_at(), self._console.next_at()) - time.monotonic()
        return max(0.0, min(nearest, POLL_S if self._kept.polled else TICK_S))

    def _tick(self) -> None:
        if time.monotonic() < self._next_tick:
            return
        self._next_tick = time.monotonic() + TICK_S
        self._kept.save_again()
        self._console.look()
        rotate_logs([record.process for record in self._kept.records.values()], self._tell)
        with suppress(OSError):
            rotate(self._folder / "keeper.log", max_bytes=OWN_LOG_BYTES, files=1)
        self._is_orphaned()
        with suppress(OSError):
            if not self._control.is_reachable() and self._is_in_place():
                self._control.listen_again()

    def _is_orphaned(self) -> bool:
        """Whether the folder is gone; then nobody could find what runs, and everything is stopped."""
        if os.fstat(self._lock).st_nlink:
            return False
        if not self._closing:
            say("the folder is gone, so nobody could find what runs: everything is stopped")
            self._closing = True
            self._kept.stop_all()
        return True

    def _tell(self, name: str, number: int) -> None:
        pid = self._kept.records[name].pid
        if pid is not None:
            children.tell(pid, number)

    def _is_in_place(self) -> bool:
        """Whether the folder is where clients look for it; one that was moved must not be made again there."""
        found = (self._home / LOCK).stat()
        return found.st_ino == os.fstat(self._lock).st_ino

    def _handle(self, request: Json, connection: Connection) -> None:
        """Answer a request, at once or when the condition holds that it has to wait for."""
        if self._is_orphaned():
            connection.leave()  # It is for the keeper of a folder that is in the same place by now.
            return
        try:
            outcome = self._answers[request["do"]](request)
        except (KeyError, TypeError, ValueError, OSError) as error:
            connection.answer({"error": f"{type(error).__name__}: {error}"})
            return
        if callable(outcome):
            self._waiting.append((outcome, connection))
        else:
            connection.answer(outcome)

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        for condition, connection in waiting:
            if condition():
                connection.answer({})
            else:
                self._waiting.append((condition, connection))

    def _put(self, request: Json) -> Condition:
        if self._closing:
            raise ValueError("the keeper is shutting down")
        wanted = Record(process_from_json(request["process"]), trial=request["trial"])
        name = wanted.process.name
        record = self._kept.records.get(name)
        if record is None:
            self._kept.begin(wanted)
        elif record.stopping or record.process != wanted.process:
            self._kept.replace(record.told_to_stop(wanted))
        else:
            self._again(record, trial=wanted.trial)
        return lambda: name not in self._kept.records or not self._kept.records[name].stopping

    def _again(self, record: Record, *, trial: bool) -> None:
        """The same process is wanted once more: one whose trial ended is started, one that is kept stays so."""
        if record.trial and record.pid is None:
            self._kept.begin(Record(record.process, trial=trial))
        else:
            self._kept.remember(replace(record, trial=record.trial and trial))

    def _keep(self, request: Json) -> Json:
        record = replace(self._known(request), trial=False)
        self._kept.remember(record)
        if record.pid is None and not record.stopping:
            self._kept.due.setdefault(record.process.name, time.monotonic())
        return {}

    def _remove(self, request: Json) -> Json | Condition:
        name = request["name"]
        record = self._kept.records.get(name)
        if record is None:
            return {}
        self._kept.stop(record.told_to_stop())
        # Whoever removes a process may remove its log, so that is read first.
        return lambda: name not in self._kept.records and self._console.has_left(record.process)

    def _acknowledge(self, request: Json) -> Json:
        self._kept.remember(replace(self._known(request), restarts=0))
        return {}

    def _shutdown(self, request: Json) -> Json | Condition:
        if not request["stop_processes"]:
            self._over = True
            return {}
        self._closing = True
        self._leave_at = 0.0
        self._kept.stop_all()
        return lambda: not self._kept.records and not self._console.leaving

    def _known(self, request: Json) -> Record:
        record = self._kept.records.get(request["name"])
        if record is None:
            raise ValueError(f"no process {request['name']} is kept")
        return record
