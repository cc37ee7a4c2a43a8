"""The record beside the disk: what a step's journal costs, how soon a killed holder is followed, and eight at once."""

import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from folders import write_folder
from measuring import MLOPS, Bench
from table import Absent, Row

ROOT = Path(__file__).parent.parent
APPLIERS = 8
STEP_MS, TAKEOVER_S = 5, 1
HELD = 3
# Long enough for a refusal, short enough that the one run is not waited for.
LOCK_TIMEOUT_S = 1.0

# A step is what a memory apply does of it: a look at the generation, its intent, its end. Beside each, two syncs.
STEPS = """
import json, os, statistics, sys, time
from pathlib import Path
from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.record.opening import open_store
from reconciler.record.store import Intent, Run

location, folder, steps = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
spec = {"instance_type": "Standard_DS3_v2", "instance_count": 2, "environment_variables": {"LOG_LEVEL": "info"}}
store, costs, syncs = open_store(location, root=folder, target="bench"), [], []
with store.lock({}, timeout_s=5), (folder / "synced").open("wb") as file:
    store.begin_run(Run("run", "apply", "bench", "T"))
    for number in range(steps):
        address, name = Address("deployment", f"d{number % 1000}", endpoint="e"), f"op-{number}"
        began = time.perf_counter()
        generation = store.generation(address) + 1
        store.intend(Intent(name, "run", number, "create", address, None, spec, generation, "T"))
        entry = Entry(spec, generation, name, "T")
        store.finish(name, address, entry, outcome="succeeded", message="", finished="T")
        costs.append(time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(2):
            file.write(b"x" * 1000), file.flush(), os.fsync(file.fileno())
        syncs.append(time.perf_counter() - began)
store.close()
print(json.dumps([statistics.median(costs), statistics.quantiles(costs, n=20)[-1], statistics.median(syncs)]))
"""

HOLD = """
import sys
from pathlib import Path
from reconciler.record.opening import open_store
store = open_store(sys.argv[1], root=Path(sys.argv[2]), target="bench")
with store.lock({}, timeout_s=60):
    print("held", flush=True)
    sys.stdin.read()
"""

# Waits for the lock before its holder is killed, and says when it has it, by the clock that all processes share.
TAKE = """
import sys, time
from pathlib import Path
from reconciler.record.opening import open_store
store = open_store(sys.argv[1], root=Path(sys.argv[2]), target="bench")
print("waits", flush=True)
with store.lock({}, timeout_s=60):
    print(time.monotonic(), flush=True)
store.close()
"""


def record(bench: Bench) -> Iterator[Row | Absent]:
    """All of it on a file, then on PostgreSQL."""
    yield from _rows(bench, "SQLite", "record.db")
    with _server() as url:
        if url:
            yield from _rows(bench, "PostgreSQL", url)
        else:
            yield Absent("the record in PostgreSQL", "Debian's postgresql is not installed")


def _rows(bench: Bench, name: str, location: str) -> Iterator[Row]:
    folder = bench.folder / f"record-{name}"
    folder.mkdir()
    cost, slow, sync = json.loads(_run(STEPS, bench, location, folder, bench.runs(1000, 200)))
    yield Row(
        f"journal of a step, {name}",
        cost * 1e3,
        "ms",
        STEP_MS,
        peer=f"two fsyncs: {sync * 1e3:.2f}",
        ratio=cost / sync,
        note=f"19 of 20 within {slow * 1e3:.1f}",
    )
    times = [_takeover(bench, location, folder) for _ in range(bench.runs(15, 5))]
    median = f"median {statistics.median(times):.3f}, of {len(times)}"
    yield Row(f"lock after kill -9, {name}, the slowest", max(times), "s wall", TAKEOVER_S, note=median)
    # Another record, as its key is of another folder.
    yield from _contending(bench, name, f"{location}?schema=contended" if "://" in location else location)


def _takeover(bench: Bench, location: str, folder: Path) -> float:
    """From the kill of the holder until another run that waited has the lock."""
    with _python(HOLD, bench, location, folder) as holder:
        try:
            _expect(holder, "held")
            with _python(TAKE, bench, location, folder) as taker:
                try:
                    _expect(taker, "waits")
                    killed = time.monotonic()
                    os.kill(holder.pid, signal.SIGKILL)
                    return float(taker.communicate(timeout=60)[0]) - killed
                finally:
                    taker.kill()
        finally:
            holder.kill()


def _contending(bench: Bench, name: str, location: str) -> Iterator[Row]:
    """Eight applies of one folder of a thousand resources, begun at once."""
    folder = bench.folder / f"contended-{name}"
    write_folder(folder, 1000)
    settings = folder / "mlops.yaml"
    settings.write_text(settings.read_text().replace("default: true", f"default: true, state: '{location}'"))
    words = (MLOPS, "apply", "--auto-approve", "--lock-timeout", str(LOCK_TIMEOUT_S))
    pipe = subprocess.PIPE
    began = time.monotonic()
    running = [
        subprocess.Popen(words, cwd=folder, env=bench.environ, stdout=pipe, stderr=pipe, text=True)
        for _ in range(APPLIERS)
    ]
    ends = [(process.communicate(timeout=600)[1], process.returncode) for process in running]
    wall = time.monotonic() - began
    ran = [process.pid for process, (_, code) in zip(running, ends, strict=True) if code == 0]
    naming = [said for said, code in ends if code == HELD and re.search(rf"\(pid ({'|'.join(map(str, ran))}),", said)]
    note = f"{len(ran)} ran, {len(naming)} ended with 3 naming it; {wall:.1f} s, --lock-timeout {LOCK_TIMEOUT_S:.0f}"
    yield Row(
        f"{APPLIERS} applies at once, {name}, neither of these", APPLIERS - len(ran) - len(naming), "", 0, note=note
    )


@contextmanager
def _server() -> Iterator[str]:
    """The URL of a server of its own; empty where none can be started."""
    with tempfile.TemporaryDirectory(prefix="mlops-bench-", dir="/tmp") as short:
        control = (sys.executable, "-m", "tests.postgres.server")
        folder = str(Path(short) / "pg")
        Path(short).chmod(0o755)
        began = subprocess.run((*control, "start", folder), cwd=ROOT, capture_output=True, text=True, check=False)
        try:
            yield began.stdout.strip()
        finally:
            if began.returncode == 0:
                subprocess.run((*control, "stop", folder), cwd=ROOT, check=True)


def _run(script: str, bench: Bench, *arguments: Any) -> str:
    argv = (sys.executable, "-c", script, *map(str, arguments))
    return subprocess.run(argv, env=bench.environ, capture_output=True, text=True, check=True).stdout


def _python(script: str, bench: Bench, *arguments: Any) -> "subprocess.Popen[str]":
    argv = (sys.executable, "-c", script, *map(str, arguments))
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, env=bench.environ, stdin=pipe, stdout=pipe, text=True)


def _expect(process: "subprocess.Popen[str]", word: str) -> None:
    line = process.stdout.readline() if process.stdout else ""
    if line.strip() != word:
        raise RuntimeError(f"a process that should say {word} said {line!r}")
