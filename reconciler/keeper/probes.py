"""Probes, any number at once, in the keeper's one thread: connect, ask, read the status, or time out."""

import errno
import os
import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.keeper.health import STATUS_LINE_BYTES, Health, problem, request
from reconciler.keeper.say import say
from reconciler.keeper.values import Probe

# A process that failed a probe, what went wrong, and how it stands by now.
Report = Callable[[str, str, Health], None]


class _Question:
    """One probe under way; `done` is told what went wrong, or nothing."""

    def __init__(self, probe: Probe, selector: selectors.BaseSelector, done: Callable[[str], None]) -> None:
        self._request = request(probe)
        self._selector = selector
        self._done = done
        self._answer = b""
        family, self._address = probe.place
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.settimeout(0)

    def begin(self) -> None:
        """Connect; where that is refused at once, the question is done."""
        self._selector.register(self._socket, selectors.EVENT_WRITE, self._ask)
        try:
            code = self._socket.connect_ex(self._address)
        except OSError as error:
            # The path of a socket that is too long is an error before the system is asked.
            self._end(f"no connection: {error}")
            return
        if code not in (0, errno.EINPROGRESS):
            self._end(_connection_problem(code))

    def close(self) -> None:
        """Ask no further."""
        self._selector.unregister(self._socket)
        self._socket.close()

    def _ask(self) -> None:
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._end(_connection_problem(code))
            return
        try:
            # A request of a few dozen bytes fits into an empty socket's buffer whole.
            self._socket.sendall(self._request)
        except OSError as error:
            self._end(_connection_problem(error.errno or 0))
        else:
            self._selector.modify(self._socket, selectors.EVENT_READ, self._read)

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(STATUS_LINE_BYTES - len(self._answer))
        except OSError as error:
            self._end(_connection_problem(error.errno or 0))
            return
        self._answer += chunk
        if not chunk or len(self._answer) == STATUS_LINE_BYTES:
            self._end(problem(self._answer))

    def _end(self, what: str) -> None:
        self.close()
        self._done(what)


@dataclass
class _Watched:
    probe: Probe
    ask_at: float
    late_at: float = 0.0
    health: Health = field(default_factory=Health)
    question: _Question | None = None

    @property
    def due_at(self) -> float:
        return self.late_at if self.question else self.ask_at


class Probes:
    """The processes that are asked. `report` hears of each failure of theirs."""

    def __init__(
        self, selector: selectors.BaseSelector, report: Report, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._selector = selector
        self._report = report
        self._now = now
        self._watched: dict[str, _Watched] = {}

    def watch(self, name: str, probe: Probe, first_in_s: float) -> None:
        """Ask a process from then on; one that is asked already goes on being asked."""
        if name not in self._watched:
            self._watched[name] = _Watched(probe, self._now() + first_in_s)

    def forget(self, name: str) -> None:
        """Ask a process no more, and drop what was made of its answers."""
        watched = self._watched.pop(name, None)
        if watched and watched.question:
            watched.question.close()

    def next_at(self) -> float:
        """When the next question or its time-out is due, by the clock of `now`."""
        return min((each.due_at for each in self._watched.values()), default=float("inf"))

    def do_what_is_due(self) -> None:
        """Ask whoever is to be asked, and give up on who has not answered in time."""
        now = self._now()
        for name in [each for each, watched in self._watched.items() if watched.due_at <= now]:
            watched = self._watched[name]
            if watched.question:
                watched.question.close()
                self._settle(name, watched, f"no answer within {watched.probe.timeout_s:g} s")
            else:
                self._ask(name, watched, now)

    def _ask(self, name: str, watched: _Watched, now: float) -> None:
        watched.ask_at = now + watched.probe.period_s
        watched.late_at = now + watched.probe.timeout_s
        try:
            watched.question = _Question(watched.probe, self._selector, lambda what: self._settle(name, watched, what))
        except OSError as error:
            # The keeper's own trouble, such as too many open files, says nothing about the process.
            say(f"{name}: not probed: {error}")
        else:
            watched.question.begin()

    def _settle(self, name: str, watched: _Watched, what: str) -> None:
        watched.question = None
        if not what:
            watched.health = watched.health.alive(watched.probe)
            return
        watched.health = watched.health.failed()
        self._report(name, what, watched.health)


def _connection_problem(code: int) -> str:
    if code == errno.EAGAIN:
        return "its queue of connections is full"
    return f"no connection: {os.strerror(code)}"
