"""What a request to the scoring server costs: CPU from psutil, latency from a client of our own."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = 16
REQUESTS = 20_000
# With its limits on, as in a deployment; the queue of one worker has room for every connection.
LIMITS = {
    "MLOPS_MAX_CONCURRENT_REQUESTS": "1",
    "MLOPS_MAX_QUEUED_REQUESTS": str(CONNECTIONS),
    "MLOPS_MAX_BODY_BYTES": "1000000",
}
ECHO = "import json\ndef init(): pass\ndef run(raw_data): return json.loads(raw_data)\n"
ECHO_ASYNC = ECHO.replace("def run", "async def run")
PEER = "bare uvicorn"
BARE = """\
import json

async def app(scope, receive, send):
    answer = b"ok"
    if scope["method"] == "POST":
        answer = json.dumps(json.loads((await receive())["body"])).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
"""
BODY = b'{"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]}'


def request(path: str, body: bytes) -> bytes:
    """A POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


POST = request("/score", BODY)
HEALTH = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass(frozen=True)
class Target:
    """Where a server is asked, and what it is asked; a path is a unix socket, a number a port of this machine."""

    address: Path | int
    score: bytes = POST
    health: bytes = HEALTH

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.address, Path):
            return await asyncio.open_unix_connection(self.address)
        return await asyncio.open_connection("127.0.0.1", self.address)


class Client:
    """One connection, made anew where the server closes it after each answer."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, message: bytes) -> int:
        """Send a request, read the answer to its end, and return its status."""
        if self._writer is None:
            self._reader, self._writer = await self._target.connect()
        self._writer.write(message)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await self._reader.readexactly(int(length))
        if b"connection: close" in head:
            self.close()
        return int(head[9:12])

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def wait_until_healthy(target: Target, process: psutil.Popen, *, deadline_s: float = 60) -> None:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end and process.poll() is None:
        client = Client(target)
        try:
            if await client.ask(target.health) == 200:
                return
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            client.close()
        await asyncio.sleep(0.005)
    raise RuntimeError("the server has not become healthy")


async def ask_often(target: Target, count: int, latencies: list[float]) -> None:
    client = Client(target)
    for _ in range(count):
        began = time.perf_counter()
        status = await client.ask(target.score)
        latencies.append(time.perf_counter() - began)
        assert status == 200, status
    client.close()


async def load(target: Target, count: int) -> list[float]:
    latencies: list[float] = []
    await asyncio.gather(*(ask_often(target, count // CONNECTIONS, latencies) for _ in range(CONNECTIONS)))
    return latencies


def family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    return sum(times.user + times.system for times in (one.cpu_times() for one in family(process)))


@dataclass(frozen=True)
class Served:
    """What requests to one server took; `mb` is its memory under load."""

    name: str
    cpu_us: float
    per_s: float
    p50_ms: float
    p99_ms: float
    start_s: float
    mb: float


def servers(environ: Mapping[str, str], requests: int = REQUESTS) -> list[Served]:
    """The scoring server in its ways of running a script, and the peer: uvicorn with nothing around it."""
    return list(_servers(environ, requests))


def _servers(environ: Mapping[str, str], requests: int) -> Iterator[Served]:
    bare = (sys.executable, "-m", "uvicorn", "app:app", "--lifespan", "off", "--no-access-log", "--uds")
    yield measure(PEER, {"app.py": BARE}, bare, environ, requests)
    ways = (
        ("run", ECHO, 1, 1),
        ("run, 4 slots", ECHO, 4, 1),
        ("async run", ECHO_ASYNC, 1, 1),
        ("run, 2 workers", ECHO, 2, 2),
    )
    for name, script, slots, workers in ways:
        # Each worker has its share of the queue, and one of two may get most of the connections.
        shared = {"WORKER_COUNT": str(workers), "MLOPS_MAX_QUEUED_REQUESTS": str(CONNECTIONS * workers)}
        settings = {**LIMITS, "MLOPS_MAX_CONCURRENT_REQUESTS": str(slots), **shared}
        ours = (sys.executable, "-m", "reconciler.scoring", "--uds")
        yield measure(name, {"score.py": script}, ours, {**environ, **settings}, requests)


def measure(
    name: str, files: Mapping[str, str], argv: Sequence[str], environ: Mapping[str, str], requests: int
) -> Served:
    """Start a server on a unix socket of its own, load it, end it."""
    with tempfile.TemporaryDirectory(prefix="sc") as folder:
        for file, text in files.items():
            Path(folder, file).write_text(text)
        path = Path(folder, "s")
        own = {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "AML_APP_ROOT": folder, "AZUREML_ENTRY_SCRIPT": "score.py"}
        return served(name, Target(path), (*argv, str(path)), {**environ, **own}, requests)


def served(
    name: str, target: Target, argv: Sequence[str], environ: Mapping[str, str], requests: int, folder: str | None = None
) -> Served:
    """Start a server in a folder, load it, end it with all its children."""
    with _running(target, argv, environ, folder) as (process, start_s):
        return asyncio.run(_loaded(name, target, process, start_s, requests))


def start_seconds(target: Target, argv: Sequence[str], environ: Mapping[str, str], folder: str | None = None) -> float:
    """The seconds from a server's start until it is healthy."""
    with _running(target, argv, environ, folder) as (_, start_s):
        return start_s


@contextmanager
def _running(
    target: Target, argv: Sequence[str], environ: Mapping[str, str], folder: str | None
) -> Iterator[tuple[psutil.Popen, float]]:
    """A healthy server, and the seconds that its start took."""
    began = time.perf_counter()
    with psutil.Popen(argv, env=environ, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            asyncio.run(wait_until_healthy(target, process))
            yield process, time.perf_counter() - began
        finally:
            children = process.children(recursive=True)
            process.terminate()
            for one in psutil.wait_procs(children, timeout=10)[1]:
                one.kill()


async def _loaded(name: str, target: Target, process: psutil.Popen, start_s: float, requests: int) -> Served:
    await load(target, max(CONNECTIONS, requests // 10))  # warm
    cpu, wall = cpu_seconds(process), time.perf_counter()
    latencies = await load(target, requests)
    cpu, wall = cpu_seconds(process) - cpu, time.perf_counter() - wall
    cuts = statistics.quantiles(latencies, n=100)
    count, mb = len(latencies), sum(one.memory_info().rss for one in family(process)) / 1e6
    return Served(name, cpu / count * 1e6, count / wall, cuts[49] * 1e3, cuts[98] * 1e3, start_s, mb)


def main() -> None:
    print(f"{'echo, 16 connections':<22}{'CPU us':>10}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'start s':>9}{'MB':>9}")
    for one in _servers(os.environ, REQUESTS):
        print(
            f"{one.name:<22}{one.cpu_us:>10.0f}{one.per_s:>9.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}"
            f"{one.start_s:>9.2f}{one.mb:>9.0f}"
        )


if __name__ == "__main__":
    main()
