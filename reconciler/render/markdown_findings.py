"""Drift, the problems of files, and why a command came to nothing, as Markdown within a budget."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from reconciler.core.failure import Failure
from reconciler.core.plan import Recovery
from reconciler.core.problem import Problem
from reconciler.core.state import Drift
from reconciler.render.budget import first_fitting, with_rest
from reconciler.render.fields import field_lines
from reconciler.render.markdown import step_rows, unfinished
from reconciler.render.markdown_parts import COMMENT, PROBLEMS, code, head, name, problem_row, row
from reconciler.render.marker import Marker
from reconciler.render.text import drift_summary, problems_summary
from reconciler.render.values import Veil


def drift_markdown(
    drifts: Sequence[Drift],
    *,
    recorded: int,
    target: str,
    recovery: Sequence[Recovery] = (),
    holder: Mapping[str, str | int] | None = None,
    budget: int = COMMENT,
    where: str = "`mlops drift`",
) -> str:
    """One row a field that is not as recorded; else one a resource; else as many of those as fit."""
    said = [str(Marker("drift", target)), f"### mlops drift: {name(target)}", ""]
    said += [*drift_summary(drifts, recorded=recorded, target=target, named=name), ""]
    short = f"One line a resource: the fields do not fit here. {where} has them."
    table = head("resource", "class", "fields")
    rows = [row(code(str(drift.address)), drift.kind, len(drift.fields)) for drift in drifts]
    classes = Counter(str(drift.kind) for drift in drifts)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(classes.items()))
    totals = f"Totals ({counts}), and resources as far as they fit here. {where} has the rest."
    before = unfinished(recovery, holder)
    levels = (
        chain(said, before, _drifted(drifts)),
        chain(said, [short, ""], before, table, rows),
        with_rest([*said, totals, ""], table, rows, budget=budget),
    )
    return first_fitting(levels, budget)


def problems_markdown(problems: Sequence[Problem], *, resources: int, target: str = "", budget: int = COMMENT) -> str:
    """One row a problem, as many as fit."""
    said = [str(Marker("validate", target)), f"### mlops validate{f': {name(target)}' if target else ''}", ""]
    said += [problems_summary(problems, resources=resources), ""]
    return first_fitting([with_rest(said, PROBLEMS, list(map(problem_row, problems)), budget=budget)], budget)


def failure_markdown(failure: Failure, *, budget: int = COMMENT) -> str:
    """Why a command came to nothing, and what it would have done, as far as they fit."""
    title = f"### mlops {failure.command}{f': {name(failure.target)}' if failure.target else ''}"
    said = [str(Marker(failure.command, failure.target)), title, ""]
    said += [f"**Failed (exit code {failure.exit_code}).**", ""]
    if failure.problems:
        table, rows = PROBLEMS, list(map(problem_row, failure.problems))
    else:
        table, rows = head("why"), [row(code(line)) for line in failure.message.splitlines()]
    steps = ["", "What was refused:", "", *step_rows(failure.plan.steps)] if failure.plan and failure.plan.steps else []
    levels = (chain(said, table, rows, steps), with_rest(said, table, rows, budget=budget))
    return first_fitting(levels, budget)


def _drifted(drifts: Sequence[Drift]) -> Iterator[str]:
    veil = Veil()
    if drifts:
        yield from head("resource", "class", "field", "recorded -> live")
    for drift in drifts:
        rows = [(path, how) for field in drift.fields for path, how in field_lines(field, veil)] or [("", drift.note)]
        for path, how in rows:
            yield row(code(str(drift.address)), drift.kind, code(path), code(how))
