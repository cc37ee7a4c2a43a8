"""What surrounds an apply: showing the plan, asking, Ctrl-C, and how it ended."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from reconciler.cli.form import COMMENT
from reconciler.cli.plan_forms import PLAN
from reconciler.cli.saying import say, warn, warn_at_once

if TYPE_CHECKING:
    from reconciler.apply import Watcher
    from reconciler.core.plan import Plan
    from reconciler.pipeline import Applied, Manner, Planned


def say_aside(planned: "Planned", *, verbose: bool = False) -> None:
    """Warnings and drift go to standard error, so that standard output is the plan alone."""
    for warning in planned.warnings:
        warn(warning)
    if planned.drifts:
        names = ", ".join(str(drift.address) for drift in planned.drifts[:5])
        more = f" and {len(planned.drifts) - 5} more" if len(planned.drifts) > 5 else ""
        warn(f"Live is not as recorded: {names}{more}; `mlops drift` tells more.")
    for name in planned.passed_over if verbose else ():
        warn(f"passed over: {name}")


@contextmanager
def manner_of(parallel: int, lock_timeout: float, step_timeout: float, *, ask: bool, quiet: bool) -> "Iterator[Manner]":
    """How an apply goes about it from a command line.

    Until the first step begins, Ctrl-C ends the command. From then on, once finishes what runs, twice stops at once.

    Raises:
        InterruptedRunError: it was ended so before the first step.
    """
    from reconciler.apply import Pace  # noqa: PLC0415
    from reconciler.cli.progress import progress  # noqa: PLC0415
    from reconciler.pipeline import Manner  # noqa: PLC0415

    stop = threading.Event()
    with progress(quiet=quiet) as watch, ExitStack() as steps:

        def confirm(planned: "Planned") -> bool:
            say_aside(planned)
            if not quiet:
                say(PLAN.of("text", planned, COMMENT), colours=True)
            if not ask:
                return True
            from reconciler.cli.asking import agreed  # noqa: PLC0415 - most runs ask nobody

            return agreed("Do these steps?", flag="--auto-approve")

        def begin(made: "Plan") -> "Watcher":
            steps.enter_context(interruptible(stop))
            return watch(made)

        try:
            yield Manner(confirm, parallel, lock_timeout, stop, begin, Pace(step_timeout, told=warn))
        except KeyboardInterrupt:
            from reconciler.errors import InterruptedRunError  # noqa: PLC0415 - most runs come to their end

            raise InterruptedRunError("interrupted before the first step; nothing that is live was changed") from None


@contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C or SIGTERM once has the run finish what it does, a second one ends the process at once."""
    import signal  # noqa: PLC0415 - only a run that writes needs it

    def interrupt(_number: int, _frame: object) -> None:
        if stop.is_set():
            # What runs in threads cannot be stopped; the journal tells the next run where it broke off.
            warn_at_once("\nInterrupted again: stopped. The next apply settles what was under way.")
            os._exit(130)
        stop.set()
        warn_at_once("\nInterrupted: finishing the steps that run; once more stops at once.")

    former = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def code_of(applied: "Applied", manner: "Manner", *, again: str = "apply") -> int:
    """The exit code of how it ended; `again` is what is to be done once more where that was not well.

    Raises:
        StepFailedError: a step failed.
        InterruptedRunError: it was interrupted before its end.
    """
    from reconciler.executing import raise_unless_done  # noqa: PLC0415 - --help loads none of it

    if applied.declined:
        return 1
    raise_unless_done(applied, stopped=manner.stop.is_set(), again=again)
    return 0
