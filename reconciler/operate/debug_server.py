"""What a scoring server that is debugged is told, wherever it runs, and what its end means."""

import json
import os
import signal
import socket
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any, Protocol

from reconciler.core.address import Address
from reconciler.errors import MlopsError

HOST = "127.0.0.1"
# Where Azure's own server listens, and where debuggers look first.
SCORING_PORT, DEBUG_PORT = 5001, 5678
# For what is in flight, and shutdown() of the script; what stands at a breakpoint does not hear that it is to end.
LAST_MOMENTS_S = 5.0
# Of frozen modules of the standard library a debugger sees no lines, and says so at length.
SERVER = ("-X", "frozen_modules=off", "-m", "reconciler.scoring")
_SCRIPT_FAILED = 3
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


class Session(Protocol):
    """A server that runs and is debugged."""

    def await_listening(self) -> None:
        """Wait until a debugger may come.

        Raises:
            MlopsError: the server has ended before.
        """
        ...

    def await_end(self) -> None:
        """Wait until the server ends.

        Raises:
            MlopsError: it did so by itself; what it printed last says why.
        """
        ...


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


def server_variables(code: Iterable[PurePath | str], **debugger: Any) -> dict[str, str]:
    """The variables that make a server one that is debugged.

    Args:
        code: what is the user's own; a debugger that is to show nothing else shows that.
        debugger: how the server lets one in, as its settings have it.
    """
    roots = os.pathsep.join(sorted(set(map(str, code))))
    return {**_PATIENCE, "IDE_PROJECT_ROOTS": roots, "MLOPS_DEBUGGER": json.dumps(debugger)}


def debugpy_folder() -> Path:
    """Where our debugpy is, which is not imported here.

    Raises:
        MlopsError: it is not there.
    """
    found = find_spec("debugpy")
    if found is None or not found.submodule_search_locations:
        raise MlopsError("debugpy is not installed beside mlops; install mlops anew")
    return Path(next(iter(found.submodule_search_locations)))


def refuse_end(address: Address, code: int) -> None:
    """Say why a server has ended that nobody told to.

    Args:
        address: of the deployment.
        code: with which it ended; a negative one is that of a signal.

    Raises:
        MlopsError: unless it ended well.
    """
    if code == _SCRIPT_FAILED:
        raise MlopsError(f"{address} cannot be served, see above; correct it and start again")
    if code:
        ended = f"by {signal.Signals(-code).name}" if code < 0 else f"with {code}"
        raise MlopsError(f"the server of {address} has ended {ended}, see above")


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _port(asked: int | None, usual: int, flag: str) -> int:
    if asked is None:
        return usual if is_free(usual) else _any_free()
    if not is_free(asked):
        raise MlopsError(f"{flag}: somebody listens on port {asked} already; give another one, or none")
    return asked


def _any_free() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
