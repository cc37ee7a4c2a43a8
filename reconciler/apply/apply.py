"""A plan is walked by a pool of threads; only the calling thread writes the record.

What has ended since it last wrote, and what may begin because of that, is one write: a step's intent is durable before
its call, and how it ended before any step that needs it, at the cost of one commit for all that came together.

A plug-in may raise anything: that becomes a failed outcome, its siblings still finish and are recorded, its
dependents are skipped. A call that fails in passing is made again before its step has failed.
"""

import heapq
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from reconciler.apply.concealing import concealer
from reconciler.apply.crew import Crew
from reconciler.apply.journal import Journal
from reconciler.apply.retrying import Pace, Tried, try_call
from reconciler.core.plan import Operation, Outcome, Plan, Result, Step
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.provider import Provider

_NEXT = "the next apply looks at what is there before it does anything"
_HEARD_WITHIN_S = 0.5


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
    pace: Pace | None = None,
) -> tuple[Outcome, ...]:
    """Execute a plan and return what every step did, in the order of the plan.

    A step that does not answer within its time is left behind: its outcome is unknown, and its intent stays without an
    end, so that the next run looks at what became of it.

    Args:
        plan: steps numbered so that every step stands behind what it needs.
        provider: the platform.
        journal: of the run that executes it.
        parallel: how many steps run at once at the most.
        stop: once set, steps that run are finished and recorded, and no other is begun.
        watcher: who is told of starts, waits and outcomes.
        pace: how long a step may take, and how often its call is made.
    """
    walk = _Walk(plan, provider, journal, watcher or Watcher(), pace or Pace())
    walk.through(parallel, stop or threading.Event())
    return tuple(walk.outcomes[step.id] for step in plan.steps)


@dataclass(frozen=True)
class _Running:
    """A step that was begun, when, and by when it must have ended."""

    step: Step
    operation: Operation
    started: float
    deadline: float


@dataclass(frozen=True)
class _Ended:
    """What a step's thread hands to the thread that writes."""

    running: _Running
    tried: Tried
    seconds: float


