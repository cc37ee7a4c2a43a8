"""Drift, and why a command came to nothing, as HTML."""

from collections.abc import Mapping, Sequence

from reconciler.core.failure import Failure
from reconciler.core.plan import Plan, Recovery
from reconciler.core.state import Drift, DriftClass
from reconciler.render.html import made_from
from reconciler.render.html_fields import Known
from reconciler.render.html_graph import graph
from reconciler.render.html_notes import drift_cards, listed, silence, unfinished
from reconciler.render.html_page import facts, head, page, tile
from reconciler.render.html_parts import code, cut, esc, said, some
from reconciler.render.html_steps import steps_list
from reconciler.render.html_traffic import drifted_shifts, planned_shifts, traffic
from reconciler.render.text import drift_summary

_MOST_DRIFTS = 1000


def drift_html(
    drifts: Sequence[Drift],
    *,
    recorded: int,
    target: str,
    recovery: Sequence[Recovery] = (),
    holder: Mapping[str, str | int] | None = None,
    silent: Sequence[str] = (),
) -> str:
    """What changed behind git's back, recorded beside live.

    Args:
        drifts: what is not as recorded.
        recorded: how many resources are.
        target: the name of the target.
        recovery: operations that have no end.
        holder: who is at work on the target at the moment; None when nobody is.
        silent: instances that do not say what they serve, and why.
    """
    amiss = [drift for drift in drifts if drift.kind is not DriftClass.EXPECTED]
    expected = [drift for drift in drifts if drift.kind is DriftClass.EXPECTED]
    what = f"{some(len(amiss), 'resource')} drifted on" if amiss else "No drift on"
    lede = said(" ".join(drift_summary(drifts, recorded=recorded, target=target, named=code)))
    counts = {kind: sum(drift.kind is kind for drift in drifts) for kind in DriftClass}
    return page(
        f"mlops drift: {target}",
        [
            head("drift", f"{what} {code(target)}", lede, [tile(k, count, k) for k, count in counts.items() if count]),
            "<main>",
            unfinished(recovery, holder, Known()),
            silence(silent),
            traffic(drifted_shifts(drifts), ("recorded", "live")),
            _drift_list("Resources", amiss),
            _drift_list("Expected", expected),
            "</main>",
            facts({"target": target, "recorded resources": str(recorded)}),
        ],
    )


def _drift_list(title: str, drifts: Sequence[Drift]) -> str:
    if not drifts:
        return ""
    left = len(drifts) - _MOST_DRIFTS
    more = f'<p class="hint">and {left:,} more</p>' if left > 0 else ""
    return f"<section><h2>{title}</h2>{drift_cards(drifts[:_MOST_DRIFTS], Known())}{more}</section>"


def failure_html(failure: Failure) -> str:
    """Why a command came to nothing, and what was refused."""
    errors = [problem for problem in failure.problems if problem.is_error]
    others = [problem for problem in failure.problems if not problem.is_error]
    where = f" on {code(failure.target)}" if failure.target else ""
    lede = f"Nothing was changed; it ended with exit code {failure.exit_code}."
    return page(
        f"mlops {failure.command}: {failure.target}",
        [
            head(failure.command, f"{failure.command.capitalize()} failed{where}", lede, []),
            "<main>",
            listed(errors, "problem", "bad") if errors else _message(failure.message),
            listed(others, "warning", "warn"),
            _refused(failure.plan) if failure.plan else "",
            "</main>",
            made_from(failure.plan) if failure.plan else facts({"target": failure.target}),
        ],
    )


def _message(message: str) -> str:
    lines = "<br>".join(esc(cut(line, 2000)) for line in message.splitlines()[:200])
    return f'<p class="note bad">{lines}</p>'


def _refused(plan: Plan) -> str:
    shifts = traffic(planned_shifts(plan.steps), ("before", "refused"))
    return f"{shifts}{graph(plan.steps)}{steps_list(plan.steps, Known())}"
