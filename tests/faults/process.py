"""One apply in a process of its own, forked off with everything loaded, which may kill itself at a point."""

import gc
import json
import os
import shutil
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from reconciler import pipeline
from reconciler.workspace import Workspace, open_workspace
from tests.faults.invariants import breaches
from tests.faults.judging import judged
from tests.faults.points import Effects, Points, watch
from tests.faults.schedule import Chance, Schedule
from tests.faults.small_world import REVERT, Disk, clear, disk_of, put_disk, write

PARALLEL = 4
"""How many steps are under way at once, which is the command line's default."""

Break = Callable[[Workspace], None]


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Args:
        points: the names of those that it passed, the last one being where it was killed.
        effects: what the provider did, in order.
        wrong: what did not hold when it had come to its end.
    """

    points: tuple[str, ...]
    effects: tuple[dict[str, Any], ...]
    wrong: tuple[str, ...] = ()


class Place:
    """A folder in which processes run one after the other, each forked off, each to its end or its death.

    Args:
        seed: from which each process draws its chance, together with the how manieth it is.
        spoil: breaks the product in every process, to see whether that is found.
    """

    def __init__(self, folder: Path, seed: int, spoil: Break = lambda _workspace: None) -> None:
        self.world, self._scratch, self._seed, self._spoil = folder / "world", folder / "scratch", seed, spoil
        write(self.world)

    def run(self, wish: str, ordinal: int, *, disk: Disk | None = None, kill_at: int = 0) -> tuple[Ended, Disk]:
        """Apply a wish to what is on a disk, and give what is on it then."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        clear(self.world)
        put_disk(self.world, disk or {})
        pid = os.fork()
        if not pid:
            self._end_as_child(wish, Chance(self._seed, ordinal), kill_at)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        expected = -signal.SIGKILL if kill_at else 0
        wrong = json.loads(self._said("wrong") or "[]")
        wrong += [f"ended with {code}: {self._said('failure')}"] if code != expected else []
        points, effects = self._said("points").splitlines(), self._said("effects").splitlines()
        return Ended(tuple(points), tuple(map(json.loads, effects)), tuple(wrong)), disk_of(self.world)

    def _said(self, name: str) -> str:
        file = self._scratch / name
        return file.read_text() if file.exists() else ""

    def _end_as_child(self, wish: str, chance: Chance, kill_at: int) -> NoReturn:
        code = 1
        try:
            os.chdir(self.world)
            points, effects = Points(self._scratch / "points", kill_at), Effects(self._scratch / "effects", breaches)
            self._apply(wish, chance, points, effects)
            (self._scratch / "wrong").write_text(json.dumps(judged(wish)))
            code = 0
        except BaseException:  # noqa: BLE001 - the parent tells it
            (self._scratch / "failure").write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def _apply(self, wish: str, chance: Chance, points: Points, effects: Effects) -> None:
        schedule = Schedule(chance.chosen, parallel=PARALLEL)
        with points, open_workspace(None) as workspace:
            workspace.now, workspace.new_id = chance.now, chance.new_id
            watch(workspace, points, effects, schedule.turn)
            self._spoil(workspace)
            manner = pipeline.Manner(parallel=PARALLEL, watch=schedule.watch)
            applied = pipeline.apply(workspace, pipeline.Wish((wish,)), manner)
        assert applied.succeeded, [outcome.message for outcome in applied.outcomes]


def preload(folder: Path) -> None:
    """Apply once in this process, so that those forked from it have everything loaded; its threads end with it."""
    write(folder)
    with _within(folder):
        with open_workspace(None) as workspace:
            pipeline.apply(workspace, pipeline.Wish((REVERT,)))
        judged(REVERT)
    gc.collect()
    gc.freeze()


@contextmanager
def _within(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
