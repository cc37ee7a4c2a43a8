"""Everything that a run may print, and what the record keeps, as text in which a canary can be looked for."""

import json
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.plan import Outcome, Plan, plan_body
from reconciler.core.secret import Secret
from reconciler.core.state import Drift
from reconciler.pipeline import Applied, Planned
from reconciler.render import as_json, markdown, markdown_findings, text


def of_run(ended: object, told: Sequence[Outcome]) -> Iterator[str]:
    """What a run may print of how it ended, and of its steps."""
    yield from of_outcomes(told)
    if isinstance(ended, Applied):
        yield from of_plan(ended.planned)
        yield from of_outcomes(ended.outcomes)
    if isinstance(ended, BaseException):
        yield of_error(ended)


def of_plan(planned: Planned) -> Iterator[str]:
    """A plan in each of its forms."""
    made: Plan = planned.plan
    yield text.plan_text(made)
    yield markdown.plan_markdown(made)
    yield json.dumps(as_json.plan_json(made))
    yield json.dumps(plan_body(made))
    yield repr(planned)
    yield from of_drifts(planned.drifts)


def of_drifts(drifts: Sequence[Drift]) -> Iterator[str]:
    """Drifts in each of their forms."""
    yield text.drift_text(drifts, recorded=0, target="dev")
    yield markdown_findings.drift_markdown(drifts, recorded=0, target="dev")
    yield json.dumps(as_json.drift_json(drifts, target="dev"))


def of_outcomes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Outcomes in each of their forms."""
    yield text.outcomes_text(outcomes)
    yield json.dumps(as_json.outcomes_json(outcomes, {outcome.step.id: "" for outcome in outcomes}))
    yield repr(outcomes)


def of_error(error: BaseException) -> str:
    """An error as `--debug` shows it."""
    return "".join(traceback.format_exception(error))


def known_secrets(value: Any, path: str = "") -> Iterator[str]:
    """Where in a spec the value of a secret is at hand."""
    if isinstance(value, Secret) and value.value is not None:
        yield path
    for key, item in value.items() if isinstance(value, Mapping) else ():
        yield from known_secrets(item, f"{path}.{key}")
