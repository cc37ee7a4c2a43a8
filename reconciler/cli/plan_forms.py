"""What writes a plan and an apply in each form; whatever a form needs is loaded when it is asked for."""

import time
from functools import partial
from typing import TYPE_CHECKING

from reconciler.cli.form import Forms, rest_of
from reconciler.render.values import json_text

if TYPE_CHECKING:
    from reconciler.wishes import Applied, Planned


def _plan_text(planned: "Planned", *, command: str) -> str:
    from reconciler.render.text import plan_text  # noqa: PLC0415

    return plan_text(planned.plan, blame=planned.blame, command=command)


def _plan_json(planned: "Planned") -> str:
    from reconciler.render.as_json import plan_json  # noqa: PLC0415

    return json_text(plan_json(planned.plan, blame=planned.blame, warnings=planned.warnings))


def _plan_markdown(planned: "Planned", budget: int, *, command: str) -> str:
    from reconciler.render.markdown import plan_markdown  # noqa: PLC0415

    where, told = rest_of(f"`mlops {command}`"), planned.warnings
    return plan_markdown(planned.plan, budget=budget, blame=planned.blame, warnings=told, where=where, command=command)


def _plan_html(planned: "Planned", *, command: str) -> str:
    from reconciler.render.html import plan_html  # noqa: PLC0415

    told, drifts = planned.warnings, planned.drifts
    return plan_html(planned.plan, warnings=told, drifts=drifts, blame=planned.blame, command=command)


def _apply_text(applied: "Applied", *, command: str) -> str:
    from reconciler.render.text import outcomes_text, summary  # noqa: PLC0415

    if applied.declined:
        return "Nothing was changed."
    if not applied.outcomes:
        return summary(applied.planned.plan, command=command)
    return outcomes_text(applied.outcomes, command=command)


def _apply_json(applied: "Applied") -> str:
    from reconciler.render.as_json import apply_json  # noqa: PLC0415

    planned, outcomes, declined = applied.planned, applied.outcomes, applied.declined
    told = apply_json(planned.plan, outcomes, declined=declined, blame=planned.blame, warnings=planned.warnings)
    return json_text(told)


def _apply_markdown(applied: "Applied", budget: int, *, command: str) -> str:
    from reconciler.render.markdown import apply_markdown  # noqa: PLC0415

    where = rest_of("The log")
    return apply_markdown(applied.planned.plan, applied.outcomes, budget=budget, where=where, command=command)


def _apply_html(applied: "Applied", *, command: str) -> str:
    from reconciler.render.html import apply_html  # noqa: PLC0415

    made, told = applied.planned, applied.planned.warnings
    return apply_html(made.plan, applied.outcomes, warnings=told, drifts=made.drifts, blame=made.blame, command=command)


def _plan_prometheus(planned: "Planned", *, command: str) -> str:
    from reconciler.render.prometheus import plan_metrics  # noqa: PLC0415

    return plan_metrics(planned.plan, now=time.time(), command=command)


def _apply_prometheus(applied: "Applied", *, command: str) -> str:
    from reconciler.errors import StepFailedError  # noqa: PLC0415
    from reconciler.render.prometheus import apply_metrics  # noqa: PLC0415

    code = 1 if applied.declined else 0 if applied.succeeded else StepFailedError.exit_code
    return apply_metrics(applied.planned.plan, applied.outcomes, now=time.time(), exit_code=code, command=command)


def _plan_of(command: str) -> "Forms[Planned]":
    return Forms(
        {
            "text": partial(_plan_text, command=command),
            "json": _plan_json,
            "html": partial(_plan_html, command=command),
            "prometheus": partial(_plan_prometheus, command=command),
        },
        partial(_plan_markdown, command=command),
    )


def _done_by(command: str) -> "Forms[Applied]":
    return Forms(
        {
            "text": partial(_apply_text, command=command),
            "json": _apply_json,
            "html": partial(_apply_html, command=command),
            "prometheus": partial(_apply_prometheus, command=command),
        },
        partial(_apply_markdown, command=command),
    )


PLAN = _plan_of("plan")
APPLY = _done_by("apply")
DESTROY = _done_by("destroy")
# Reports of their own, which take no other's place in a comment.
ROLLBACK_PLAN = _plan_of("rollback")
ROLLBACK = _done_by("rollback")
