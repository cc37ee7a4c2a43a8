"""Plans and drifts as Markdown for a pull request; names and values from the files stay inert.

All of them stand in code: there alone neither Markdown nor GitHub, with its mentions, references and links, reads what
they say.
"""

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.core.plan import Action, FieldChange, Plan, Recovery
from reconciler.core.state import Drift
from reconciler.render.fields import field_lines
from reconciler.render.text import SYMBOLS, drift_summary, in_progress, recovery_words, summary
from reconciler.render.values import Veil, log_line

# Words of our own, and names of fields: letters, with underscores that stand inside of words.
_PLAIN = re.compile(r"(?:[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*[,;]? ?)+")


def plan_markdown(plan: Plan) -> str:
    """A table of steps, the fields of each folded below it."""
    veil = Veil()
    lines = [f"### mlops plan: {_code(plan.target)}", "", summary(plan, named=_code), ""]
    lines += _unfinished(plan.recovery, plan.holder, veil)
    if plan.steps:
        lines += ["| # | | action | resource | why | after |", "|--:|---|---|---|---|---|"]
        lines += [
            f"| {step.id} | `{SYMBOLS.get(step.action, '~')}` | {step.action} | {_code(str(step.address))} "
            f"| {_words(step.reason)} | {', '.join(map(str, step.needs))} |"
            for step in plan.steps
        ]
    for step in plan.steps:
        if step.fields:
            address = html.escape(log_line(str(step.address)))
            lines += ["", f"<details><summary>{step.id}: {step.action} <code>{address}</code></summary>", ""]
            lines += ["| field | change | where |", "|---|---|---|"]
            lines += _rows(step.fields, veil, created=step.action is Action.CREATE)
            lines += ["", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def drift_markdown(
    drifts: Sequence[Drift],
    *,
    recorded: int,
    target: str,
    recovery: Sequence[Recovery] = (),
    holder: Mapping[str, str | int] | None = None,
) -> str:
    """One row a field that is not as recorded."""
    veil = Veil()
    said = drift_summary(drifts, recorded=recorded, target=target, named=_code)
    lines = [f"### mlops drift: {_code(target)}", "", *said, ""]
    lines += _unfinished(recovery, holder, veil)
    if drifts:
        lines += ["| resource | class | field | recorded -> live |", "|---|---|---|---|"]
    for drift in drifts:
        rows = [(path, how) for field in drift.fields for path, how in field_lines(field, veil)] or [("", drift.note)]
        lines += [
            f"| {_code(str(drift.address))} | {drift.kind} | {_code(path)} | {_code(how)} |" for path, how in rows
        ]
    return "\n".join(lines).rstrip() + "\n"


def _unfinished(under_way: Sequence[Recovery], holder: Mapping[str, str | int] | None, veil: Veil) -> list[str]:
    """Who is at work, or what a run left without an end."""
    if holder is not None:
        return [f"**{_code(in_progress(holder, under_way))}**", ""]
    if not under_way:
        return []
    lines = ["| to recover | why | field | intended |", "|---|---|---|---|"]
    for item in under_way:
        rows = [(path, how) for field in item.fields for path, how in field_lines(field, veil)] or [("", "")]
        why = _words(recovery_words(item))
        lines += [f"| {_code(str(item.address))} | {why} | {_code(path)} | {_code(how)} |" for path, how in rows]
    return [*lines, ""]


def _rows(fields: Iterable[FieldChange], veil: Veil, *, created: bool) -> Iterator[str]:
    for field in fields:
        for path, how in field_lines(field, veil, created=created):
            yield f"| {_code(path)} | {_code(how)} | {_code(str(field.source)) if field.source else ''} |"


def _words(text: str) -> str:
    """Words of our own as they are; whatever else, in code."""
    return text if _PLAIN.fullmatch(text) else _code(text)


def _code(text: str) -> str:
    """A code span that nothing in the text can end, and that a table does not split."""
    # A backslash right before the one that keeps a bar inside its cell would take its meaning away.
    text = log_line(text).replace("\\|", "\\ |").replace("|", "\\|")
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence} {text} {fence}" if "`" in text or not text.strip() else f"`{text}`"
