"""Chance from a seed: ids, the clock, and in which order calls that run at once have their effect."""

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.apply import Watcher
from reconciler.core.plan import Outcome, Plan, Result, Step

PATIENCE_S = 30.0


def seed_of_environment(default: int = 1) -> int:
    """`MLOPS_SEED`, by which a run is repeated."""
    return int(os.environ.get("MLOPS_SEED", default))


class Chance:
    """All that is random in one process: equal seeds and ordinals give equal runs.

    Args:
        seed: of the whole experiment; the order of what runs at once follows from it alone.
        ordinal: the how manieth process of it this is, so that no two have the same ids.
    """

    def __init__(self, seed: int, ordinal: int) -> None:
        self._ids = random.Random(f"ids {seed} {ordinal}")
        self._turns = random.Random(f"turns {seed}")
        self._hour, self._ticks = ordinal, 0

    def new_id(self) -> str:
        return f"{self._ids.getrandbits(128):032x}"

    def now(self) -> str:
        """A time that grows with every look, and from process to process."""
        self._ticks += 1
        return f"2026-01-01T{self._hour:02}:00:00.{self._ticks:03}+00:00"

    def chosen(self, names: list[int]) -> int:
        return self._turns.choice(names)


class Schedule:
    """Lets the calls that run at once have their effects one after the other, in an order drawn from a seed.

    A call waits until every step is waiting that could run at the time, so that it does not matter which thread was
    quicker. What could run follows from the plan and from what has ended, both told to any watcher.
    """

    def __init__(self, choose: Callable[[list[int]], int], *, parallel: int) -> None:
        self._choose, self._parallel = choose, parallel
        self._condition = threading.Condition()
        self._open: dict[int, Step] = {}
        self._done: set[int] = set()
        self._waiting: set[int] = set()
        self._chosen = 0

    def watch(self, plan: Plan) -> Watcher:
        """Be told of a plan that is about to run."""
        self._open = {step.id: step for step in plan.steps}
        return Watcher(on_outcome=self._ended)

    @contextmanager
    def turn(self, step: Step) -> Iterator[None]:
        """Wait for the turn of a step, whose call then runs alone."""
        with self._condition:
            self._waiting.add(step.id)
            self._next()
            assert self._condition.wait_for(lambda: self._chosen == step.id, PATIENCE_S), f"#{step.id} has no turn"
            self._waiting.remove(step.id)
        yield

    def _ended(self, outcome: Outcome) -> None:
        with self._condition:
            self._open.pop(outcome.step.id)
            if outcome.result is Result.SUCCEEDED:
                self._done.add(outcome.step.id)
            self._chosen = 0
            self._next()

    def _next(self) -> None:
        ready = sum(self._done.issuperset(step.needs) for step in self._open.values())
        if not self._chosen and self._waiting and len(self._waiting) == min(ready, self._parallel):
            self._chosen = self._choose(sorted(self._waiting))
            self._condition.notify_all()
