"""A scoring server in the foreground, open to a debugger: started, waited for, ended with all that it has started."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TextIO

from reconciler.errors import MlopsError
from reconciler.keeper.reaper import Reaper
from reconciler.operate.debugging import Subject
from reconciler.providers.local.launch import variables

HOST = "127.0.0.1"
# Where Azure's own server listens, and where debuggers look first.
SCORING_PORT, DEBUG_PORT = 5001, 5678
_YEAR_S = 365 * 24 * 3600
# A run() may stand at a breakpoint for as long as somebody looks at it, in the one worker that there is.
_PATIENCE = {
    "WORKER_COUNT": "1",
    "WORKER_PRELOAD": "",
    "WORKER_TIMEOUT": str(_YEAR_S),
    "SCORING_TIMEOUT_MS": str(_YEAR_S * 1000),
    "MLOPS_MAX_QUEUED_REQUESTS": "",
    "MLOPS_MAX_REQUESTS_PER_WORKER": "0",
    "MLOPS_DRAIN_SECONDS": "1",
    "AZUREML_DEBUG_PORT": "",
}
# For what is in flight, and shutdown() of the script; what stands at a breakpoint does not hear that it is to end.
_LAST_MOMENTS_S = 5.0
_SCRIPT_FAILED = 3


@dataclass(frozen=True)
class Ports:
    """Ports of 127.0.0.1, for requests and for the debugger."""

    scoring: int
    debugger: int


def ports_of(scoring: int | None, debugger: int | None) -> Ports:
    """The ports that are asked for, else the usual ones, or where those are taken, any.

    Raises:
        MlopsError: one that is asked for is taken.
    """
    return Ports(_port(scoring, SCORING_PORT, "--port"), _port(debugger, DEBUG_PORT, "--debug-port"))


class Session:
    """A server that runs."""

    def __init__(self, subject: Subject, process: "subprocess.Popen[bytes]", told: TextIO) -> None:
        self._subject, self._process, self._told = subject, process, told

    def await_listening(self) -> None:
        """Wait until a debugger may come.

        Raises:
            MlopsError: the server has ended before.
        """
        if not self._told.readline():
            self.await_end()
            raise MlopsError(f"{self._subject.address}: the server has ended before a debugger could come")

    def await_end(self) -> None:
        """Wait until the server ends.

        Raises:
            MlopsError: it did so by itself; what it printed last says why.
        """
        code = self._process.wait()
        if code == _SCRIPT_FAILED:
            raise MlopsError(f"{self._subject.address} cannot be served, see above; correct it and start again")
        if code:
            ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with {code}"
            raise MlopsError(f"the server of {self._subject.address} has ended {ended}, see above")


@contextmanager
def session(
    subject: Subject,
    ports: Ports,
    *,
    wait: bool,
    output: TextIO | None = None,
    outer: Mapping[str, str] = os.environ,
) -> Iterator[Session]:
    """Run the server of a deployment for as long as the block; nothing that it has started outlives this process.

    Args:
        subject: what is served.
        ports: where it listens.
        wait: whether its script is loaded only once a debugger has come.
        output: where it prints; by default as this process does.
        outer: the environment of whoever debugs, of which it gets a few harmless names.
    """
    reaper = Reaper()
    try:
        reader, writer = os.pipe()
        with os.fdopen(reader) as told:
            try:
                process = subprocess.Popen(
                    _argv(subject, ports),
                    cwd=subject.launch.runtime,
                    env=reaper.marked(_environment(subject, ports, outer, wait=wait, told=writer)),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    pass_fds=(writer,),
                    start_new_session=True,
                )
            finally:
                os.close(writer)
            reaper.watch(process.pid)
            try:
                yield Session(subject, process, told)
            finally:
                _end(process)
    finally:
        reaper.end()
    process.wait()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ask the server to end, and see to it that it does, also where somebody who waits for that loses patience."""
    try:
        process.terminate()
        process.wait(_LAST_MOMENTS_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        process.kill()


def _argv(subject: Subject, ports: Ports) -> list[str]:
    # Of frozen modules of the standard library a debugger sees no lines, and says so at length.
    python = [str(subject.launch.environment.python), "-X", "frozen_modules=off"]
    return [*python, "-m", "reconciler.scoring", "--host", HOST, "--port", str(ports.scoring)]


def _environment(subject: Subject, ports: Ports, outer: Mapping[str, str], *, wait: bool, told: int) -> dict[str, str]:
    launch = subject.launch
    debugger = {
        "port": ports.debugger,
        "package": _debugpy(),
        "python": sys.executable,
        "wait": wait,
        "told": told,
    }
    return {
        **variables(launch, outer),
        **_PATIENCE,
        # What is the user's own, to a debugger that is to show nothing else; our server is below the same root.
        "IDE_PROJECT_ROOTS": os.pathsep.join(sorted({str(subject.code), str(subject.code.resolve())})),
        "MLOPS_DEBUGGER": json.dumps(debugger),
    }


def _debugpy() -> str:
    """The folder of our debugpy, which is not imported here."""
    found = find_spec("debugpy")
    if found is None or not found.submodule_search_locations:
        raise MlopsError("debugpy is not installed beside mlops; install mlops anew")
    return str(next(iter(found.submodule_search_locations)))


def _port(asked: int | None, usual: int, flag: str) -> int:
    if asked is None:
        return usual if is_free(usual) else _any_free()
    if not is_free(asked):
        raise MlopsError(f"{flag}: somebody listens on port {asked} already; give another one, or none")
    return asked


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _any_free() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
