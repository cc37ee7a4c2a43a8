"""How an apply goes on: a live tree in a terminal, plain lines in a log."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reconciler.apply import Watcher
from reconciler.cli.saying import say
from reconciler.core.plan import Outcome, Plan, Result, Step
from reconciler.render.text import failure_lines, headline, outcome_line
from reconciler.render.values import printable

if TYPE_CHECKING:
    from rich.tree import Tree


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[Plan], Watcher]]:
    """Give a maker of watchers; what they draw ends with the block."""
    if quiet:
        yield lambda _plan: Watcher()
    elif sys.stdout.isatty():
        with _LiveTree() as live:
            yield live.watch
    else:
        yield lambda _plan: plain_lines()


def errors_alone(tell: Callable[[str], None]) -> Watcher:
    """What a step that failed says, and nothing of others."""

    def end(outcome: Outcome) -> None:
        for line in failure_lines(outcome):
            tell(line)

    return Watcher(on_outcome=end)


def plain_lines(tell: Callable[[str], None] = say, *, logs: bool = False) -> Watcher:
    """One line when a step begins, one for every wait, one when it ends.

    Args:
        tell: prints a line.
        logs: whether the last lines of its logs stand below a step that failed, where nobody else prints them.
    """
    write = threading.Lock()

    def one(line: str) -> None:
        with write:
            tell(line)

    return Watcher(
        on_start=lambda step: one(headline(step)),
        on_report=lambda step, line: one(f"#{step.id} {step.action} {step.address}: {printable(line)}"),
        on_outcome=lambda outcome: one("\n".join((logs and failure_lines(outcome)) or [outcome_line(outcome)])),
    )


_MARKS = {
    Result.SUCCEEDED: "[green]✓[/]",
    Result.FAILED: "[red]✗[/]",
    Result.SKIPPED: "[yellow]-[/]",
    Result.UNKNOWN: "[red]?[/]",
}


class _LiveTree:
    """Every step of the plan, drawn anew ten times a second while any of them runs."""

    def __init__(self) -> None:
        from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

        self._plan: Plan | None = None
        self._started: dict[int, float] = {}
        self._waits: dict[int, str] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._live = Live(get_renderable=self._tree, refresh_per_second=10)

    def __enter__(self) -> "_LiveTree":
        return self

    def __exit__(self, *_: object) -> None:
        if self._plan:
            self._live.stop()

    def watch(self, plan: Plan) -> Watcher:
        """Begin to draw."""
        self._plan = plan
        self._live.start()
        return Watcher(self._start, self._report, self._outcome)

    def _start(self, step: Step) -> None:
        self._started[step.id] = time.monotonic()

    def _report(self, step: Step, line: str) -> None:
        self._waits[step.id] = line

    def _outcome(self, outcome: Outcome) -> None:
        self._outcomes[outcome.step.id] = outcome

    def _tree(self) -> "Tree":
        from rich.tree import Tree  # noqa: PLC0415 - only a terminal needs it

        tree = Tree(f"target {self._plan.target if self._plan else ''}", guide_style="dim")
        for step in self._plan.steps if self._plan else ():
            tree.add(self._line(step))
        return tree

    def _line(self, step: Step) -> Any:
        from rich.markup import escape  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        name = escape(printable(f"{step.action} {step.address}"))
        outcome = self._outcomes.get(step.id)
        if outcome:
            said = f"{outcome.seconds:.1f} s" if outcome.result is Result.SUCCEEDED else outcome.message
            return Text.from_markup(f"{_MARKS[outcome.result]} {name} [dim]{escape(printable(said))}[/]")
        if step.id in self._started:
            seconds = time.monotonic() - self._started[step.id]
            wait = escape(printable(self._waits.get(step.id, "")))
            return Text.from_markup(f"[cyan]◐[/] {name} [dim]{seconds:.0f} s {wait}[/]")
        needs = " ".join(f"#{need}" for need in step.needs)
        return Text.from_markup(f"[dim]○ {name}{f' waits for {needs}' if needs else ''}[/]")
