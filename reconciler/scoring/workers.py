"""Several workers on one socket: forked, watched, replaced when they die, ended with their parent.

Forked, not started anew: a fork shares what is imported and hands on the bound socket by itself. It is safe because the
parent is one thread that has run none of the user's code. With WORKER_PRELOAD it has: import and init() happen once, in
the parent, and the workers share the model's memory; then threads that the script starts are not in the workers.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator

from reconciler.scoring.server import RETIRE
from reconciler.scoring.settings import Settings
from reconciler.scoring.worker import SCRIPT_FAILED, STOP, Ready, make_ready, serve, stop_before_serving

log = logging.getLogger("mlops.scoring")


class Pipe:
    """A pipe whose closing is the message: readers wait for the end of the file."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def close_writer(self) -> None:
        """Close this process's end; what the readers wait for comes when no process holds it."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def wait(self) -> None:
        """Wait for the end of the file."""
        while os.read(self.reader, 1):
            pass


class PidPipe(Pipe):
    """A pipe on which workers tell the parent their pid; one write is never mixed up with another's."""

    _FORM = struct.Struct("=q")

    def tell(self) -> None:
        """Tell this process's own."""
        os.write(self.writer, self._FORM.pack(os.getpid()))

    def told(self) -> Iterator[int]:
        """Yield what has been told."""
        for (pid,) in self._FORM.iter_unpack(os.read(self.reader, 64 * self._FORM.size)):
            yield pid


class Parent:
    """Forks the workers and stays with them.

    Args:
        settings: of the server.
        sock: bound, for all workers.
        ready: the script, when the parent has loaded it for all workers.
    """

    def __init__(self, settings: Settings, sock: socket.socket, ready: Ready | None = None) -> None:
        self._settings = settings
        self._sock = sock
        self._preloaded = ready
        self._alive = Pipe()  # the parent holds its end for life
        self._gate = Pipe()  # the parent closes its end when every worker is ready
        self._ready = PidPipe()  # a worker is ready to serve
        self._tired = PidPipe()  # a worker has had its number of requests, and asks for a successor
        self._signals = Pipe()  # a signal's number arrives as one byte
        self._workers: set[int] = set()
        self._retired: set[int] = set()  # told to retire
        self._successors: dict[int, int] = {}  # by the pid of a worker that starts: the one in whose place it comes
        self._starting = settings.workers
        self._kill_at = float("inf")
        self._code = 0

    def run(self) -> int:
        """Run until the last worker has ended; give the exit code."""
        self._catch_signals()
        for _ in range(self._settings.workers):
            self._fork()
        while self._workers:
            self._wait()
            if time.monotonic() > self._kill_at:
                self._signal_all(signal.SIGKILL)
        return self._code

    @property
    def _stopping(self) -> bool:
        return self._kill_at != float("inf")

    def _catch_signals(self) -> None:
        for end in (self._signals.writer, self._signals.reader):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._signals.writer, warn_on_full_buffer=False)
        for number in (*STOP, signal.SIGCHLD):
            signal.signal(number, lambda _number, _frame: None)

    def _wait(self) -> None:
        patience = 1.0 if self._stopping else None
        pipes: list[Pipe] = [self._signals, self._ready, self._tired]
        readable, _, _ = select.select([pipe.reader for pipe in pipes], [], [], patience)
        if self._ready.reader in readable:
            for pid in self._ready.told():
                self._is_ready(pid)
        if self._tired.reader in readable:
            for pid in self._tired.told():
                # One that has ended since it asked has been replaced already.
                if pid in self._workers and not self._stopping:
                    self._successors[self._fork()] = pid
        if self._signals.reader in readable:
            for number in set(os.read(self._signals.reader, 512)) - {signal.SIGCHLD}:
                self._stop(number)
        self._reap()

    def _is_ready(self, pid: int) -> None:
        self._starting -= 1
        if self._starting <= 0:
            self._gate.close_writer()
        retiring = self._successors.pop(pid, None)
        if retiring in self._workers:
            self._retired.add(retiring)
            os.kill(retiring, RETIRE)

    def _stop(self, number: int) -> None:
        if not self._stopping:
            # A worker may serve and then close for the drain time each; what is left after that hangs.
            self._kill_at = time.monotonic() + 2 * self._settings.drain_s + 5
            self._sock.close()
        self._signal_all(number)

    def _signal_all(self, number: int) -> None:
        for pid in self._workers:
            os.kill(pid, number)  # not yet reaped, so the pid is still this worker's

    def _reap(self) -> None:
        for pid in list(self._workers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._workers.discard(pid)
                self._ended(pid, os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))

    def _ended(self, pid: int, code: int) -> None:
        if self._stopping:
            return
        if self._starting > 0 or code == SCRIPT_FAILED:
            self._code = SCRIPT_FAILED
            self._stop(signal.SIGTERM)
        elif pid in self._retired or pid in self._successors.values():
            log.info("worker %s has retired", pid)
            self._retired.discard(pid)
        else:
            log.warning("worker %s ended with %s and is replaced", pid, code)
            retiring = self._successors.pop(pid, None)
            successor = self._fork()
            if retiring is not None:
                self._successors[successor] = retiring

    def _fork(self) -> int:
        # A signal that came before the worker has handlers of its own would go to the parent's.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
        pid = os.fork()
        if not pid:
            sys.exit(self._work())
        self._workers.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
        return pid

    def _work(self) -> int:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stop_before_serving()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
        for pipe in (self._alive, self._gate, self._signals):
            pipe.close_writer()
        threading.Thread(target=_end_with_parent, args=[self._alive.wait], daemon=True).start()
        ready = self._preloaded or make_ready(self._settings)
        if ready is None:
            return SCRIPT_FAILED
        return serve(ready, self._settings, self._sock, self._wait_for_all, self._tired.tell)

    def _wait_for_all(self) -> None:
        self._ready.tell()
        self._gate.wait()


def _end_with_parent(wait: Callable[[], None]) -> None:
    wait()
    os._exit(1)


def serve_workers(settings: Settings, sock: socket.socket) -> int:
    """Serve with as many workers as the settings say; give the exit code."""
    if settings.without_effect:
        log.warning("without effect here: %s", ", ".join(settings.without_effect))
    alone = settings.workers == 1 and not settings.max_requests_per_worker
    if not (alone or settings.preload):
        return Parent(settings, sock).run()
    ready = make_ready(settings)
    if ready is None:
        return SCRIPT_FAILED
    return serve(ready, settings, sock) if alone else Parent(settings, sock, ready).run()
