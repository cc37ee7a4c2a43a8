"""What writes the answer of a command in each form: a form is a line here, and a choice of `--format` in `options.py`.

Whatever a form needs is loaded when it is asked for.
"""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from reconciler.render.values import json_text

if TYPE_CHECKING:
    from reconciler.core.failure import Failure
    from reconciler.wishes import Applied, Drifted, Planned, Validated

T = TypeVar("T")

COMMENT = 65_536
"""What a comment on GitHub holds at the most."""

SUMMARY = 1 << 20
"""What the summaries of one step of a job hold at the most on GitHub, in bytes."""

_ADDRESS_OF_RUN = re.compile(r"https://[\w.-]+(:\d+)?/[\w.-]+/[\w.-]+/actions/runs/\d+", re.ASCII)


@dataclass(frozen=True)
class Forms(Generic[T]):
    """How an answer is written.

    Args:
        written: by the name of the form.
        markdown: takes the budget besides; as the form `summary` it is added to a file of GitHub's.
    """

    written: Mapping[str, Callable[[T], str]]
    markdown: Callable[[T, int], str]

    def names(self) -> tuple[str, ...]:
        """The forms that a file can have."""
        return (*self.written, "markdown", "summary")

    def of(self, form: str, told: T, budget: int) -> str:
        """The answer in a form, without a line end after its last line."""
        said = self.written[form](told) if form in self.written else self.markdown(told, budget)
        return said.removesuffix("\n")


