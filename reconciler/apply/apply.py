"""A plan is walked by a pool of threads; only the calling thread writes the record.

A plug-in may raise anything: that becomes a failed outcome, its siblings still finish and are recorded, its
dependents are skipped.
"""

import heapq
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.apply.journal import Journal
from reconciler.core.plan import Operation, Outcome, Plan, Result, Step
from reconciler.errors import ProviderError
from reconciler.providers.provider import Provider

if TYPE_CHECKING:
    from concurrent.futures import Executor


@dataclass(frozen=True)
class Watcher:
    """Who is told how an apply goes on; `on_report` is called from the steps' own threads."""

    on_start: Callable[[Step], None] = lambda _step: None
    on_report: Callable[[Step, str], None] = lambda _step, _line: None
    on_outcome: Callable[[Outcome], None] = lambda _outcome: None


def apply(
    plan: Plan,
    provider: Provider,
    journal: Journal,
    *,
    parallel: int = 4,
    stop: threading.Event | None = None,
    watcher: Watcher | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Outcome, ...]:
    """Execute a plan and return what every step did, in the order of the plan.

    Args:
        plan: steps numbered so that every step stands behind what it needs.
        provider: the platform.
        journal: of the run that executes it.
        parallel: how many steps run at once at the most.
        stop: once set, steps that run are finished and recorded, and no other is begun.
        watcher: who is told of starts, waits and outcomes.
        clock: seconds, for the time that a step took.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - a plan that nobody applies needs no threads

    walk = _Walk(plan, provider, journal, watcher or Watcher(), clock)
    with ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="step") as pool:
        walk.through(pool, parallel, stop or threading.Event())
    return tuple(walk.outcomes[step.id] for step in plan.steps)


@dataclass(frozen=True)
class _Ended:
    """What a step's thread hands to the thread that writes."""

    step: Step
    operation: Operation
    error: BaseException | None
    seconds: float


class _Walk:
    def __init__(
        self, plan: Plan, provider: Provider, journal: Journal, watcher: Watcher, clock: Callable[[], float]
    ) -> None:
        self._steps = {step.id: step for step in plan.steps}
        self._provider, self._journal, self._watcher, self._clock = provider, journal, watcher, clock
        self._waiting_for = {step.id: len(step.needs) for step in plan.steps}
        self._dependents: dict[int, list[int]] = defaultdict(list)
        for step in plan.steps:
            for need in step.needs:
                self._dependents[need].append(step.id)
        self._ready = [step.id for step in plan.steps if not step.needs]
        self._ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        self.outcomes: dict[int, Outcome] = {}

    def through(self, pool: "Executor", parallel: int, stop: threading.Event) -> None:
        """Begin what is ready, at most `parallel` at once, until nothing runs and nothing can begin."""
        running = 0
        while True:
            while self._ready and running < parallel and not stop.is_set():
                self._begin(self._steps[heapq.heappop(self._ready)], pool)
                running += 1
            if not running:
                break
            self._settle(self._ended.get())
            running -= 1
        for step in self._steps.values():
            if step.id not in self.outcomes:
                self._tell(Outcome(step, Result.SKIPPED, self._why_skipped(step)))

    def _begin(self, step: Step, pool: "Executor") -> None:
        operation = self._journal.intend(step, lambda line: self._watcher.on_report(step, line))
        self._watcher.on_start(step)
        pool.submit(self._call, step, operation)

    def _call(self, step: Step, operation: Operation) -> None:
        """Call the provider; whatever comes of it reaches the thread that writes."""
        started = self._clock()
        error: BaseException | None = None
        try:
            getattr(self._provider, step.action)(step, operation)
        except BaseException as raised:  # a plug-in may raise anything; it becomes an outcome
            import logging  # noqa: PLC0415 - the pool has loaded it already

            error = raised
            logging.getLogger(__name__).debug("%s %s", step.action, step.address, exc_info=True)
        self._ended.put(_Ended(step, operation, error, self._clock() - started))

    def _settle(self, ended: _Ended) -> None:
        """Write down how a step ended, then tell, then see what can begin now."""
        outcome = _outcome(ended)
        if outcome.result is Result.SUCCEEDED:
            self._journal.succeeded(ended.step, ended.operation)
        else:
            self._journal.failed(outcome, ended.operation)
        self._tell(outcome)
        for dependent in self._dependents[ended.step.id]:
            self._waiting_for[dependent] -= outcome.result is Result.SUCCEEDED
            if not self._waiting_for[dependent]:
                heapq.heappush(self._ready, dependent)

    def _why_skipped(self, step: Step) -> str:
        """Steps are numbered behind what they need, so what a step needs has its outcome by now."""
        for need in step.needs:
            if self.outcomes[need].result is not Result.SUCCEEDED:
                was = "failed" if self.outcomes[need].result is Result.FAILED else "was skipped"
                return f"needs #{need}, which {was}"
        return "the run was interrupted"

    def _tell(self, outcome: Outcome) -> None:
        self.outcomes[outcome.step.id] = outcome
        self._watcher.on_outcome(outcome)


def _outcome(ended: _Ended) -> Outcome:
    error = ended.error
    if error is None:
        return Outcome(ended.step, Result.SUCCEEDED, seconds=ended.seconds)
    if isinstance(error, ProviderError):
        return Outcome(ended.step, Result.FAILED, str(error), error.log_tail, ended.seconds)
    return Outcome(ended.step, Result.FAILED, f"{type(error).__name__}: {error}", seconds=ended.seconds)
