"""Plans and applies as HTML: one file for a browser, without a script and without a request."""

from collections.abc import Mapping, Sequence

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.plan import Outcome, Plan, Result
from reconciler.core.problem import Problem
from reconciler.core.state import Drift
from reconciler.render.html_fields import Known
from reconciler.render.html_graph import graph
from reconciler.render.html_notes import notes, pins, registered
from reconciler.render.html_page import facts, head, page, tile
from reconciler.render.html_parts import NOBODY, NOT_BEGUN, code, counted, some, words
from reconciler.render.html_steps import amiss, steps_list
from reconciler.render.html_traffic import planned_shifts, traffic
from reconciler.render.text import summary


def plan_html(
    plan: Plan,
    *,
    warnings: Sequence[Problem] = (),
    drifts: Sequence[Drift] = (),
    blame: Mapping[Source, Blame] = NOBODY,
    command: str = "plan",
) -> str:
    """A plan for whoever is to say yes to it.

    Args:
        plan: what is to be done.
        warnings: of the files.
        drifts: what is not as recorded; the plan is made as if it were.
        blame: who last wrote the places of the fields.
        command: whose plan it is.
    """
    known = Known(blame)
    what = f"{some(len(plan.steps), 'step')} on" if plan.steps else "No changes on"
    tiles = [tile(name, count, f"to {words(name)}") for name, count in counted(plan.steps, None).items()]
    return page(
        f"mlops {command}: {plan.target}",
        [
            head(command, f"{what} {code(plan.target)}", summary(plan, named=code, command=command), tiles),
            "<main>",
            notes(plan, warnings, drifts, known),
            traffic(planned_shifts(plan.steps), ("before", "after")),
            graph(plan.steps),
            steps_list(plan.steps, known),
            pins(plan.pins),
            registered(plan),
            "</main>",
            made_from(plan),
        ],
    )


def apply_html(
    plan: Plan,
    outcomes: Sequence[Outcome],
    *,
    warnings: Sequence[Problem] = (),
    drifts: Sequence[Drift] = (),
    blame: Mapping[Source, Blame] = NOBODY,
    command: str = "apply",
) -> str:
    """A plan with what its steps did; those without an outcome were not begun.

    Args:
        plan: what was to be done.
        outcomes: what came of it.
        warnings: of the files.
        drifts: what was not as recorded before.
        blame: who last wrote the places of the fields.
        command: whose plan it is.
    """
    known, ended = Known(blame), {outcome.step.id: outcome for outcome in outcomes}
    tiles = [tile(name, count, words(name)) for name, count in counted(plan.steps, ended).items()]
    return page(
        f"mlops {command}: {plan.target}",
        [
            head(command, _came_of(plan, ended), summary(plan, named=code, command=command), tiles),
            "<main>",
            amiss(outcomes),
            notes(plan, warnings, drifts, known),
            graph(plan.steps, ended),
            traffic(planned_shifts(plan.steps), ("before", "planned")),
            steps_list(plan.steps, known, ended),
            pins(plan.pins),
            "</main>",
            made_from(plan),
        ],
    )


def _came_of(plan: Plan, ended: Mapping[int, Outcome]) -> str:
    """How an apply ended, the worst first."""
    counts, where = counted(plan.steps, ended), f"on {code(plan.target)}"
    whole = some(len(plan.steps), "step")
    for result in (Result.FAILED, Result.UNKNOWN, Result.SKIPPED, NOT_BEGUN):
        if result in counts:
            how = {Result.UNKNOWN: "ended nobody knows how", NOT_BEGUN: "not begun"}.get(result, result)
            return f"{counts[result]:,} of {whole} {how} {where}"
    return f"{whole} done {where}" if plan.steps else f"Nothing to do {where}"


def made_from(plan: Plan) -> str:
    """What a plan was made from."""
    return facts(
        {
            "target": plan.target,
            "plan digest": plan.digest,
            "tree": plan.tree,
            "state": plan.lineage and f"{plan.lineage}, serial {plan.serial}",
            "platform": f"not asked: against {plan.against or 'the record alone'}" if plan.offline else "",
        }
    )
