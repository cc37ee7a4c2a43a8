"""Asking instances, each itself and past the gateway, which content they have loaded."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from itertools import chain
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Served, Told
from reconciler.gateway.values import Backend
from reconciler.providers.hosting.objects import Object
from reconciler.providers.hosting.serving import Backends

PATH = "/-/served"
_AT_ONCE = 16
_TIMEOUT_S = 2.0
# For all of an answer, and for all questions behind the first: a model's own code may have the server dawdle.
_WHOLE_S = 5.0
_ALL_S = 30.0
_MOST_WORKERS = 32
# Questions for each worker that has not been heard; which one takes a connection is chance.
_ROUNDS = 10
_MOST_BYTES = 1 << 20
_DIGEST = re.compile(r"(?:sha256:[0-9a-f]{64})?")
_ANOTHERS = "its server is not ours"


class UnixConnection(HTTPConnection):
    """A connection to whoever listens on a unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


Ask = Callable[[str], Mapping[str, Any] | None]
"""The answer of the instance at an address; None where its server knows nothing of such a question."""


def served_of(held: Sequence[Object], ways: Backends) -> Sequence[Served]:
    """What every instance in service says of itself; where it has several workers, each that says something else."""
    reached = ways(held)
    asked = [
        (item.address, backend, reached[item.address].queues)
        for item in held
        if item.address in reached
        for backend in reached[item.address].backends
    ]
    if not asked:
        return ()
    with ThreadPoolExecutor(min(_AT_ONCE, len(asked))) as pool:
        return list(chain.from_iterable(pool.map(lambda each: _of(*each), asked)))


def _of(deployment: Address, backend: Backend, ours: bool) -> Sequence[Served]:  # noqa: FBT001 - one of a row
    if not ours:
        return [Served(deployment, backend.name, why=_ANOTHERS)]
    try:
        found = told(backend.address)
    except (OSError, HTTPException) as error:
        return [Served(deployment, backend.name, why=f"it does not answer: {str(error) or type(error).__name__}")]
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return [Served(deployment, backend.name, why="its answer is not that of our server")]
    if not found:
        return [Served(deployment, backend.name, why="its server is older than this question")]
    return [Served(deployment, backend.name, parts) for parts in found]


def _answer(address: str) -> Mapping[str, Any] | None:
    unix = address.startswith("/")
    connection = UnixConnection(Path(address), _TIMEOUT_S) if unix else HTTPConnection(address, timeout=_TIMEOUT_S)
    try:
        connection.connect()
        with _ended_after(_WHOLE_S, connection.sock):
            # Each on a connection of its own, so that another worker may take it.
            connection.request("GET", PATH, headers={"connection": "close"})
            answer = connection.getresponse()
            body = answer.read(_MOST_BYTES)
    finally:
        connection.close()
    if answer.status == 404:
        return None
    found: Mapping[str, Any] = json.loads(body)
    return found


@contextmanager
def _ended_after(seconds: float, sock: socket.socket) -> Iterator[None]:
    """Have a connection end with its time, also where now and then a byte comes."""

    def end() -> None:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    limit = threading.Timer(seconds, end)
    limit.start()
    try:
        yield
    finally:
        limit.cancel()


def told(
    address: str,
    *,
    ask: Ask = _answer,
    patience_s: float = 2.0,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Sequence[Mapping[str, Told]]:
    """What the workers of an instance say, each different one once; none where its server has no such answer.

    A worker that still reads what it loaded is waited for. Which one takes a connection is chance, so that of several
    one may not have been asked after a few rounds.

    Raises:
        OSError: nobody answers.
        HTTPException: what answers is no HTTP.
        ValueError: nor is it our server; likewise a TypeError, KeyError, AttributeError, OverflowError,
            RecursionError.
    """
    heard: dict[int, Mapping[str, Told]] = {}
    began, rounds = now(), 1
    took = 0.0
    while rounds > 0 and took < _ALL_S:
        found = ask(address)
        if found is None:
            return ()
        worker, parts = int(found["worker"]), dict(_parts(found))
        if worker not in heard:
            rounds = _ROUNDS * (min(int(found["workers"]), _MOST_WORKERS) - len(heard) - 1)
        heard[worker] = parts
        rounds -= 1
        took = now() - began
        if _reads(heard.values()) and took < patience_s:
            sleep(0.05)
            rounds = max(rounds, 1)
    return _different(heard.values())


def _parts(found: Mapping[str, Any]) -> Iterator[tuple[str, Told]]:
    if "code" in found:
        yield "code", _told(found["code"])
    for name, each in found["model"].items():
        yield f"model/{name}", _told(each)


def _told(found: Mapping[str, Any]) -> Told:
    loaded, there = str(found["loaded"]), str(found["now"])
    if not (_DIGEST.fullmatch(loaded) and _DIGEST.fullmatch(there)):
        raise ValueError("no digests")
    return Told(loaded, there, found["same"] is True)


def _reads(heard: Iterable[Mapping[str, Told]]) -> bool:
    """Whether somebody is still reading what it was asked for."""
    return any(not each.now for parts in heard for each in parts.values())


def _different(heard: Iterable[Mapping[str, Told]]) -> Sequence[Mapping[str, Told]]:
    found: list[Mapping[str, Told]] = []
    for parts in heard:
        if parts not in found:
            found.append(parts)
    return found
