"""Plans and drifts as Markdown for a pull request; names and values from the files stay inert."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.core.plan import Action, FieldChange, Plan
from reconciler.core.state import Drift
from reconciler.render.fields import field_lines
from reconciler.render.text import SYMBOLS, drift_summary, in_progress, recovery_words, summary
from reconciler.render.values import Veil, printable


def plan_markdown(plan: Plan) -> str:
    """A table of steps, the fields of each folded below it."""
    veil = Veil()
    lines = [f"### mlops plan: {_inert(plan.target)}", "", _inert(summary(plan)), ""]
    lines += _unfinished(plan, veil)
    if plan.steps:
        lines += ["| # | | action | resource | why | after |", "|--:|---|---|---|---|---|"]
        lines += [
            f"| {step.id} | `{SYMBOLS.get(step.action, '~')}` | {step.action} | {_code(str(step.address))} "
            f"| {_inert(step.reason)} | {' '.join(f'#{need}' for need in step.needs)} |"
            for step in plan.steps
        ]
    for step in plan.steps:
        if step.fields:
            lines += ["", f"<details><summary>#{step.id} {step.action} {_inert(str(step.address))}</summary>", ""]
            lines += ["| field | change | where |", "|---|---|---|"]
            lines += _rows(step.fields, veil, created=step.action is Action.CREATE)
            lines += ["", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def drift_markdown(drifts: Sequence[Drift], *, recorded: int, target: str) -> str:
    """One row a field that is not as recorded."""
    veil = Veil()
    said = drift_summary(drifts, recorded=recorded, target=target)
    lines = [f"### mlops drift: {_inert(target)}", "", *map(_inert, said), ""]
    if drifts:
        lines += ["| resource | class | field | recorded -> live |", "|---|---|---|---|"]
    for drift in drifts:
        rows = [(path, how) for field in drift.fields for path, how in field_lines(field, veil)] or [("", drift.note)]
        lines += [
            f"| {_code(str(drift.address))} | {drift.kind} | {_code(path)} | {_code(how)} |" for path, how in rows
        ]
    return "\n".join(lines).rstrip() + "\n"


def _unfinished(plan: Plan, veil: Veil) -> list[str]:
    """Who is at work, or what a run left without an end."""
    if plan.holder is not None:
        return [f"**{_inert(in_progress(plan.holder, plan.recovery))}**", ""]
    if not plan.recovery:
        return []
    lines = ["| to recover | why | field | intended |", "|---|---|---|---|"]
    for item in plan.recovery:
        rows = [(path, how) for field in item.fields for path, how in field_lines(field, veil)] or [("", "")]
        why = _inert(recovery_words(item))
        lines += [f"| {_code(str(item.address))} | {why} | {_code(path)} | {_code(how)} |" for path, how in rows]
    return [*lines, ""]


def _rows(fields: Iterable[FieldChange], veil: Veil, *, created: bool) -> Iterator[str]:
    for field in fields:
        for path, how in field_lines(field, veil, created=created):
            yield f"| {_code(path)} | {_code(how)} | {_code(str(field.source)) if field.source else ''} |"


def _code(text: str) -> str:
    """A code span that nothing in the text can end, and that a table does not split."""
    text = printable(text).replace("|", "\\|")
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in _runs(text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text else f"`{text}`"


def _runs(text: str) -> Iterator[str]:
    run = ""
    for character in text:
        run = run + character if character == "`" else ""
        yield run


def _inert(text: str) -> str:
    """Text in which no character means anything to Markdown, HTML or GitHub's mentions."""
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{c}" if c in "\\`*_[]()#|!~" else "@\u200b" if c == "@" else c for c in text)
