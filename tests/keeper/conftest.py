"""A keeper in a folder of a short path, and the processes that tests have it keep; all of them end with the test."""

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.keeper import table
from reconciler.keeper.children import born
from reconciler.keeper.client import Keeper
from reconciler.keeper.values import Process, Status


def until(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        pause.wait(0.01)


@dataclass(frozen=True)
class House:
    """A keeper's folder, and what a test does with it."""

    folder: Path

    @property
    def socket(self) -> Path:
        return self.folder / "k.sock"

    @property
    def keeper(self) -> Keeper:
        return Keeper(self.folder / "kept", self.socket, timeout_s=30)

    def process(self, name: str, script: str = "exec sleep 1000", **spec: object) -> Process:
        """A process that a shell runs."""
        env = {"PATH": os.environ["PATH"]}
        defaults = {"env": env, "cwd": str(self.folder), "log": str(self.folder / f"{name}.log"), "stop_timeout_s": 5.0}
        return Process(name, ("/bin/sh", "-c", script), **{**defaults, **spec})

    def status(self, name: str) -> Status:
        return next(each for each in self.keeper.statuses() if each.name == name)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def kill_keeper(self) -> None:
        pid = self.keeper.pid()
        os.kill(pid, signal.SIGKILL)
        until(lambda: not born(pid))

    def gone(self, pid: int) -> bool:
        return not born(pid)

    def until(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        until(condition, timeout_s)

    def end(self) -> None:
        keeper = self.keeper
        records = table.load(self.folder / "kept") if (self.folder / "kept").exists() else {}
        if records:
            keeper.ensure()
        keeper.shutdown(stop_processes=True)
        for record in records.values():
            with contextlib.suppress(ProcessLookupError):
                if record.pid and born(record.pid) == record.born:
                    os.killpg(record.pid, signal.SIGKILL)


@pytest.fixture
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="kp", dir="/tmp"))
    found = House(folder)
    try:
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)
