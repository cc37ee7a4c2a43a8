"""What writes a plan and an apply in each form; whatever a form needs is loaded when it is asked for."""

import time
from functools import partial
from typing import TYPE_CHECKING

from reconciler.cli.form import Forms, rest_of
from reconciler.render.values import json_text

if TYPE_CHECKING:
    from reconciler.wishes import Applied, Planned


def _plan_text(planned: "Planned") -> str:
    from reconciler.render.text import plan_text  # noqa: PLC0415

    return plan_text(planned.plan, blame=planned.blame)


def _plan_json(planned: "Planned") -> str:
    from reconciler.render.as_json import plan_json  # noqa: PLC0415

    return json_text(plan_json(planned.plan, blame=planned.blame, warnings=planned.warnings))


def _plan_markdown(planned: "Planned", budget: int, *, command: str = "plan") -> str:
    from reconciler.render.markdown import plan_markdown  # noqa: PLC0415

    where, told = rest_of(f"`mlops {command}`"), planned.warnings
    return plan_markdown(planned.plan, budget=budget, blame=planned.blame, warnings=told, where=where, command=command)


def _plan_html(planned: "Planned") -> str:
    from reconciler.render.html import plan_html  # noqa: PLC0415

    return plan_html(planned.plan, warnings=planned.warnings, drifts=planned.drifts, blame=planned.blame)


def _apply_text(applied: "Applied") -> str:
    from reconciler.render.text import outcomes_text, summary  # noqa: PLC0415

    if applied.declined:
        return "Nothing was changed."
    return outcomes_text(applied.outcomes) if applied.outcomes else summary(applied.planned.plan)


def _apply_json(applied: "Applied") -> str:
    from reconciler.render.as_json import apply_json  # noqa: PLC0415

    planned, outcomes, declined = applied.planned, applied.outcomes, applied.declined
    told = apply_json(planned.plan, outcomes, declined=declined, blame=planned.blame, warnings=planned.warnings)
    return json_text(told)


def _apply_markdown(applied: "Applied", budget: int, *, command: str = "apply") -> str:
    from reconciler.render.markdown import apply_markdown  # noqa: PLC0415

    where = rest_of("The log")
    return apply_markdown(applied.planned.plan, applied.outcomes, budget=budget, where=where, command=command)


def _apply_html(applied: "Applied") -> str:
    from reconciler.render.html import apply_html  # noqa: PLC0415

    made = applied.planned
    return apply_html(made.plan, applied.outcomes, warnings=made.warnings, drifts=made.drifts, blame=made.blame)


def _plan_prometheus(planned: "Planned") -> str:
    from reconciler.render.prometheus import plan_metrics  # noqa: PLC0415

    return plan_metrics(planned.plan, now=time.time())


def _apply_prometheus(applied: "Applied") -> str:
    from reconciler.errors import StepFailedError  # noqa: PLC0415
    from reconciler.render.prometheus import apply_metrics  # noqa: PLC0415

    code = 1 if applied.declined else 0 if applied.succeeded else StepFailedError.exit_code
    return apply_metrics(applied.planned.plan, applied.outcomes, now=time.time(), exit_code=code)


PLAN: "Forms[Planned]" = Forms(
    {
        "text": _plan_text,
        "json": _plan_json,
        "html": _plan_html,
        "prometheus": _plan_prometheus,
    },
    _plan_markdown,
)
APPLY: "Forms[Applied]" = Forms(
    {
        "text": _apply_text,
        "json": _apply_json,
        "html": _apply_html,
        "prometheus": _apply_prometheus,
    },
    _apply_markdown,
)
# Reports of their own, which take no other's place in a comment.
ROLLBACK_PLAN = Forms(PLAN.written, partial(_plan_markdown, command="rollback"))
ROLLBACK = Forms(APPLY.written, partial(_apply_markdown, command="rollback"))
