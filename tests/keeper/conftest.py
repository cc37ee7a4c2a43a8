"""A keeper in a folder of a short path, and the processes that tests have it keep; all of them end with the test."""

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reconciler.keeper import table
from reconciler.keeper.children import born
from reconciler.keeper.client import Keeper
from reconciler.keeper.values import Probe, Process, Status
from tests.waiting import until

# Answers each connection as the file `mode` beside it says: a status, `hang`, `close`, or `talk` of something else.
SERVER = """
import pathlib, socket, sys
path, log = pathlib.Path(sys.argv[1]), []
path.unlink(missing_ok=True)
server = socket.socket(socket.AF_UNIX)
server.bind(str(path))
server.listen(64)
print("up", flush=True)
while True:
    connection, _ = server.accept()
    asked = connection.recv(1000).split(b" ")[1].decode()
    mode = path.with_suffix(".mode").read_text()
    print("asked", asked, mode, flush=True)
    if mode == "hang":
        log.append(connection)
        continue
    if mode == "talk":
        connection.sendall(b"220 mail.example ready\\r\\n")
    if mode.isdigit():
        connection.sendall(f"HTTP/1.1 {mode} Some Reason\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
    connection.close()
"""


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

    def server(self, name: str, mode: str = "200", **liveness: object) -> Process:
        """A server on a unix socket that is probed often."""
        place = self.folder / f"{name.replace('/', '-')}.sock"
        place.with_suffix(".mode").write_text(mode)
        often = {"initial_delay_s": 0.2, "period_s": 0.05, "timeout_s": 1.0, "failure_threshold": 2}
        probe = Probe(str(place), **{**often, **liveness})
        argv = (sys.executable, "-S", "-c", SERVER, str(place))
        return replace(self.process(name.replace("/", "-")), name=name, argv=argv, liveness=probe)

    def answer(self, name: str, mode: str) -> None:
        """Have a server answer otherwise from now on."""
        new = self.folder / "mode.new"
        new.write_text(mode)
        new.replace(self.folder / f"{name.replace('/', '-')}.mode")

    def rows(self, kind: str) -> list[dict[str, str]]:
        """The rows of the console log or the event log, the oldest first."""
        paths = (self.folder / "kept").glob(f"{kind}.jsonl*")
        oldest_first = sorted(paths, key=lambda path: -int(path.suffix[1:]) if path.suffix[1:].isdigit() else 0)
        # A line without an end is being written.
        return [json.loads(line) for path in oldest_first for line in path.read_text().split("\n")[:-1]]

    def events(self, name: str) -> list[str]:
        """The names of what befell an instance."""
        return [row["Name"] for row in self.rows("events") if row["InstanceId"] == name]

    def printed(self, name: str) -> list[str]:
        """What an instance printed, as the console log has it."""
        return [row["Message"] for row in self.rows("console") if row["InstanceId"] == name]

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

    def until(self, condition: Callable[[], object]) -> None:
        until(condition)

    def end(self) -> None:
        log = self.folder / "kept" / "keeper.log"
        sys.stdout.write(log.read_text() if log.exists() else "no keeper")  # pytest shows it where a test failed
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
    yield from _house()


@pytest.fixture
def other_house() -> Iterator[House]:
    """Of a keeper of its own, beside the first one's."""
    yield from _house()


def _house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="kp", dir="/tmp"))
    found = House(folder)
    try:
        yield found
    finally:
        found.end()
        shutil.rmtree(folder, ignore_errors=True)
