"""The scoring server beside those that a team would pick instead: the same models, each server in its own environment.

The environments are built by uv below `.bench/` when they are first wanted, and kept. A server that cannot be installed
or started stands in the table as absent.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil
from contenders import AZURE_PEER, ECHO, INLINE_PEER, OURS, PEERS, REGRESSION, ROWS, TRAIN, Peer
from installing import environment, run
from measuring import free_ports
from scoring import HEALTH, LIMITS, ROOT, Served, Target, request, served, start_seconds
from table import Absent, Row

STARTS = 5
LESS_THAN_AZURE = 4  # times the CPU of a request


class Pair(NamedTuple):
    """A peer and ours, measured one right after the other, as the speed of a shared machine wanders."""

    peer: Peer
    other: Served
    ours: Served

    @property
    def cpu_ratio(self) -> float:
        """How many times the CPU of ours a request takes."""
        return self.other.cpu_us / self.ours.cpu_us

    @property
    def p99_ratio(self) -> float:
        """How many times the 99th percentile of ours it has."""
        return self.other.p99_ms / self.ours.p99_ms


def rows(environ: Mapping[str, str], requests: int) -> Iterator[Row | Absent]:
    """Ours beside every peer, for an echo and for a model."""
    run(str(_installed(OURS) / "python"), "-c", TRAIN)
    for model, script in (("echo", ECHO), ("regression", REGRESSION)):
        what = f"scoring, {model}"
        alone = _measured(OURS, script, environ, requests)
        yield from _alone(what, alone, script, environ)
        pairs: list[Pair] = []
        for peer in PEERS:
            try:
                other = _measured(peer, script, environ, requests // (1 if peer is INLINE_PEER else 4))
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                yield Absent(f"  {peer.name}", str(error))
            else:
                pairs.append(Pair(peer, other, _measured(OURS, script, environ, requests)))
                yield _beside(pairs[-1])
        yield from _goals(what, pairs)


def _alone(what: str, ours: Served, script: str, environ: Mapping[str, str]) -> Iterator[Row]:
    turns = [*_turns(OURS, script, environ)]
    start_s, bare_s, bare_mb = (statistics.median(each) for each in zip(*turns, strict=True))
    beyond_s = statistics.median(start - bare for start, bare, _ in turns)
    yield Row(f"{what}, a request", ours.cpu_us, "us CPU", 250, note=_seen(ours))
    note = f"{start_s:.2f} s, libraries {bare_s:.2f} s; medians of {STARTS} in turns"
    yield Row(f"{what}, start beyond its libraries", beyond_s, "s wall", 0.5, note=note)
    note = f"{ours.mb:.0f} MB under load, Python with the model {bare_mb:.0f} MB"
    yield Row(f"{what}, memory beyond its libraries", ours.mb - bare_mb, "MB", 30, note=note)


def _beside(pair: Pair) -> Row:
    waits = "" if pair.peer.live else "; health waits"
    note = f"p99 {pair.p99_ratio:.1f} of ours; {_seen(pair.other)}{waits}"
    beside = f"mlops: {pair.ours.cpu_us:.0f}, p99 {pair.ours.p99_ms:.2f} ms"
    return Row(f"  {pair.peer.name}", pair.other.cpu_us, "us CPU", peer=beside, ratio=pair.cpu_ratio, note=note)


def _goals(what: str, pairs: Sequence[Pair]) -> Iterator[Row | Absent]:
    """What ours should be beside the others, of those that are there."""
    less = f"{what}, CPU of azureml's over ours"
    azure = next((pair for pair in pairs if pair.peer is AZURE_PEER), None)
    if azure is None:
        yield Absent(less, f"{AZURE_PEER.name} could not be measured")
    else:
        yield Row(less, azure.cpu_ratio, "x", LESS_THAN_AZURE, at_least=True)
    closest = min((pair for pair in pairs if pair.peer.live), key=lambda pair: pair.p99_ratio, default=None)
    if closest is None:
        yield Absent(f"{what}, p99 over ours", "no other server whose health is live could be measured")
    else:
        beside = f"the closest whose health is live: {closest.peer.name}"
        yield Row(f"{what}, p99 of the others over ours", closest.p99_ratio, "x", 1, beside, at_least=True)


def _seen(one: Served) -> str:
    return (
        f"{one.per_s:.0f}/s, p50 {one.p50_ms:.2f} p99 {one.p99_ms:.2f} ms, start {one.start_s:.2f} s, {one.mb:.0f} MB"
    )


def _measured(peer: Peer, script: str, environ: Mapping[str, str], requests: int) -> Served:
    """Load a server that has been started once before, so that its modules are compiled."""
    with _prepared(peer, script, environ) as server:
        start_seconds(server.target, server.argv, server.environ, server.folder)
        return served(peer.name, server.target, server.argv, server.environ, requests, server.folder)


def _turns(peer: Peer, script: str, environ: Mapping[str, str]) -> Iterator[tuple[float, float, float]]:
    """Starts of the server and of a Python with the model alone, in turns, after one of each that is not counted.

    Yields the server's seconds, and what `_libraries` gives.
    """
    with _prepared(peer, script, environ) as server:
        for number in range(STARTS + 1):
            seconds = start_seconds(server.target, server.argv, server.environ, server.folder)
            libraries = _libraries(script, environ)
            if number:
                yield seconds, *libraries


class _Prepared(NamedTuple):
    """All that a server is started with."""

    target: Target
    argv: Sequence[str]
    environ: Mapping[str, str]
    folder: str


@contextmanager
def _prepared(peer: Peer, script: str, environ: Mapping[str, str]) -> Iterator[_Prepared]:
    programs = _installed(peer)
    with tempfile.TemporaryDirectory(prefix="peer-") as folder:
        ports = dict(zip(("port", "more", "most"), free_ports(3), strict=True))
        for name, text in {"score.py": script, **peer.files}.items():
            Path(folder, name).write_text(text.format(**ports) if name.startswith("settings") else text)
        program, *arguments = peer.command(ports["port"])
        own = {
            **LIMITS,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
            "AML_APP_ROOT": folder,
            "AZUREML_ENTRY_SCRIPT": "score.py",
            "BENTOML_HOME": folder,
            "BENTOML_DO_NOT_TRACK": "True",
        }
        health = HEALTH.replace(b"GET /", b"GET " + peer.health.encode())
        target = Target(ports["port"], request(peer.path, peer.body(ROWS)), health)
        yield _Prepared(target, (str(programs / program), *arguments), {**environ, **own}, folder)


def _installed(peer: Peer) -> Path:
    """The programs of the peer's environment, which is built first if need be."""
    scikit = f"scikit-learn=={version('scikit-learn')}"
    return environment(peer.name.split(",")[0], [*peer.requirements, scikit])


def _libraries(script: str, environ: Mapping[str, str]) -> tuple[float, float]:
    """Seconds until a Python without a server has the model, and the megabytes that it holds after some run()s.

    The seconds are those of imports and init() alone: Python's own start counts for the server. The megabytes are
    taken as the server's are, from outside and while it lives.
    """
    code = f"import time; began = time.perf_counter()\n{script}\ninit()\nseconds = time.perf_counter() - began\n"
    code += f"for _ in range(100): run({json.dumps({'data': ROWS})!r})\nprint(seconds, flush=True)\ninput()"
    argv = (str(_installed(OURS) / "python"), "-c", code)
    pipe = subprocess.PIPE
    with psutil.Popen(argv, env=environ, stdin=pipe, stdout=pipe, text=True) as process:
        seconds = float(process.stdout.readline())
        mb = process.memory_info().rss / 1e6
        process.communicate("\n")
    return seconds, mb
