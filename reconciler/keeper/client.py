"""Talking to the keeper of a folder, and starting it when there is none."""

import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import reconciler
from reconciler.core.secret import without_secrets
from reconciler.errors import ProviderError
from reconciler.keeper import table
from reconciler.keeper.children import born
from reconciler.keeper.values import LOCK, PROTOCOL, Process, Status, status_from_json

Json = dict[str, Any]

LONGEST_SOCKET_PATH = 103  # on macOS; Linux takes four bytes more


def ensure(folder: Path, socket_path: Path) -> "Keeper":
    """Return the keeper of a folder, started if there is none. Two at once are safe: one keeper comes of it.

    Raises:
        ProviderError: it does not start, or does not answer.
    """
    keeper = Keeper(folder, socket_path)
    keeper.ensure()
    return keeper


class SilentKeeperError(ProviderError):
    """There is a keeper, and it does not answer: it hangs, and another cannot take its place while it lives."""


class _NobodyError(Exception):
    """Nobody answered, so nothing was done."""


class Keeper:
    """The keeper of one folder. Its socket is apart, for a socket's path may have 104 bytes at most.

    Args:
        timeout_s: how long a keeper may take to start, or to end.
        answer_timeout_s: how long it may take to answer what it answers at once.
        stop_timeout_s: how long it may take to stop processes.
    """

    def __init__(
        self,
        folder: Path,
        socket_path: Path,
        *,
        timeout_s: float = 15.0,
        answer_timeout_s: float = 5.0,
        stop_timeout_s: float = 600.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder = folder.resolve()
        self._socket = socket_path.resolve()
        self._timeout_s = timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._now = now
        self._sleep = sleep

    @property
    def log(self) -> Path:
        """The keeper's own log."""
        return self._folder / "keeper.log"

    def pid(self) -> int | None:
        """Return the keeper's pid; None if there is none.

        Raises:
            SilentKeeperError: it hangs.
        """
        found = self._ping()
        return int(found["pid"]) if found else None

    def ensure(self) -> None:
        """Start the keeper if there is none, or if it is one of an earlier version: its processes go on meanwhile.

        Raises:
            ProviderError: it does not start, or does not answer.
        """
        deadline = self._now() + self._timeout_s
        while (found := self._ping()) is None or found.get("protocol", 1) < PROTOCOL:
            if found:
                self.shutdown(stop_processes=False)
                continue
            if self._now() > deadline:
                raise self._silent()
            try:
                self._launch()
            except (OSError, subprocess.SubprocessError) as error:
                raise ProviderError(f"the keeper of {self._folder} does not start: {error}; see {self.log}") from error
            # A former keeper may be about to end, with the lock still its own.
            self._sleep(0.02)

    def put(self, process: Process, *, trial: bool = False) -> None:
        """Have a process run; one of the same name and another description is stopped first, an equal one left alone.

        On trial an exit is final: look at its status and log, and put it again or `keep` it.
        """
        request = {"do": "put", "process": asdict(process), "trial": trial}
        # A keeper that ended in between has not read the request, so it is safe to ask its successor.
        for _ in range(3):
            self.ensure()
            try:
                self._checked(self._exchange(request, self._stop_timeout_s))
            except _NobodyError:
                continue
            return
        raise self._silent()

    def keep(self, name: str) -> None:
        """End a process's trial: from now on it is restarted whenever it ends."""
        self._ask({"do": "keep", "name": name})

    def remove(self, name: str) -> None:
        """Stop a process and forget it; return when it is gone. One that is not there is gone already."""
        if self.pid() is not None or table.load(self._folder):
            self._ask({"do": "remove", "name": name}, self._stop_timeout_s)

    def statuses(self) -> tuple[Status, ...]:
        """Return all kept processes as they are; none if there is no keeper and nothing left for one."""
        try:
            answer = self._checked(self._exchange({"do": "list"}, self._answer_timeout_s))
        except _NobodyError:
            if not table.load(self._folder):
                return ()
            raise self._silent() from None
        return tuple(status_from_json(each) for each in answer["statuses"])

    def acknowledge(self, name: str) -> None:
        """Set a process's count of restarts to 0."""
        self._ask({"do": "acknowledge", "name": name})

    def shutdown(self, *, stop_processes: bool) -> None:
        """End the keeper, and what it keeps or not; return when that is done. Nothing is to do if there is none."""
        pid = self.pid()
        if pid is None and not table.load(self._folder):
            return
        self._ask({"do": "shutdown", "stop_processes": stop_processes}, self._stop_timeout_s)
        deadline = self._now() + self._timeout_s
        while pid is not None and born(pid) and self._now() < deadline:
            self._sleep(0.005)

    def _ask(self, request: Json, timeout_s: float | None = None) -> Json:
        try:
            return self._checked(self._exchange(request, timeout_s or self._answer_timeout_s))
        except _NobodyError:
            raise self._silent() from None

    def _ping(self) -> Json | None:
        try:
            return self._exchange({"do": "ping"}, self._answer_timeout_s)
        except _NobodyError:
            return None

    def _exchange(self, request: Json, timeout_s: float) -> Json:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._answer_timeout_s)
            try:
                connection.connect(str(self._socket))
                connection.sendall(json.dumps(request).encode() + b"\n")
                line = self._line(connection, self._now() + timeout_s)
            except TimeoutError:
                raise self._hanging() from None
            except OSError as error:
                raise _NobodyError from error
        if not line:
            raise _NobodyError
        answer: Json = json.loads(line)
        return answer

    def _line(self, connection: socket.socket, deadline: float) -> bytes:
        """Read an answer; one that takes long is waited for as long as the keeper answers others."""
        read = bytearray()
        while not read.endswith(b"\n"):
            try:
                chunk = connection.recv(1 << 16)
            except TimeoutError:
                if self._now() >= deadline or self._ping() is None:
                    raise
                continue
            if not chunk:
                return b""
            read += chunk
        return bytes(read)

    def _checked(self, answer: Json) -> Json:
        if "error" in answer:
            raise ProviderError(f"the keeper of {self._folder} refused: {answer['error']}; see {self.log}")
        return answer

    def _silent(self) -> ProviderError:
        return ProviderError(f"the keeper of {self._folder} does not answer; see {self.log}")

    def _hanging(self) -> SilentKeeperError:
        pid = self._holder()
        advice = f": end it by `kill -9 {pid}`" if pid else ""
        return SilentKeeperError(
            f"the keeper of {self._folder} hangs, and does not answer within {self._answer_timeout_s:g} s{advice}; "
            f"what it keeps goes on, and the next apply starts another keeper to take it over; see {self.log}"
        )

    def _holder(self) -> int | None:
        """The pid of the process that holds the keeper's lock, as it wrote it there; None if nobody does."""
        try:
            with (self._folder / LOCK).open("rb") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read(20))
        except (OSError, ValueError):
            return None
        return None

    def _launch(self) -> None:
        """Start a keeper that outlives us. It runs from where this package is, so that it is the same one."""
        if len(os.fsencode(self._socket)) > LONGEST_SOCKET_PATH:
            raise OSError(f"the path of its socket is longer than {LONGEST_SOCKET_PATH} bytes: {self._socket}")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "reconciler.keeper",
            str(self._folder),
            "--socket",
            str(self._socket),
            "--detach",
        ]
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "wb") as log:
            subprocess.run(
                command,
                cwd=Path(reconciler.__file__).parent.parent,
                env=without_secrets(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=True,
                timeout=self._timeout_s,
            )
