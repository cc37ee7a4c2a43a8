"""`mlops debug` of a test: started, asked, attached to, and ended with all that it has started."""

import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

import psutil
from command_line import MLOPS, PATIENCE_S, Repository, environ

from tests.debug_adapter import DebugClient, attached
from tests.ending import has_ended
from tests.ports import free_port
from tests.waiting import until


class Debugged:
    """A deployment that is debugged.

    Args:
        process: of the command line.
        port: where it takes requests.
        configuration: as it was printed.
        errors: the file of what it printed besides, in the folder of the repository.
    """

    def __init__(self, process: "subprocess.Popen[str]", port: int, configuration: Any, errors: Path) -> None:
        self.folder = errors.parent
        self.process, self.port, self.configuration = process, port, configuration
        self._errors = errors
        self._clients = ThreadPoolExecutor(4)

    @property
    def said(self) -> str:
        return self._errors.read_text(encoding="utf-8")

    def attached(
        self, breakpoints: Mapping[Path, Sequence[int]] | None = None, exceptions: Sequence[str] = ()
    ) -> AbstractContextManager[DebugClient]:
        """A client that has attached by the configuration that was printed."""
        return attached(self.configuration, breakpoints, exceptions)

    def ask(self, body: bytes = b"{}") -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/score", body)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def asked(self, body: bytes = b"{}") -> "Future[tuple[int, bytes]]":
        """A request that is under way."""
        return self._clients.submit(self.ask, body)

    def until_ready(self) -> "Debugged":
        until(lambda: "mlops.scoring: ready on " in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self

    def end(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)

    def family(self) -> list[psutil.Process]:
        """All processes that it has started, and what those have, in whichever session they are."""
        mine = psutil.Process(self.process.pid).children(recursive=True)
        marks = set(map(_mark, mine)) - {None}
        return [each for each in psutil.process_iter() if each in mine or _mark(each) in marks]

    def close(self) -> None:
        if self.process.poll() is None:
            self.end()
        if self.process.stdout:
            self.process.stdout.close()
        self._clients.shutdown()


def free_ports() -> tuple[str, ...]:
    """Ports that nobody else is given: the usual ones any two commands take which look for them at the same time."""
    return ("--port", str(free_port()), "--debug-port", str(free_port()))


@contextmanager
def debugging(repository: Repository, *words: str, **variables: str) -> Iterator[Debugged]:
    """Debug a deployment for as long as the block."""
    ports, errors = free_ports(), repository.folder / f"debug-{free_port()}.err"
    argv = [MLOPS, "debug", *words, "--format", "json", *ports]
    with errors.open("w") as file:
        process = subprocess.Popen(
            argv,
            cwd=repository.folder,
            env=environ(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )
    try:
        assert process.stdout
        debugged = Debugged(process, int(ports[1]), _document(process.stdout, errors), errors)
        try:
            yield debugged
        finally:
            debugged.close()
    finally:
        process.kill()
        process.wait()


def gone(processes: Sequence[psutil.Process]) -> bool:
    """Whether all of them have ended."""
    return all(map(has_ended, processes))


def _document(stream: IO[str], errors: Path) -> Any:
    """The JSON document that comes first."""
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            return json.loads(text)
    raise AssertionError(f"no configuration was printed: {text}\n{errors.read_text()}")


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("MLOPS_KEPT_AS")
    except psutil.Error:
        return None
