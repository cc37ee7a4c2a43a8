import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.record.sqlite import SqliteStore

Start = Callable[..., "subprocess.Popen[str]"]

PRELUDE = """
import os, signal, sys, json
from pathlib import Path
from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Intent, Run

BLUE = Address("deployment", "blue", endpoint="credit")
HOLDER = {"user": "ana", "host": "laptop", "pid": os.getpid(), "command": "apply", "started": "2026-02-03T12:04:31Z"}
END = {"outcome": "succeeded", "message": "", "finished": "T2"}

def intent(operation, n):
    return Intent(operation, "run-1", n, "update", BLUE, {"n": n - 1}, {"n": n}, n, "T1")

path = Path(sys.argv[1])
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".mlops" / "state.db"


@pytest.fixture
def open_at() -> Iterator[Callable[..., SqliteStore]]:
    """Opens stores that are closed after the test."""
    opened: list[SqliteStore] = []

    def open_store(path: Path, target: str = "dev", **parameters: object) -> SqliteStore:
        opened.append(SqliteStore(path, target, **({"environ": {}} | parameters)))  # type: ignore[arg-type]
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python process on a script; its first line printed says that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def start_process(script: str, *arguments: object) -> "subprocess.Popen[str]":
        argv = [sys.executable, "-c", PRELUDE + script, *map(str, arguments)]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start_process
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def acked() -> Callable[[Path], list[str]]:
    """What a process wrote down as acknowledged before it was killed."""
    return lambda file: [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
