"""The project's numbers as one table: `make bench`, or `python benchmarks/run.py`."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from assets import assets
from az import az
from beside import beside
from client import client
from containers import containers
from crashes import crashes
from gitops import gitops
from local import local
from measuring import MLOPS, Bench, Command, python
from parts import parts
from results import FOLDER, keep
from scale import scale
from steps import steps
from table import Absent, Failed, Row, compared, printed


def start(bench: Bench) -> list[Row]:
    """What the command line takes before it does anything."""
    commands = [
        Command((MLOPS, "--help"), bench.folder, "Usage"),
        Command((MLOPS, "--version"), bench.folder, "mlops "),
        python("import typer", bench.folder),
        python("pass", bench.folder),
    ]
    help_, version, typer, bare = bench.in_turns(commands, bench.runs(15, 5))
    return [
        compared("mlops --help", help_, ("python -c 'import typer'", typer), goal=0.12),
        compared("mlops --version", version, ("python -c pass", bare), goal=0.12),
    ]


def scoring(bench: Bench) -> list[Row]:
    """A request to the scoring server, beside one to a bare uvicorn application."""
    from scoring import PEER, servers  # noqa: PLC0415 - asyncio in this process would weigh on what it measures

    served = servers(bench.environ, bench.runs(20_000, 4_000))
    peer = next(one for one in served if one.name == PEER)
    return [
        Row(
            f"scoring, {one.name}, a request",
            one.cpu_us,
            "us CPU",
            peer=f"bare uvicorn: {peer.cpu_us:.0f}",
            ratio=one.cpu_us / peer.cpu_us,
            note=f"{one.per_s:.0f}/s, p50 {one.p50_ms:.2f} p99 {one.p99_ms:.2f} ms, "
            f"start {one.start_s:.2f} s, {one.mb:.0f} MB",
        )
        for one in served
        if one is not peer
    ]


def gateway(bench: Bench) -> list[Row]:
    """A request at the gateway, all on and one part less at a time, beside a bare Envoy and other proxies."""
    from gateway import ALL, BARE, GOAL_US, changes, costs, shares  # noqa: PLC0415 - for the same reason

    found, absent = costs(bench.runs(4_000, 2_000), bench.runs(9, 3))
    peer = next(one for one in found if one.name == BARE)
    rows = [
        Row(
            one.name,
            one.cpu_us,
            "us CPU",
            GOAL_US if one.name == ALL else None,
            peer=f"{BARE}: {peer.cpu_us:.0f}",
            ratio=one.ratio,
            note=f"absent: {', '.join(absent)}" if absent and one.name == ALL else "",
        )
        for one in found
        if one is not peer
    ]
    seen, deviations = shares()
    taken = changes(bench.runs(50, 10))
    return [
        *rows,
        Row("10/90 traffic, 10,000 requests, deviations", deviations, "sigma", 3, note=f"{seen} to the 10 %"),
        Row("weight change, until in force, the slowest", max(taken), "s wall", 0.5, note=f"of {len(taken)}"),
    ]


def peers(bench: Bench) -> list[Row | Absent]:
    """The scoring server beside those that a team would pick instead; their environments are built on first use."""
    from peers import rows  # noqa: PLC0415 - asyncio in this process would weigh on what it measures

    return list(rows(bench.environ, bench.runs(12_000, 4_000)))


def records(bench: Bench) -> Iterable[Row | Absent]:
    """What the record takes of a step, and how the lock goes over."""
    from record import record  # noqa: PLC0415 - only this section starts a server

    return record(bench)


def under_load(bench: Bench) -> list[Row]:
    """What is lost while everything changes."""
    from steady import steady  # noqa: PLC0415 - threads in this process would weigh on what is measured elsewhere

    return steady(bench)


SECTIONS: dict[str, Callable[[Bench], Iterable[Row | Absent]]] = {
    "start": start,
    "scale": scale,
    "parts": parts,
    "beside": beside,
    "gitops": gitops,
    "steps": steps,
    "record": records,
    "assets": assets,
    "local": local,
    "az": az,
    "docker": containers,
    "scoring": scoring,
    "peers": peers,
    "gateway": gateway,
    "client": client,
    "steady": under_load,
    "crashes": crashes,
}


def measured(name: str, bench: Bench) -> list[Row | Absent | Failed]:
    """The rows of a section; one that fails is told of in its place."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    try:
        return [*SECTIONS[name](bench)]
    except Exception as error:  # noqa: BLE001 - whatever it was, the other sections are still measured
        return [Failed(name, f"{type(error).__name__}: {error}")]


def main() -> int:
    """Measure, print the table, and say by the exit code whether every section could be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", choices=SECTIONS, metavar="SECTION", help=f"one of {', '.join(SECTIONS)}")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="where they are kept; benchmarks/results")
    chosen = parser.parse_args()
    # A quick look replaces nothing that was measured with care.
    folder_of_results = chosen.results or (None if chosen.quick else FOLDER)
    rows: list[Row | Absent | Failed] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name in (chosen.only,) if chosen.only else SECTIONS:
            rows += (found := measured(name, Bench(Path(folder).resolve(), quick=chosen.quick)))
            if folder_of_results:
                keep(name, found, folder_of_results, quick=chosen.quick)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors; medians, a peer beside each\n")
    print(printed(rows))
    return 1 if any(isinstance(row, Failed) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
