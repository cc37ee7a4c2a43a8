"""Several workers on one socket: forked, watched, replaced when they die, ended with their parent.

Forked, not started anew: the parent is one thread that has run none of the user's code, so a fork is safe, shares what
is imported, and hands on the bound socket by itself.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable

from reconciler.scoring.server import SCRIPT_FAILED, STOP, serve, stop_before_serving
from reconciler.scoring.settings import Settings

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


class Parent:
    """Forks the workers and stays with them."""

    def __init__(self, settings: Settings, sock: socket.socket) -> None:
        self._settings = settings
        self._sock = sock
        self._alive = Pipe()  # the parent holds its end for life
        self._gate = Pipe()  # the parent closes its end when every worker is ready
        self._ready = Pipe()  # every ready worker writes one byte
        self._signals = Pipe()  # a signal's number arrives as one byte
        self._workers: set[int] = set()
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
        readable, _, _ = select.select([self._signals.reader, self._ready.reader], [], [], patience)
        if self._ready.reader in readable:
            self._count_ready(len(os.read(self._ready.reader, 64)))
        if self._signals.reader in readable:
            for number in set(os.read(self._signals.reader, 512)) - {signal.SIGCHLD}:
                self._stop(number)
        self._reap()

    def _count_ready(self, count: int) -> None:
        self._starting -= count
        if self._starting <= 0:
            self._gate.close_writer()

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
            return
        log.warning("worker %s ended with %s and is replaced", pid, code)
        self._fork()

    def _fork(self) -> None:
        # A signal that came before the worker has handlers of its own would go to the parent's.
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
        pid = os.fork()
        if not pid:
            sys.exit(self._work())
        self._workers.add(pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)

    def _work(self) -> int:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        stop_before_serving()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
        for pipe in (self._alive, self._gate, self._signals):
            pipe.close_writer()
        threading.Thread(target=_end_with_parent, args=[self._alive.wait], daemon=True).start()
        return serve(self._settings, self._sock, self._wait_for_all)

    def _wait_for_all(self) -> None:
        os.write(self._ready.writer, b"r")
        self._gate.wait()


def _end_with_parent(wait: Callable[[], None]) -> None:
    wait()
    os._exit(1)


def serve_workers(settings: Settings, sock: socket.socket) -> int:
    """Serve with as many workers as the settings say; give the exit code."""
    return serve(settings, sock) if settings.workers == 1 else Parent(settings, sock).run()
