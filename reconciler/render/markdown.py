"""Plans and applies as Markdown for a pull request and a job's summary, within a budget.

A report has levels: everything; else one line a step; else totals. The first that fits is given, and says what it
leaves out and where that is. The first line is a hidden marker.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Outcome, Plan, Recovery, Result, Step
from reconciler.core.problem import Problem
from reconciler.render.budget import first_fitting, with_rest
from reconciler.render.fields import field_lines
from reconciler.render.markdown_parts import (
    COMMENT,
    PROBLEMS,
    code,
    fenced,
    folded,
    head,
    name,
    problem_row,
    row,
    words,
)
from reconciler.render.marker import Marker
from reconciler.render.text import SYMBOLS, by_command_words, counted, in_progress, recovery_words, summary
from reconciler.render.values import Veil

_MARKS = {Result.SUCCEEDED: "✓", Result.FAILED: "✗", Result.SKIPPED: "-", Result.UNKNOWN: "?"}


def plan_markdown(
    plan: Plan,
    *,
    budget: int = COMMENT,
    blame: Mapping[Source, Blame] | None = None,
    warnings: Sequence[Problem] = (),
    where: str = "`mlops plan`",
    command: str = "plan",
) -> str:
    """A table of steps, the fields of each folded below it; empty where not even the totals fit.

    Args:
        plan: the plan.
        budget: how many bytes there may be; `budget.py` says why bytes.
        blame: who last wrote the line that a field comes from.
        warnings: of the files.
        where: Markdown of our own that says where all of it is, for a level that leaves some out.
        command: whose plan it is; `apply` does no other's than that of `plan`.
    """
    # Nobody can apply what was planned offline by its digest, nor a rollback's.
    said = [
        str(Marker(command, plan.target, "" if plan.offline or command != "plan" else plan.digest)),
        f"### mlops {command}: {name(plan.target)}",
        "",
    ]
    said += [summary(plan, named=name, command=command), ""]
    short = f"One line a step: the fields do not fit here. {where} has them."
    totals = f"Totals alone: the steps do not fit here. {where} has them."
    told = [by_command_words(plan, named=name), ""] if plan.by_command else []
    before = [*_warned(warnings), *unfinished(plan.recovery, plan.holder), *told]
    levels = (
        chain(said, before, step_rows(plan.steps), _fields(plan.steps, blame or {})),
        chain(said, [short, ""], before, step_rows(plan.steps)),
        with_rest([*said, totals, ""], *_by_endpoint(plan.steps), budget=budget),
    )
    return first_fitting(levels, budget)


def apply_markdown(
    plan: Plan, outcomes: Sequence[Outcome], *, budget: int = COMMENT, where: str = "The log", command: str = "apply"
) -> str:
    """A table of what each step did, what failed with the last lines of its logs; empty where not even totals fit."""
    said = [str(Marker(command, plan.target, plan.digest)), f"### mlops {command}: {name(plan.target)}", ""]
    nothing = f"Nothing was done. {summary(plan, named=name, command=command)}"
    said += [counted(outcomes, command=command) if outcomes else nothing, ""]
    short = f"One line a step: the logs do not fit here. {where} has them."
    totals = f"Totals, and what did not succeed as far as it fits here. {where} has the rest."
    table = head("#", "", "action", "resource", "seconds", "message", right=1)
    unlucky = [outcome for outcome in outcomes if outcome.result is not Result.SUCCEEDED]
    rows = [*table, *map(_outcome, outcomes)] if outcomes else []
    levels = (
        chain(said, rows, _logs(outcomes)),
        chain(said, [short, ""], rows),
        with_rest([*said, totals, ""], table, [_outcome(outcome) for outcome in unlucky], budget=budget),
    )
    return first_fitting(levels, budget)


def step_rows(steps: Sequence[Step]) -> Iterator[str]:
    """A table of one row a step."""
    if steps:
        yield from head("#", "", "action", "resource", "why", "after", right=1)
    for step in steps:
        symbol, needs = code(SYMBOLS.get(step.action, "~")), ", ".join(map(str, step.needs))
        yield row(step.id, symbol, step.action, code(str(step.address)), words(step.reason), needs)


def _fields(steps: Iterable[Step], blame: Mapping[Source, Blame]) -> Iterator[str]:
    veil = Veil()
    for step in steps:
        if step.fields:
            rows = _changes(step, veil, blame)
            yield from folded(
                f"{step.id}: {step.action}", str(step.address), chain(head("field", "change", "where"), rows)
            )


def _changes(step: Step, veil: Veil, blame: Mapping[Source, Blame]) -> Iterator[str]:
    for field in step.fields:
        for path, how in field_lines(field, veil, created=step.action is Action.CREATE):
            yield row(code(path), code(how), _place(field, blame))


def _place(field: FieldChange, blame: Mapping[Source, Blame]) -> str:
    """Where a field was written, and by whom."""
    if not field.source:
        return ""
    by = blame.get(field.source)
    return f"{code(str(field.source))} {code(str(by))}" if by else code(str(field.source))


def _by_endpoint(steps: Iterable[Step]) -> tuple[list[str], list[str]]:
    """The head and the rows of a table: how many steps of each action an endpoint has, those of most steps first."""
    counts = Counter((step.address.family, step.action) for step in steps)
    families = Counter(step.address.family for step in steps)
    rows = [
        row(name(family) or "models and environments", *(counts[family, action] or "" for action in Action))
        for family, _ in families.most_common()
    ]
    return head("endpoint", *Action), rows


def _warned(warnings: Sequence[Problem]) -> list[str]:
    return [*PROBLEMS, *map(problem_row, warnings), ""] if warnings else []


def unfinished(under_way: Sequence[Recovery], holder: Mapping[str, str | int] | None) -> list[str]:
    """Who is at work, or what a run left without an end."""
    if holder is not None:
        return [f"**{code(in_progress(holder, under_way))}**", ""]
    if not under_way:
        return []
    veil, lines = Veil(), head("to recover", "why", "field", "intended")
    for item in under_way:
        rows = [(path, how) for field in item.fields for path, how in field_lines(field, veil)] or [("", "")]
        why = words(recovery_words(item))
        lines += [row(code(str(item.address)), why, code(path), code(how)) for path, how in rows]
    return [*lines, ""]


def _outcome(outcome: Outcome) -> str:
    step, seconds = outcome.step, f"{outcome.seconds:.1f}"
    cells = (code(str(step.address)), seconds, code(outcome.message))
    return row(step.id, f"{_MARKS[outcome.result]} {outcome.result}", step.action, *cells)


def _logs(outcomes: Iterable[Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        if outcome.log_tail:
            said = f"{outcome.step.id}: the last lines of its logs,"
            yield from folded(said, str(outcome.step.address), fenced(outcome.log_tail))