class _Walk:
    def __init__(self, plan: Plan, provider: Provider, journal: Journal, watcher: Watcher, pace: Pace) -> None:
        self._steps = {step.id: step for step in plan.steps}
        self._provider, self._journal, self._watcher, self._pace = provider, journal, watcher, pace
        self._conceal = concealer(plan)
        self._waiting_for = {step.id: len(step.needs) for step in plan.steps}
        self._dependents: dict[int, list[int]] = defaultdict(list)
        for step in plan.steps:
            for need in step.needs:
                self._dependents[need].append(step.id)
        self._ready = [step.id for step in plan.steps if not step.needs]
        self._running: dict[int, _Running] = {}
        self._ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        self._crew = Crew()
        self.outcomes: dict[int, Outcome] = {}

    def through(self, parallel: int, stop: threading.Event) -> None:
        """Begin what is ready, at most `parallel` at once, until nothing runs and nothing can begin."""
        try:
            self._go_on([], parallel, stop)
            while self._running:
                self._go_on(self._next_outcomes(), parallel, stop)
        except BaseException:
            # The record can no longer be written. Steps that run are still not cut off in their middle.
            while self._running:
                self._next_outcome()
            raise
        finally:
            self._crew.dismiss()
        for step in self._steps.values():
            if step.id not in self.outcomes:
                self._tell(Outcome(step, Result.SKIPPED, self._why_skipped(step)))

    def _go_on(self, ended: Sequence[tuple[_Running, Outcome]], parallel: int, stop: threading.Event) -> None:
        """Write down how steps ended, and the intents of those that begin; then tell of them, and make the calls."""
        with self._journal.together():
            for running, outcome in ended:
                self._settle(running, outcome)
            begun = [(step, self._intend(step)) for step in self._next_steps(parallel, stop)]
        for _, outcome in ended:
            self._tell(outcome)
        if begun and stop.is_set():  # Whoever was told may have had enough.
            self._take_back(operation for _, operation in begun)
            return
        for step, operation in begun:
            self._begin(step, operation, stop)

    def _next_steps(self, parallel: int, stop: threading.Event) -> list[Step]:
        free = 0 if stop.is_set() else min(parallel - len(self._running), len(self._ready))
        return [self._steps[heapq.heappop(self._ready)] for _ in range(free)]

    def _intend(self, step: Step) -> Operation:
        return self._journal.intend(step, lambda line: self._report(step, line))

    def _take_back(self, operations: Iterable[Operation]) -> None:
        """Write down that calls of which the intent is written are not made."""
        with self._journal.together():
            for operation in operations:
                self._journal.not_begun(operation)

    def _begin(self, step: Step, operation: Operation, stop: threading.Event) -> None:
        self._watcher.on_start(step)
        now = self._pace.clock()
        running = self._running[step.id] = _Running(step, operation, now, now + self._pace.step_timeout_s)
        self._crew.have(lambda: self._call(running, stop))

    def _call(self, running: _Running, stop: threading.Event) -> None:
        """Call the provider; whatever comes of it reaches the thread that writes."""
        step, operation, pace = running.step, running.operation, self._pace
        wait, report = pace.wait or stop.wait, operation.report

        def call() -> None:
            getattr(self._provider, step.action)(step, operation)

        try:
            tried = try_call(call, pace, deadline=running.deadline, wait=wait, report=report)
        except BaseException as error:  # noqa: BLE001 - nobody else hears of it in this thread
            tried = Tried(error)
        if tried.error:
            self._log(step, tried.error)
        self._ended.put(_Ended(running, tried, pace.clock() - running.started))

    def _report(self, step: Step, line: str) -> None:
        """What a step says that was left behind interests nobody any more."""
        if step.id in self._running:
            with suppress(OSError):  # Whoever read it has left, which is no matter of the step.
                self._watcher.on_report(step, self._conceal(line))

    def _log(self, step: Step, error: BaseException) -> None:
        """Tell whoever debugs where it happened, for which a secret is of no use."""
        import logging  # noqa: PLC0415 - most plans and applies do without
        import traceback  # noqa: PLC0415 - as above

        where = self._conceal("".join(traceback.format_exception(error)))
        logging.getLogger(__name__).debug("%s %s\n%s", step.action, step.address, where)

    def _next_outcomes(self) -> list[tuple[_Running, Outcome]]:
        """Wait for a step to end, then take all that have."""
        outcomes = [self._next_outcome()]
        while self._running and not self._ended.empty():
            outcomes.append(self._next_outcome())
        return outcomes

    def _next_outcome(self) -> tuple[_Running, Outcome]:
        """Wait for a step to end, or for one to have had its time, which then runs no more as far as we know."""
        while True:
            due = min(self._running.values(), key=lambda running: running.deadline)
            ended = self._first_ended(max(0.0, due.deadline - self._pace.clock()))
            if not ended:
                return self._running.pop(due.step.id), _unanswered(due.step, self._pace.step_timeout_s)
            self._crew.is_free()
            if self._running.pop(ended.running.step.id, None):
                return ended.running, self._concealed(_outcome(ended))

    def _first_ended(self, seconds: float) -> _Ended | None:
        """What ends first within this time.

        It is waited for in pieces, as a signal cuts short only the wait in which it comes. Of one that comes just
        before, Python hears when the wait is over.
        """
        while True:
            piece = min(seconds, _HEARD_WITHIN_S)
            with suppress(queue.Empty):
                return self._ended.get(timeout=piece)
            seconds -= piece
            if seconds <= 0:
                return None

    def _concealed(self, outcome: Outcome) -> Outcome:
        tail = tuple(self._conceal(line) for line in outcome.log_tail)
        return replace(outcome, message=self._conceal(outcome.message), log_tail=tail)

    def _settle(self, running: _Running, outcome: Outcome) -> None:
        """Write down how a step ended, if that is known, and see what can begin now."""
        if outcome.result is Result.SUCCEEDED:
            self._journal.succeeded(running.step, running.operation)
        elif outcome.result is Result.FAILED:
            self._journal.failed(outcome, running.operation)
        for dependent in self._dependents[running.step.id]:
            self._waiting_for[dependent] -= outcome.result is Result.SUCCEEDED
            if not self._waiting_for[dependent]:
                heapq.heappush(self._ready, dependent)

    def _why_skipped(self, step: Step) -> str:
        """Steps are numbered behind what they need, so what a step needs has its outcome by now."""
        for need in step.needs:
            if self.outcomes[need].result is not Result.SUCCEEDED:
                return f"needs #{need}, {_WAS[self.outcomes[need].result]}"
        return "the run was interrupted"

    def _tell(self, outcome: Outcome) -> None:
        self.outcomes[outcome.step.id] = outcome
        self._watcher.on_outcome(outcome)


_WAS = {
    Result.FAILED: "which failed",
    Result.SKIPPED: "which was skipped",
    Result.UNKNOWN: "of which nobody knows whether it is done",
}


def _outcome(ended: _Ended) -> Outcome:
    step, error = ended.running.step, ended.tried.error
    if error is None:
        return Outcome(step, Result.SUCCEEDED, seconds=ended.seconds)
    said, tail = (str(error), error.log_tail) if isinstance(error, ProviderError) else (_raised(error), ())
    if ended.tried.maybe_done:
        return Outcome(step, Result.UNKNOWN, f"{said}; it may be done; {_NEXT}", tail, ended.seconds)
    return Outcome(step, Result.FAILED, said, tail, ended.seconds)


def _raised(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _unanswered(step: Step, seconds: float) -> Outcome:
    said = f"no answer within {seconds:g} s; it may be done, or still come to be done; {_NEXT}"
    return Outcome(step, Result.UNKNOWN, said, seconds=seconds)
