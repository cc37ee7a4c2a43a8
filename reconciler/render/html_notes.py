"""What a reader must know beside the steps: who is at work, what was cut off, warnings, drift, pins."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.plan import Plan, Recovery
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.render.html_fields import Known, Sides, fields_table
from reconciler.render.html_parts import code, cut, esc, icon, pill, some
from reconciler.render.text import by_command_words, drift_words, in_progress, recovery_words

_MOST = 200


def notes(plan: Plan, warnings: Sequence[Problem], drifts: Sequence[Drift], known: Known) -> str:
    """Everything of a plan that asks for attention, in the order of its weight."""
    return "".join(
        (unfinished(plan.recovery, plan.holder, known), listed(warnings, "warning", "warn"), _drifted(drifts, known))
    )


def unfinished(recovery: Sequence[Recovery], holder: Mapping[str, str | int] | None, known: Known) -> str:
    """Who is at work, or what a run left without an end."""
    if holder is not None:
        return f'<p class="note warn">{icon("warning")} {esc(cut(in_progress(holder, recovery), 2000))}</p>'
    if not recovery:
        return ""
    items = "".join(_recovery(item, known) for item in recovery[:_MOST])
    return (
        f'<section class="note warn"><h2>{icon("warning")} {some(len(recovery), "operation")} without an end</h2>'
        "<p>A run was cut off. Apply looks at what is there before it does anything else.</p>"
        f"{items}{_left(recovery)}</section>"
    )


def _recovery(item: Recovery, known: Known) -> str:
    table = fields_table(item.fields, known, Sides("before", "intended"))
    return f"<h3>{code(str(item.address))}</h3><p>{esc(recovery_words(item))}</p>{table}"


def listed(problems: Sequence[Problem], noun: str, look: str) -> str:
    """What is wrong in the files, or may be."""
    if not problems:
        return ""
    items = "".join(
        f"<li><b>{esc(each.code)}</b> {esc(cut(each.message, 2000))} "
        f'<span class="place">{esc(f"{each.file}:{each.line}:{each.column}")}</span></li>'
        for each in problems[:_MOST]
    )
    return (
        f'<section class="note {look}"><h2>{icon("warning")} {some(len(problems), noun)}</h2>'
        f"<ul>{items}</ul>{_left(problems)}</section>"
    )


def silence(silent: Sequence[str]) -> str:
    """Of which instances nobody knows what they serve."""
    if not silent:
        return ""
    items = "".join(f"<li>{esc(cut(each, 2000))}</li>" for each in silent[:_MOST])
    return (
        f'<section class="note warn"><h2>{icon("warning")} Not known what is served: '
        f"{some(len(silent), 'instance')}</h2><ul>{items}</ul>{_left(silent)}</section>"
    )


def _drifted(drifts: Sequence[Drift], known: Known) -> str:
    if not drifts:
        return ""
    return (
        f'<section class="note drift"><h2>{icon(DriftClass.CHANGED)} Live is not as recorded: '
        f"{some(len(drifts), 'resource')}</h2><p>The plan is made as if the record said what is live.</p>"
        f"{drift_cards(drifts[:_MOST], known)}{_left(drifts)}</section>"
    )


def drift_cards(drifts: Iterable[Drift], known: Known) -> str:
    """One part a resource: its class, and each field as it is recorded and live."""
    return "".join(
        f'<article class="card drifted"><h3>{pill(drift.kind)} {code(str(drift.address))}</h3>'
        f"{f'<p>{esc(cut(drift.note, 2000))}</p>' if drift.note else ''}"
        f"{fields_table(drift.fields, known, Sides(*drift_words(drift.kind), ('plain', 'odd')))}</article>"
        for drift in drifts
    )


def _left(found: Sequence[object]) -> str:
    left = len(found) - _MOST
    return f'<p class="hint">and {left:,} more</p>' if left > 0 else ""


def pins(found: Mapping[str, str]) -> str:
    """What moving names meant when the plan was made."""
    if not found:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{code(cut(label, 400))}</th><td>{code(cut(pinned, 400))}</td></tr>'
        for label, pinned in sorted(found.items())[:_MOST]
    )
    return (
        '<section aria-labelledby="h-pins"><h2 id="h-pins">Pinned</h2><table class="pairs"><thead><tr>'
        f'<th scope="col">name</th><th scope="col">is</th></tr></thead><tbody>{rows}</tbody></table></section>'
    )


def registered(plan: Plan) -> str:
    """What a command registered and no file defines."""
    return f'<p class="hint">{by_command_words(plan, named=_name)}</p>' if plan.by_command else ""


def _name(text: str) -> str:
    return code(cut(text, 400))
