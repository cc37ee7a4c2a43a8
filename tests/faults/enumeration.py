"""Kills an apply at every numbered point by a real SIGKILL, applies once more, and looks at what became of it.

Run as a process of its own. By itself it tries everything and prints what it found as JSON; with `--points` it tries
one course of events and tells it.

A run knows of those before it what is on the disk. So first kills that leave equal states (see `states`) are one case
for what follows, and one of them is followed by second kills: at every point of the recovery, and behind it at so many
points, drawn by the seed, as `--second-kills` says.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.invariants import scale_comes_before_code
from tests.faults.process import Break, Ended, Place, preload, sound
from tests.faults.schedule import seed_of_environment
from tests.faults.small_world import AGAIN, REVERT, WISHES, Disk
from tests.faults.spoiled import SPOILED
from tests.faults.states import state_of

SECOND_KILLS = 60
_LAST = 9
"""The ordinal of the run that comes to its end, whatever number of others was killed before."""
_BEHIND_RECOVERY = ("before begin_run", "before note", "before unlock")
_RECOVERED = "after finish recovered as "

_crew: list[Place] = []


@dataclass(frozen=True)
class Case:
    """One course of events.

    Args:
        points: by number, where the first run was killed, and where the second was, if it was.
        at: the names of these points.
        wish: what was wished after the first kill.
        recovered: by the last run, as what and where.
        wrong: what does not hold in the end; empty when all is well.
    """

    points: tuple[int, ...]
    at: tuple[str, ...]
    wish: str
    recovered: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Left:
    """What kills have left, and the wishes that it is to be tried with."""

    points: tuple[int, ...]
    runs: tuple[Ended, ...]
    disk: Disk = field(repr=False)
    state: str = field(repr=False)
    wishes: tuple[str, ...] = WISHES


@dataclass(frozen=True)
class Kill:
    """A run that is to be killed at a point, behind what others have left."""

    after: Left
    wish: str
    point: int
    wishes: tuple[str, ...] = WISHES


class Enumeration:
    """Everything that is tried from one start.

    Args:
        folder: below which every process has its place.
        seed: by which it is repeated.
        workers: how many are tried at once.
        spoil: how every process is broken.
    """

    def __init__(self, folder: Path, seed: int, workers: int, spoil: Break = sound) -> None:
        self._seed = seed
        preload(folder / "preloaded")
        place = Place(folder / "start", seed)
        before, disk = place.run(REVERT, 0)
        peaceful, _ = place.run(AGAIN, 1, disk=disk)
        assert not before.wrong + peaceful.wrong, before.wrong + peaceful.wrong
        self.points, self._peaceful = peaceful.points, _counted([peaceful])
        self._start = Left((), (), disk, "")
        self._ends: dict[tuple[str, str], Ended] = {}
        # Forked before the pool has threads of its own, so that none of its workers has any.
        self._pool = multiprocessing.get_context("fork").Pool(workers, _take_place, (folder, seed, spoil))

    def close(self) -> None:
        self._pool.terminate()
        self._pool.join()

    def tried(self, second_kills: int) -> list[Case]:
        """All cases: one kill at every point with every wish, then those with two."""
        firsts = self._killed([Kill(self._start, AGAIN, point) for point in range(1, len(self.points) + 1)])
        found = self._ended(firsts)
        distinct = list({left.state: left for left in reversed(firsts)}.values())
        recovering = [kill for left in distinct for kill in _in_recovery(left, self._ends)]
        behind = [kill for left in distinct for kill in _behind_recovery(left, self._ends)]
        drawn = random.Random(self._seed).sample(behind, min(second_kills, len(behind)))
        return [*found, *self._ended(self._killed([*recovering, *drawn]))]

    def tried_once(self, wish: str, points: Sequence[int]) -> tuple[Case, Sequence[Ended]]:
        """One case, with the runs of which it is made."""
        left = self._start
        for number, point in enumerate(points):
            (left,) = self._killed([Kill(left, AGAIN if number == 0 else wish, point, (wish,))])
        (case,) = self._ended([left])
        return case, (*left.runs, self._ends[left.state, wish])

    def _killed(self, kills: Sequence[Kill]) -> list[Left]:
        jobs = [(kill.wish, len(kill.after.runs) + 1, kill.after.disk, kill.point) for kill in kills]
        done = self._pool.starmap(_kill, jobs, chunksize=1)
        return [
            Left((*kill.after.points, kill.point), (*kill.after.runs, ended), disk, state, kill.wishes)
            for kill, (ended, disk, state) in zip(kills, done, strict=True)
        ]

    def _ended(self, lefts: Iterable[Left]) -> list[Case]:
        """Apply to its end what was left; from equal states that is the same, so it is done once."""
        lefts = list(lefts)
        jobs = {
            (left.state, wish): (wish, _LAST, left.disk)
            for left in lefts
            for wish in left.wishes
            if (left.state, wish) not in self._ends
        }
        self._ends.update(zip(jobs, self._pool.starmap(_end, jobs.values(), chunksize=1), strict=True))
        return [self._case(left, wish, self._ends[left.state, wish]) for left in lefts for wish in left.wishes]

    def _case(self, left: Left, wish: str, last: Ended) -> Case:
        runs = (*left.runs, last)
        wrong = [*(each for run in runs for each in run.wrong), *_wrong_effects(runs)]
        if wish == AGAIN and _counted(runs) != self._peaceful:
            wrong += [f"one effect too many: {effect}" for effect in (_counted(runs) - self._peaceful).elements()]
            wrong += [f"one effect too few: {effect}" for effect in (self._peaceful - _counted(runs)).elements()]
        told = tuple(name.removeprefix(_RECOVERED) for name in last.points if name.startswith(_RECOVERED))
        return Case(left.points, tuple(run.points[-1] for run in left.runs), wish, told, tuple(wrong))


def _in_recovery(left: Left, ends: dict[tuple[str, str], Ended]) -> Iterable[Kill]:
    """The wish is read when recovery is over, so that it makes no difference to these."""
    for point in range(1, _recovered(ends[left.state, AGAIN]) + 1):
        yield Kill(left, AGAIN, point)


def _behind_recovery(left: Left, ends: dict[tuple[str, str], Ended]) -> Iterable[Kill]:
    for wish in WISHES:
        last = ends[left.state, wish]
        for point in range(_recovered(last) + 1, len(last.points) + 1):
            yield Kill(left, wish, point, (wish,))


def _recovered(ended: Ended) -> int:
    """How many points a run passes until it plans."""
    return next((n for n, name in enumerate(ended.points) if name.startswith(_BEHIND_RECOVERY)), len(ended.points))


def _wrong_effects(runs: Iterable[Ended]) -> Iterable[str]:
    runs = list(runs)
    for run in runs:
        yield from scale_comes_before_code(run.effects)
        yield from (wrong for effect in run.effects for wrong in effect["wrong"])
    times = Counter(effect["operation"] for run in runs for effect in run.effects)
    yield from (f"operation {name} had its effect {count} times" for name, count in times.items() if count > 1)


def _counted(runs: Iterable[Ended]) -> Counter[str]:
    return Counter(f"{effect['action']} {effect['address']}" for run in runs for effect in run.effects)


def _take_place(folder: Path, seed: int, spoil: Break) -> None:
    _crew[:] = [Place(folder / str(os.getpid()), seed, spoil)]


def _kill(wish: str, ordinal: int, disk: Disk, point: int) -> tuple[Ended, Disk, str]:
    ended, left = _crew[0].run(wish, ordinal, disk=disk, kill_at=point)
    return ended, left, state_of(_crew[0].world)


def _end(wish: str, ordinal: int, disk: Disk) -> Ended:
    return _crew[0].run(wish, ordinal, disk=disk)[0]


def repeat(seed: int, case: Case) -> str:
    """The command that tries a case again and tells it."""
    points = " ".join(map(str, case.points))
    return f"MLOPS_SEED={seed} python -m tests.faults.enumeration --wish {case.wish} --points {points}"


def main() -> int:
    """Try, print, and say by the exit code whether anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", help="by number, where to kill the first run, and the second")
    parser.add_argument("--wish", choices=WISHES, default=AGAIN, help="what to apply after the first kill")
    parser.add_argument("--second-kills", type=int, default=SECOND_KILLS, help="how many behind a recovery")
    parser.add_argument("--spoil", choices=SPOILED, help="break the product, to see that it is found")
    chosen, seed = parser.parse_args(), seed_of_environment()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="enumeration-", dir=memory if memory.is_dir() else None) as folder:
        began = time.monotonic()
        spoil = SPOILED.get(chosen.spoil, sound)
        enumeration = Enumeration(Path(folder), seed, os.cpu_count() or 1, spoil)
        try:
            if chosen.points:
                return _told(seed, *enumeration.tried_once(chosen.wish, chosen.points))
            cases = enumeration.tried(chosen.second_kills)
        finally:
            enumeration.close()
    found = {"seed": seed, "seconds": round(time.monotonic() - began, 1), "points": enumeration.points}
    print(json.dumps({**found, "cases": [{**asdict(case), "repeat": repeat(seed, case)} for case in cases]}))
    return 1 if any(case.wrong for case in cases) else 0


def _told(seed: int, case: Case, runs: Sequence[Ended]) -> int:
    for number, run in enumerate(runs, start=1):
        print(f"run {number}:")
        print("\n".join(f"  {point:3} {name}" for point, name in enumerate(run.points, start=1)))
        print("\n".join(f"  effect: {each['action']} {each['address']} by {each['operation']}" for each in run.effects))
    print("\n".join(case.wrong) or "nothing is wrong")
    print(repeat(seed, case))
    return 1 if case.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
