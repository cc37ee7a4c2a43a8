"""Applies of up to 30,000 steps with the journal on disk, and what `--parallel` makes of a platform's latency."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from folders import committed
from measuring import MLOPS, Bench, Command, Cost, python
from slow_provider import plugged
from table import Row, compared

SIZES = (1_000, 10_000, 30_000)
MANY, STEP_MS = 10_000, 5
SYNC = "import os; f = open('synced', 'wb')\nfor _ in range(200): f.write(b'x' * 1000); f.flush(); os.fsync(f.fileno())"

LATENCY_MS, BUSY_EVERY, RETRY_AFTER_MS = 50, 200, 500
PARALLEL = (1, 4, 16, 64)


def steps(bench: Bench) -> Iterator[Row]:
    """Applies that create everything, by size; then one platform that is slow, with ever more calls at once."""
    flat = []
    for size in SIZES[: bench.runs(3, 2)]:
        folder = committed(bench.folder / f"steps-{size}", size, bench.environ)
        cpu_ms = yield from _applied(bench, folder, size)
        flat.append(cpu_ms)
    note = ", ".join(f"{size:,}: {each:.2f} ms" for size, each in zip(SIZES, flat, strict=False))
    yield Row("  CPU of a step, the largest over the smallest", flat[-1] / flat[0], "", note=note)
    yield from _latency(bench)


def _applied(bench: Bench, folder: Path, size: int) -> Iterator[Row]:
    """An apply and what comes behind it; gives the CPU of a step in milliseconds."""
    apply = Command((MLOPS, "apply", "--auto-approve"), folder, "succeeded.")
    destroy = Command((MLOPS, "destroy", "--auto-approve"), folder, "succeeded.")
    sync = python(SYNC, folder)
    costs: list[list[Cost]] = [[], [], []]
    count, read = 0, []
    for _ in range(bench.runs(3, 1) if size < MANY else 1):
        made, said = bench.run(apply)
        count = int(re.findall(r"(\d+) succeeded\.", said)[-1])
        read = _read_back(bench, folder) if size == MANY else []
        for kept, cost in zip(costs, (made, bench.run(destroy)[0], bench.run(sync)[0]), strict=True):
            kept.append(cost)
    peer = ("200 fsyncs", costs[2])
    row = compared(f"apply, {count:,} memory steps", costs[0], peer, by="wall")
    yield row
    yield Row("  each step of it", row.value / count * 1000, "ms wall", STEP_MS if size == MANY else None)
    yield from read
    yield compared("  destroy of the same", costs[1], peer, by="wall")
    return costs[0][0].cpu / count * 1000


def _read_back(bench: Bench, folder: Path) -> Sequence[Row]:
    """What a record of ten thousand steps costs whoever asks what was done, and what would undo it."""
    commands = [
        Command((MLOPS, "history"), folder, "succeeded"),
        Command((MLOPS, "rollback", "--plan-only", "--allow-empty", "--max-delete", "100000"), folder, "to delete"),
        Command(("git", "status"), folder, "working tree clean"),
    ]
    history, undone, git = bench.in_turns(commands, bench.runs(3, 1))
    peer = ("git status", git)
    return [compared("  history after it", history, peer), compared("  plan of its rollback", undone, peer)]


def _latency(bench: Bench) -> Iterator[Row]:
    """One apply for each number of calls at once: how long it ran beside what the latency alone would take."""
    for parallel in PARALLEL:
        folder = committed(bench.folder / f"slow-{parallel}", bench.runs(1000, 200), bench.environ)
        settings = folder / "mlops.yaml"
        settings.write_text(
            "manifests: manifests\ntargets:\n  slow: {provider: slow, default: true, tally: tally.json, "
            f"latency_ms: {LATENCY_MS}, busy_every: {BUSY_EVERY}, retry_after_ms: {RETRY_AFTER_MS}, "
            f"at_once: {parallel}}}\n"
        )
        seconds, counted = _slowly_applied(bench, folder, parallel)
        done, refused, most = counted["calls"] - counted["refused"], counted["refused"], counted["most"]
        ideal = (done * LATENCY_MS + refused * RETRY_AFTER_MS) / 1000 / parallel
        yield Row(
            f"{done:,} steps of {LATENCY_MS} ms, --parallel {parallel}",
            seconds,
            "s wall",
            peer=f"latency and pauses alone: {ideal:.2f}",
            ratio=seconds / ideal,
            note=f"{most} calls at once, {refused} times 429, {(seconds - ideal) / done * 1e3:.2f} ms a step beyond",
        )
        shutil.rmtree(folder)


def _slowly_applied(bench: Bench, folder: Path, parallel: int) -> tuple[float, dict[str, int]]:
    """How long the run took by its record, which leaves out the plan, and what the platform counted."""
    environ = {**bench.environ, **plugged(folder / "plugin")}

    def said(*words: str) -> str:
        argv = (MLOPS, *words)
        return subprocess.run(argv, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout

    if "retrying in 0.5 s" not in said("apply", "--auto-approve", "--parallel", str(parallel)):
        raise RuntimeError("nobody was told that the platform is busy")
    (run,) = json.loads(said("history", "--format", "json"))["runs"]
    if run["operations_by_outcome"] != {"succeeded": run["steps"]}:
        raise RuntimeError(f"not every step succeeded: {run['operations_by_outcome']}")
    began, ended = (datetime.fromisoformat(run[name]) for name in ("started", "finished"))
    return (ended - began).total_seconds(), json.loads((folder / "tally.json").read_text())
