"""A scoring server that a test starts on a unix socket, asks, and ends; nothing of it is left behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

import reconciler
from reconciler.providers.local.environments import Environments
from tests.environments import shared_environments
from tests.waiting import until

# Azure's own server, and what scripts for it use; pandas and numpy come with the schemas.
AZURE = ["azureml-inference-server-http==1.5.1", "inference-schema[numpy-support,pandas-support]==1.8"]
# What scripts of the tests wait with: a file that the test makes.
PRELUDE = """
import json, os, time
def wait_for(name):
    end = time.monotonic() + 30
    while not os.path.exists(name):
        assert time.monotonic() < end, name
        time.sleep(0.005)
def touch(name):
    open(name, "a").close()
def init():
    pass
"""


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Reply:
        self.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        with self.getresponse() as response:
            found = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, found, response.read())


class Scoring:
    """One server in a folder of its own.

    Args:
        folder: of the server alone; it goes with it.
        script: what stands in score.py after the prelude; None for no file.
        command: the command line for the path of a socket.
        environment: variables of the server.
    """

    def __init__(
        self, folder: Path, script: str | None, command: Callable[[Path], list[str]], environment: dict[str, str]
    ) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self._clients = ThreadPoolExecutor(32)
        self.entry = environment.setdefault("AZUREML_ENTRY_SCRIPT", "score.py")
        if script is not None:
            (folder / self.entry).parent.mkdir(exist_ok=True)
            (folder / self.entry).write_text(PRELUDE + script)
        inherited = {name: os.environ[name] for name in os.environ if not name.startswith(("MLOPS", "AZUREML", "AML"))}
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            self.process = psutil.Popen(
                command(self.socket),
                cwd=folder.parent,
                env={**inherited, "PYTHONPATH": str(narrow(folder)), "AML_APP_ROOT": str(folder), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def ask(self, method: str = "POST", path: str = "/score", body: bytes | None = b"", **headers: str) -> Reply:
        with self.connection() as connection:
            return connection.ask(method, path, None if method in ("GET", "HEAD") else body, **headers)

    def health(self) -> int:
        """The status of GET /, 0 when nothing accepts."""
        try:
            return self.ask("GET", "/").status
        except (ConnectionError, FileNotFoundError, http.client.HTTPException):
            return 0

    def until_healthy(self) -> Scoring:
        until(lambda: self.health() == 200 or self.process.poll() is not None)
        assert self.process.poll() is None, self.errors
        return self

    def held(self) -> int:
        """The requests that wait or run, of the worker that answers."""
        return int(re.search(rb"^mlops_scoring_requests_held (\d+)", self.ask("GET", "/-/metrics").body, re.M)[1])

    def touch(self, name: str) -> None:
        (self.folder / name).touch()

    def exists(self, name: str) -> bool:
        return (self.folder / name).exists()

    def until(self, condition: str | Callable[[], Any]) -> Any:
        """Wait for a file of the script, or for anything else."""
        return until((self.folder / condition).exists if isinstance(condition, str) else condition)

    def ask_in_background(self, count: int = 1, **request: Any) -> list[Future[Reply]]:
        """Ask from as many connections; the server's end joins the threads."""
        return [self._clients.submit(self.ask, **request) for _ in range(count)]

    @contextmanager
    def connection(self) -> Iterator[UnixConnection]:
        opened = UnixConnection(self.socket)
        try:
            yield opened
        finally:
            opened.close()

    @property
    def output(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "err").read_text()

    def exit_code(self) -> int:
        return int(self.process.wait(120))

    def end(self) -> None:
        """End it as a user would, so that its coverage is written; then whatever is left of its session."""
        self.touch("go")
        with suppress(psutil.Error):
            self.process.send_signal(signal.SIGINT)
            self.process.wait(2)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)
        self._clients.shutdown()
        shutil.rmtree(self.folder)


def narrow(folder: Path) -> Path:
    """The server's place on PYTHONPATH in a deployment: a package that holds nothing but the server."""
    package = Path(reconciler.__file__).parent
    place = folder / "path"
    (place / "reconciler").mkdir(parents=True)
    (place / "reconciler/__init__.py").symlink_to(package / "__init__.py")
    (place / "reconciler/scoring").symlink_to(package / "scoring")
    return place


Start = Callable[..., Scoring]


@contextmanager
def servers() -> Iterator[Start]:
    started: list[Scoring] = []

    def start(
        script: str | None,
        *arguments: str,
        python: str = sys.executable,
        command: Callable[[Path], list[str]] | None = None,
        **environment: str,
    ) -> Scoring:
        def ours(socket_path: Path) -> list[str]:
            return [python, "-m", "reconciler.scoring", *(arguments or ["--uds", str(socket_path)])]

        folder = Path(tempfile.mkdtemp(prefix="sc"))
        started.append(Scoring(folder, script, command or ours, environment))
        return started[-1]

    try:
        yield start
    finally:
        for server in started:
            server.end()


@pytest.fixture(scope="session")
def azure_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment with Azure's own server."""
    spec = {"conda_file": {"dependencies": [{"pip": AZURE}]}}
    built = Environments(shared_environments(tmp_path_factory)).ready(spec, lambda _line: None)
    return str(built.python)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers for one test."""
    with servers() as starter:
        yield starter


@pytest.fixture(scope="module")
def start_shared() -> Iterator[Start]:
    """Starts servers for the tests of one file, which only ask them."""
    with servers() as starter:
        yield starter
