"""What a request to the scoring server costs: CPU from psutil, latency from a client of our own."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
CONNECTIONS = 16
REQUESTS = 20_000
ECHO = "import json\ndef init(): pass\ndef run(raw_data): return json.loads(raw_data)\n"
ECHO_ASYNC = ECHO.replace("def run", "async def run")
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
    raise SystemExit("the server has not become healthy")


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


def measure(name: str, script: str, *, slots: int = 1, workers: int = 1) -> str:
    with tempfile.TemporaryDirectory(prefix="sc") as folder:
        Path(folder, "score.py").write_text(script)
        path = Path(folder, "s")
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AML_APP_ROOT": folder,
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "MLOPS_MAX_CONCURRENT_REQUESTS": str(slots),
            "WORKER_COUNT": str(workers),
        }
        command = [sys.executable, "-m", "reconciler.scoring", "--uds", str(path)]
        began = time.perf_counter()
        with psutil.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                return asyncio.run(row(name, path, process, began))
            finally:
                process.terminate()


async def row(name: str, path: Path, process: psutil.Popen, began: float) -> str:
    await wait_until_healthy(path, process)
    start_s = time.perf_counter() - began
    await load(path, REQUESTS // 10)  # warm
    cpu, wall = cpu_seconds(process), time.perf_counter()
    latencies = await load(path, REQUESTS)
    cpu, wall = cpu_seconds(process) - cpu, time.perf_counter() - wall
    cuts = statistics.quantiles(latencies, n=100)
    memory = process.memory_info().rss / 1e6
    count = len(latencies)
    return (
        f"{name:<22}{cpu / count * 1e6:>10.0f}{count / wall:>9.0f}{cuts[49] * 1e3:>9.2f}{cuts[98] * 1e3:>9.2f}"
        f"{start_s:>9.2f}{memory:>9.0f}"
    )


def main() -> None:
    print(f"{'echo, 16 connections':<22}{'CPU us':>10}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'start s':>9}{'MB':>9}")
    print(measure("run", ECHO))
    print(measure("run, 4 slots", ECHO, slots=4))
    print(measure("async run", ECHO_ASYNC))
    print(measure("run, 2 workers", ECHO, slots=2, workers=2))


if __name__ == "__main__":
    main()
