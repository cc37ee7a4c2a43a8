"""The steps of a plan, a part of the page an endpoint: what each does, why, and of an apply how it ended."""

from collections.abc import Iterable, Mapping, Sequence

from reconciler.core.plan import Action, Outcome, Result, Step
from reconciler.render.html_fields import Known, Sides, fields_table
from reconciler.render.html_layout import Lane, lanes
from reconciler.render.html_parts import NOT_BEGUN, code, counted, cut, esc, icon, pill, words

Outcomes = Mapping[int, Outcome] | None
"""What steps did, by their ids; None for a plan that nobody began."""

MOST_OPEN = 60
"""Of a plan with more steps the parts are folded."""

_MOST_NEEDS, _MOST_AMISS = 12, 20
_AMISS = (Result.FAILED, Result.UNKNOWN)


def steps_list(steps: Sequence[Step], known: Known, outcomes: Outcomes = None) -> str:
    """Every step with its fields, grouped as the picture is."""
    if not steps:
        return ""
    is_open = len(steps) <= MOST_OPEN
    parts = "".join(_lane(lane, known, outcomes, is_open=is_open or _is_amiss(lane, outcomes)) for lane in lanes(steps))
    return f'<section aria-labelledby="h-steps"><h2 id="h-steps">Steps</h2>{parts}</section>'


def amiss(outcomes: Sequence[Outcome]) -> str:
    """What did not end well, with the last lines of its logs, before everything else."""
    found = [outcome for outcome in outcomes if outcome.result in _AMISS]
    if not found:
        return ""
    left = len(found) - _MOST_AMISS
    more = f'<p class="hint">and {left:,} more, below</p>' if left > 0 else ""
    items = "".join(
        f'<h3><a href="#step-{each.step.id}">#{each.step.id}</a> {pill(each.result)} {words(each.step.action)} '
        f"{code(str(each.step.address))}</h3>{_message(each)}{_log(each.log_tail)}"
        for each in found[:_MOST_AMISS]
    )
    return f'<section class="note bad"><h2>{icon(Result.FAILED)} Did not succeed</h2>{items}{more}</section>'


def _is_amiss(lane: Lane, outcomes: Outcomes) -> bool:
    ended = (outcomes or {}).get
    return any((outcome := ended(step.id)) and outcome.result in _AMISS for step in lane.steps)


def _lane(lane: Lane, known: Known, outcomes: Outcomes, *, is_open: bool) -> str:
    name = f"endpoint {code(lane.family)}" if lane.family else "models and environments"
    counts = ", ".join(f"{count:,} {words(what)}" for what, count in counted(lane.steps, outcomes).items())
    body = "".join(_step(step, known, outcomes) for step in lane.steps)
    return (
        f'<details class="lane" id="lane-{lane.number}"{" open" if is_open else ""}>'
        f'<summary><h3>{name}</h3><span class="hint">{counts}</span></summary>{body}</details>'
    )


def _step(step: Step, known: Known, outcomes: Outcomes) -> str:
    waits = f' <span class="after">after {_links(step.needs)}</span>' if step.needs else ""
    table = fields_table(step.fields, known, Sides("before", "after"), created=step.action is Action.CREATE)
    return (
        f'<article class="card step" id="step-{step.id}"><h4><span class="id">#{step.id}</span> {pill(step.action)} '
        f"{code(str(step.address))}</h4>{_ended(step, outcomes)}"
        f'<p class="reason">{esc(cut(step.reason, 2000))}{waits}</p>{table}</article>'
    )


def _links(needs: Sequence[int]) -> str:
    left = len(needs) - _MOST_NEEDS
    shown = " ".join(f'<a href="#step-{need}">#{need}</a>' for need in needs[:_MOST_NEEDS])
    return f"{shown} and {left:,} more" if left > 0 else shown


def _ended(step: Step, outcomes: Outcomes) -> str:
    """How a step ended; for one that failed what was said, and what its logs say."""
    if outcomes is None:
        return ""
    outcome = outcomes.get(step.id)
    if outcome is None:
        return f'<p class="ended">{pill(NOT_BEGUN)}</p>'
    took = f' <span class="hint">in {outcome.seconds:.1f} s</span>' if outcome.seconds else ""
    return f'<p class="ended">{pill(outcome.result)}{took}</p>{_message(outcome)}{_log(outcome.log_tail)}'


def _message(outcome: Outcome) -> str:
    return f'<p class="message">{esc(cut(outcome.message, 4000))}</p>' if outcome.message else ""


def _log(lines: Iterable[str]) -> str:
    text = "\n".join(esc(cut(line, 2000)) for line in lines)
    return f'<pre aria-label="last lines of its log">{text}</pre>' if text else ""
