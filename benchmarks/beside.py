"""A plan that changes nothing, beside other programs that look whether as many resources are as they should be."""

import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from measuring import Bench, Command, Cost, median, say
from reconcilers import NOT_TO_BE_HAD, OURS, PEERS, Reconciler
from table import Absent, Point, Row

SIZES = (100, 1_000, 10_000, 100_000)
FEW = 13  # resources, one of which is spoiled to see whether that is seen
COMPARED = 1_000  # resources, at which the best of them is compared with ours
TIMES = 5  # as much CPU as ours it should take at the least
LIMIT_S = 120  # CPU seconds that a look may be expected to take, to be made
MAKING_S = 300  # wall seconds that it may be expected to take to have so many resources as they should be
ONCE_S = 10  # wall seconds, from which on a look is made once


class Asked(NamedTuple):
    """A program with a folder of so many resources, and the first look at it."""

    peer: Reconciler
    folder: Path
    command: Command
    first: Cost
    making_s: float


def beside(bench: Bench) -> Iterator[Row | Absent]:
    """All of them by size, each only as far as it comes; then the best at a thousand."""
    installed: dict[Reconciler, Path] = {}
    for peer in (OURS, *PEERS):
        say(f"  {peer.name}: installing")
        try:
            programs = peer.programs()
            _refuse_blind(bench, peer, programs)
            installed[peer] = programs
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            yield Absent(peer.name, str(error), peer.name)
    for name, reason in NOT_TO_BE_HAD.items():
        yield Absent(name, reason, name)
    costs: dict[str, dict[int, list[Cost]]] = {peer.name: {} for peer in installed}
    making: dict[str, dict[int, float]] = {peer.name: {} for peer in installed}
    for size in SIZES[: bench.runs(len(SIZES), 2)]:
        asked: list[Asked] = []
        for peer, programs in installed.items():
            seen = {each: median(taken).cpu for each, taken in costs[peer.name].items()}
            if reason := too_much(seen, making[peer.name], size):
                yield Absent(f"{peer.name}, {size:,} resources", reason, peer.name, size)
                continue
            found = _asked(bench, peer, programs, size)
            if isinstance(found, Asked):
                asked.append(found)
                making[peer.name][size] = found.making_s
            else:
                yield found
        for one, measured in zip(asked, _in_turns(bench, asked), strict=True):
            costs[one.peer.name][size] = measured
            yield _row(one.peer, size, measured)
    yield from _best(costs)


def _refuse_blind(bench: Bench, peer: Reconciler, programs: Path) -> None:
    """Have a program say of a few resources that they are as they should be, and not so once one is spoiled."""
    folder = peer.made(bench, _folder(bench, peer, FEW), FEW)
    command = peer.look(programs, folder, FEW)
    bench.run(command)
    if peer.spoiled is None:
        return
    peer.spoiled(folder)
    try:
        bench.run(command)
    except RuntimeError:
        shutil.rmtree(folder)  # what is spoiled is nobody else's
        return
    raise RuntimeError("it does not see that a resource is not as it should be")


def _folder(bench: Bench, peer: Reconciler, size: int) -> Path:
    folder = bench.folder / "beside" / peer.name.replace(" ", "-") / str(size)
    folder.mkdir(parents=True)
    return folder


def _asked(bench: Bench, peer: Reconciler, programs: Path, size: int) -> Asked | Absent:
    """The folder and a first look, which says whether the program finds all of it as it should be."""
    what = f"{peer.name}, {size:,} resources"
    say(f"  {what}")
    folder = _folder(bench, peer, size)
    began = time.monotonic()
    try:
        folder = peer.made(bench, folder, size)
        making_s = time.monotonic() - began
        command = peer.look(programs, folder, size)
        return Asked(peer, folder, command, bench.run(command)[0], making_s)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Absent(what, f"failed: {error}", peer.name, size)


def too_much(looks: Mapping[int, float], making: Mapping[int, float], size: int) -> str:
    """Why a size is not tried, by what the smaller ones took; empty where it is."""
    if looks and foreseen(looks, size) > LIMIT_S:
        return f"not run: {max(looks):,} took {looks[max(looks)]:.0f} s CPU"
    if making and foreseen(making, size) > MAKING_S:
        return f"not run: to have {max(making):,} as they should be took {making[max(making)]:.0f} s"
    return ""


def foreseen(seen: Mapping[int, float], size: int) -> float:
    """What a size takes if growth goes on as between the last two, or in proportion to the only one."""
    if not seen:
        return 0
    *before, last = sorted(seen)
    if not before:
        return seen[last] * size / last
    return seen[last] + (seen[last] - seen[before[-1]]) * (size - last) / (last - before[-1])


def _in_turns(bench: Bench, asked: Sequence[Asked]) -> list[list[Cost]]:
    """The costs of each: several in turns, after the first; of what takes long the first alone."""
    costs: list[list[Cost]] = [[one.first] if one.first.wall > ONCE_S else [] for one in asked]
    for _ in range(bench.runs(5, 1)):
        for one, kept in zip(asked, costs, strict=True):
            if one.first.wall <= ONCE_S:
                kept.append(bench.run(one.command)[0])
    return costs


def _row(peer: Reconciler, size: int, costs: Sequence[Cost]) -> Row:
    typical = median(costs)
    note = f"wall {typical.wall:.2f} s, {typical.mb:.0f} MB, {len(costs)} runs"
    point = Point(peer.name, peer.version(), peer.each, size, typical, len(costs))
    return Row(f"{peer.name}, {size:,} resources", typical.cpu, "s CPU", note=note, point=point)


def _best(costs: Mapping[str, Mapping[int, Sequence[Cost]]]) -> Iterator[Row | Absent]:
    """What the best of those that compare takes over ours, run by run, as the speed of a shared machine wanders."""
    what = f"the best that compares, {COMPARED:,}, CPU over ours"
    ours = costs.get(OURS.name, {}).get(COMPARED, [])
    others = {peer.name: costs.get(peer.name, {}).get(COMPARED, []) for peer in PEERS if peer.compares}
    found = {name: median(each).cpu for name, each in others.items() if each}
    if not ours or not found:
        yield Absent(what, "none could be measured")
        return
    best = min(found, key=found.__getitem__)
    ratio = statistics.median(other.cpu / one.cpu for other, one in zip(others[best], ours, strict=False))
    peer = f"{best}: {found[best]:.3f}, mlops: {median(ours).cpu:.3f}"
    yield Row(what, ratio, "x", TIMES, peer, at_least=True)
