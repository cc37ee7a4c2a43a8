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
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = 16
REQUESTS = 20_000
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
POST = b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
HEALTH = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0]
    await reader.readexactly(int(length))
    return int(head[9:12])


async def wait_until_healthy(path: Path, process: psutil.Popen, *, deadline_s: float = 20) -> None:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end and process.poll() is None:
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(0.005)
            continue
        assert await exchange(reader, writer, HEALTH) == 200
        writer.close()
        return
    raise RuntimeError("the server has not become healthy")


async def client(path: Path, count: int, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    for _ in range(count):
        began = time.perf_counter()
        status = await exchange(reader, writer, POST)
        latencies.append(time.perf_counter() - began)
        assert status == 200
    writer.close()


async def load(path: Path, count: int) -> list[float]:
    latencies: list[float] = []
    await asyncio.gather(*(client(path, count // CONNECTIONS, latencies) for _ in range(CONNECTIONS)))
    return latencies


def cpu_seconds(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(one.user + one.system for one in times)


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
        settings = {"MLOPS_MAX_CONCURRENT_REQUESTS": str(slots), "WORKER_COUNT": str(workers)}
        ours = (sys.executable, "-m", "reconciler.scoring", "--uds")
        yield measure(name, {"score.py": script}, ours, {**environ, **settings}, requests)


def measure(
    name: str, files: Mapping[str, str], argv: Sequence[str], environ: Mapping[str, str], requests: int
) -> Served:
    """Start a server on a socket of its own, load it, end it."""
    with tempfile.TemporaryDirectory(prefix="sc") as folder:
        for file, text in files.items():
            Path(folder, file).write_text(text)
        path = Path(folder, "s")
        own = {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "AML_APP_ROOT": folder, "AZUREML_ENTRY_SCRIPT": "score.py"}
        began = time.perf_counter()
        with psutil.Popen((*argv, str(path)), env={**environ, **own}, stderr=subprocess.DEVNULL) as process:
            try:
                return asyncio.run(_loaded(name, path, process, began, requests))
            finally:
                process.terminate()


async def _loaded(name: str, path: Path, process: psutil.Popen, began: float, requests: int) -> Served:
    await wait_until_healthy(path, process)
    start_s = time.perf_counter() - began
    await load(path, requests // 10)  # warm
    cpu, wall = cpu_seconds(process), time.perf_counter()
    latencies = await load(path, requests)
    cpu, wall = cpu_seconds(process) - cpu, time.perf_counter() - wall
    cuts = statistics.quantiles(latencies, n=100)
    count, mb = len(latencies), process.memory_info().rss / 1e6
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