def _rest_of(otherwise: str, environ: Mapping[str, str] = os.environ) -> str:
    """Where everything is that has no room in Markdown: in a job of GitHub's the job, by its address."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environ.get(name, "") for name in names)
    address = f"{server}/{repository}/actions/runs/{run}"
    return f"[This run]({address})" if _ADDRESS_OF_RUN.fullmatch(address) else otherwise


def _plan_text(planned: "Planned") -> str:
    from reconciler.render.text import plan_text  # noqa: PLC0415

    return plan_text(planned.plan, blame=planned.blame)


def _plan_json(planned: "Planned") -> str:
    from reconciler.render.as_json import plan_json  # noqa: PLC0415

    return json_text(plan_json(planned.plan, blame=planned.blame, warnings=planned.warnings))


def _plan_markdown(planned: "Planned", budget: int) -> str:
    from reconciler.render.markdown import plan_markdown  # noqa: PLC0415

    where = _rest_of("`mlops plan`")
    return plan_markdown(planned.plan, budget=budget, blame=planned.blame, warnings=planned.warnings, where=where)


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


def _apply_markdown(applied: "Applied", budget: int) -> str:
    from reconciler.render.markdown import apply_markdown  # noqa: PLC0415

    return apply_markdown(applied.planned.plan, applied.outcomes, budget=budget, where=_rest_of("The log"))


def _apply_html(applied: "Applied") -> str:
    from reconciler.render.html import apply_html  # noqa: PLC0415

    made = applied.planned
    return apply_html(made.plan, applied.outcomes, warnings=made.warnings, drifts=made.drifts, blame=made.blame)


def _drift_text(found: "Drifted") -> str:
    from reconciler.render.text import drift_text  # noqa: PLC0415

    return drift_text(
        found.drifts, recorded=found.recorded, target=found.target, recovery=found.recovery, holder=found.holder
    )


def _drift_json(found: "Drifted") -> str:
    from reconciler.render.as_json import drift_json  # noqa: PLC0415

    return json_text(drift_json(found.drifts, target=found.target, recovery=found.recovery, holder=found.holder))


def _drift_markdown(found: "Drifted", budget: int) -> str:
    from reconciler.render.markdown_findings import drift_markdown  # noqa: PLC0415

    return drift_markdown(
        found.drifts,
        recorded=found.recorded,
        target=found.target,
        budget=budget,
        recovery=found.recovery,
        holder=found.holder,
        where=_rest_of("`mlops drift`"),
    )


def _drift_html(found: "Drifted") -> str:
    from reconciler.render.html_findings import drift_html  # noqa: PLC0415

    return drift_html(
        found.drifts, recorded=found.recorded, target=found.target, recovery=found.recovery, holder=found.holder
    )


def _drift_sarif(found: "Drifted") -> str:
    from reconciler.operate.places import below_root, places_of  # noqa: PLC0415
    from reconciler.render.sarif import drift_sarif  # noqa: PLC0415

    places = places_of(found.target)
    return json_text(drift_sarif(found.drifts, target=found.target, places=places, prefix=below_root()))


def _validate_text(validated: "Validated") -> str:
    from reconciler.render.text import problems_text  # noqa: PLC0415

    return problems_text(validated.problems, resources=len(validated.manifests))


def _validate_json(validated: "Validated") -> str:
    from reconciler.render.as_json import problems_json  # noqa: PLC0415

    return json_text(problems_json(validated.problems))


def _validate_markdown(validated: "Validated", budget: int) -> str:
    from reconciler.render.markdown_findings import problems_markdown  # noqa: PLC0415

    return problems_markdown(
        validated.problems, resources=len(validated.manifests), target=validated.target, budget=budget
    )


def _validate_sarif(validated: "Validated") -> str:
    from reconciler.operate.places import below_root  # noqa: PLC0415
    from reconciler.render.sarif import problems_sarif  # noqa: PLC0415

    return json_text(problems_sarif(validated.problems, target=validated.target, prefix=below_root()))


def _validate_junit(validated: "Validated") -> str:
    from reconciler.render.junit import problems_junit  # noqa: PLC0415

    files = (manifest.file for manifest in validated.manifests)
    return problems_junit(validated.problems, files=files, target=validated.target)


def _validate_github(validated: "Validated") -> str:
    from reconciler.operate.places import below_root  # noqa: PLC0415
    from reconciler.render.annotations import problems_annotations  # noqa: PLC0415

    return problems_annotations(validated.problems, resources=len(validated.manifests), prefix=below_root())


def _plan_prometheus(planned: "Planned") -> str:
    from reconciler.render.prometheus import plan_metrics  # noqa: PLC0415

    return plan_metrics(planned.plan, now=time.time())


def _apply_prometheus(applied: "Applied") -> str:
    from reconciler.errors import StepFailedError  # noqa: PLC0415
    from reconciler.render.prometheus import apply_metrics  # noqa: PLC0415

    code = 1 if applied.declined else 0 if applied.succeeded else StepFailedError.exit_code
    return apply_metrics(applied.planned.plan, applied.outcomes, now=time.time(), exit_code=code)


def _drift_prometheus(found: "Drifted") -> str:
    from reconciler.render.prometheus import drift_metrics  # noqa: PLC0415

    return drift_metrics(
        found.drifts,
        target=found.target,
        recorded=found.recorded,
        unfinished=len(found.recovery),
        silent=len(found.silent),
        now=time.time(),
    )


def _failure_prometheus(failure: "Failure") -> str:
    from reconciler.render.prometheus import failure_metrics  # noqa: PLC0415

    return failure_metrics(target=failure.target, command=failure.command, exit_code=failure.exit_code, now=time.time())


def _failure_json(failure: "Failure") -> str:
    from reconciler.render.as_json import failure_json  # noqa: PLC0415

    return json_text(failure_json(failure))


def _failure_markdown(failure: "Failure", budget: int) -> str:
    from reconciler.render.markdown_findings import failure_markdown  # noqa: PLC0415

    return failure_markdown(failure, budget=budget)


def _failure_text(failure: "Failure") -> str:
    from reconciler.render.text import failure_text  # noqa: PLC0415

    return failure_text(failure)


def _failure_html(failure: "Failure") -> str:
    from reconciler.render.html_findings import failure_html  # noqa: PLC0415

    return failure_html(failure)


def _failure_sarif(failure: "Failure") -> str:
    from reconciler.operate.places import below_root  # noqa: PLC0415
    from reconciler.render.sarif import failure_sarif  # noqa: PLC0415

    return json_text(failure_sarif(failure, prefix=below_root()))


def _failure_junit(failure: "Failure") -> str:
    from reconciler.render.junit import failure_junit  # noqa: PLC0415

    return failure_junit(failure)


def _failure_github(failure: "Failure") -> str:
    from reconciler.operate.places import below_root  # noqa: PLC0415
    from reconciler.render.annotations import failure_annotations  # noqa: PLC0415

    return failure_annotations(failure, prefix=below_root())


PLAN: Forms["Planned"] = Forms(
    {
        "text": _plan_text,
        "json": _plan_json,
        "html": _plan_html,
        "prometheus": _plan_prometheus,
    },
    _plan_markdown,
)
APPLY: Forms["Applied"] = Forms(
    {
        "text": _apply_text,
        "json": _apply_json,
        "html": _apply_html,
        "prometheus": _apply_prometheus,
    },
    _apply_markdown,
)
DRIFT: Forms["Drifted"] = Forms(
    {
        "text": _drift_text,
        "json": _drift_json,
        "html": _drift_html,
        "sarif": _drift_sarif,
        "prometheus": _drift_prometheus,
    },
    _drift_markdown,
)
VALIDATE: Forms["Validated"] = Forms(
    {
        "text": _validate_text,
        "json": _validate_json,
        "sarif": _validate_sarif,
        "junit": _validate_junit,
        "github": _validate_github,
    },
    _validate_markdown,
)
FAILED: Forms["Failure"] = Forms(
    {
        "text": _failure_text,
        "json": _failure_json,
        "html": _failure_html,
        "sarif": _failure_sarif,
        "junit": _failure_junit,
        "github": _failure_github,
        "prometheus": _failure_prometheus,
    },
    _failure_markdown,
)
