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
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from reconciler import pipeline
from reconciler.core.plan import Operation, Step
from reconciler.core.state import Live
from reconciler.providers import memory
from reconciler.providers.memory import MemoryProvider
from reconciler.rollback import Back, rollback
from reconciler.workspace import Workspace, open_workspace
from tests.faults.invariants import breaches
from tests.faults.judging import judged
from tests.faults.points import Points, watch
from tests.faults.schedule import Chance, Schedule
from tests.faults.small_world import BACK, REVERT, Disk, clear, disk_of, put_disk, write

PARALLEL = 4
"""How many steps are under way at once, which is the command line's default."""

Break = Callable[[Workspace], None]


def sound(_workspace: Workspace) -> None:
    """Break nothing."""


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


class Effects:
    """Writes down every effect of a memory target, and every invariant that is broken behind it.

    Args:
        log: a file of JSON lines, one an effect.
    """

    def __init__(self, log: Path) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, step: Step, operation: Operation, before: list[Live]) -> None:
        """Write one down, by what is in the file now."""
        told = {"action": str(step.action), "address": str(step.address), "operation": operation.id}
        told["wrong"] = breaches(step, before, live())
        os.write(self._log, (json.dumps(told) + "\n").encode())


def live() -> list[Live]:
    """What is in the file of objects in the current folder, whatever this process has made of it so far."""
    return list(MemoryProvider(Path("live.jsonl")).list())


class Place:
    """A folder in which processes run one after the other, each forked off, each to its end or its death.

    Args:
        seed: from which each process draws its chance, together with the how manieth it is.
        spoil: breaks the product in every process, to see whether that is found.
    """

    def __init__(self, folder: Path, seed: int, spoil: Break = sound) -> None:
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
            points = Points(self._scratch / "points", lambda number, _name: number == kill_at)
            self._apply(wish, chance, points, Effects(self._scratch / "effects"))
            (self._scratch / "wrong").write_text(json.dumps(judged(REVERT if wish == BACK else wish)))
            code = 0
        except BaseException:  # noqa: BLE001 - the parent tells it
            (self._scratch / "failure").write_text(traceback.format_exc())
        finally:
            os._exit(code)

    def _apply(self, wish: str, chance: Chance, points: Points, effects: Effects) -> None:
        schedule = Schedule(chance.chosen, parallel=PARALLEL)

        @contextmanager
        def in_turn(step: Step, operation: Operation) -> Iterator[None]:
            with schedule.turn(step):
                points.landing(partial(effects.note, step, operation, live()))
                yield

        with points, open_workspace(None) as workspace:
            workspace.now, workspace.new_id = chance.now, chance.new_id
            watch(workspace, points, in_turn)
            memory._append = points.half(memory._append)
            self._spoil(workspace)
            manner = pipeline.Manner(parallel=PARALLEL, watch=schedule.watch)
            if wish == BACK:
                _, applied = rollback(workspace, Back(), manner)
            else:
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
