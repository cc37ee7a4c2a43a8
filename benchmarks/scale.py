"""Plans of 1,000, 10,000 and 100,000 resources on a memory target, beside `git status` of the same folder."""

import itertools
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from applied import applied
from folders import committed
from measuring import MLOPS, Bench, Command, Cost, median, say
from parts import known_at_a_glance
from table import Row, compared

NO_CHANGE_S = {1_000: 0.15, 10_000: 0.25, 100_000: 1.2}  # CPU seconds
MANY = 10_000
CHANGED_S, NEW_S, DRIFT_S = 0.30, 5, 0.4  # CPU seconds
COLD_S = 4  # wall seconds, on two cores
MIB = 150  # peak memory of the largest


def scale(bench: Bench) -> Iterator[Row]:
    """The plans that change nothing, by size; then what else there is to do among ten thousand."""
    for size, goal in NO_CHANGE_S.items():
        say(f"  {size:,} resources: applying")
        folder = applied(bench, f"{size}", size)
        say(f"  {size:,} resources: planning")
        bench.run(_plan(folder))  # without any cache, so that it says whether the folder was made as it should be
        known_at_a_glance(bench, folder)
        commands = [_plan(folder), _plan(folder, "--no-git"), _plan(folder, "--verbose"), _git(folder)]
        plan, without, looked, git = bench.in_turns(commands, _rounds(bench, size))
        yield compared(f"plan, {size:,} resources, no change", plan, ("git status", git), goal=goal)
        yield compared("  the same, --no-git", without, ("git status", git))
        yield compared("  the same, not at a glance", looked, ("git status", git))
        if size == MANY:
            yield from _many(bench, folder)
    yield _memory(plan)


def _many(bench: Bench, folder: Path) -> Iterator[Row]:
    """What else there is to do among ten thousand; the plan without a cache last, as it takes the others' too."""
    new = committed(bench.folder / "new", MANY, bench.environ)
    commands = [
        Command((MLOPS, "plan"), new, "to create"),
        Command((MLOPS, "drift"), folder, "No drift"),
        _git(folder),
    ]
    first, drift, git = bench.in_turns(commands, bench.runs(5, 1))
    yield compared(f"plan, {MANY:,} resources, all new", first, ("git status", git), goal=NEW_S)
    yield compared(f"drift, {MANY:,} resources", drift, ("git status", git), goal=DRIFT_S)
    yield compared(f"plan, {MANY:,} resources, one file changed", *_changed(bench, folder), goal=CHANGED_S)
    nothing_cached = replace(_plan(folder), prepare=lambda: shutil.rmtree(folder / ".mlops" / "cache"))
    cold, git = bench.in_turns([nothing_cached, _git(folder)], bench.runs(5, 1))
    yield compared(f"plan, {MANY:,} resources, nothing cached", cold, ("git status", git), by="wall", goal=COLD_S)


def _changed(bench: Bench, folder: Path) -> tuple[list[Cost], tuple[str, list[Cost]]]:
    """A plan after one file was changed, each time into what was never seen before."""
    file = folder / "manifests" / "e7" / "d3.yml"
    written, counts = file.read_text(), itertools.count(3)

    def edit() -> None:
        file.write_text(written.replace("instance_count: 2", f"instance_count: {next(counts)}"))

    changed = [Command((MLOPS, "plan"), folder, "1 to scale", edit), Command(("git", "status"), folder, "d3.yml")]
    plan, git = bench.in_turns(changed, bench.runs(9, 3))
    file.write_text(written)
    return plan, ("git status", git)


def _memory(costs: Sequence[Cost]) -> Row:
    """The peak memory of the last, in MiB."""
    largest = max(NO_CHANGE_S)
    return Row(f"plan, {largest:,} resources, peak memory", median(costs).mb * 1e3 / 1024, "MiB", MIB)


def _plan(folder: Path, *options: str) -> Command:
    return Command((MLOPS, "plan", *options), folder, "No changes.")


def _git(folder: Path) -> Command:
    return Command(("git", "status"), folder, "working tree clean")


def _rounds(bench: Bench, size: int) -> int:
    return bench.runs(9, 3) if size <= MANY else bench.runs(5, 1)
