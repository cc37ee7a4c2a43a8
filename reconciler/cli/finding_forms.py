"""What writes drift, a validation and why a command came to nothing in each form; as `plan_forms.py` for the rest."""

import time
from typing import TYPE_CHECKING

from reconciler.cli.form import Forms, rest_of
from reconciler.render.values import json_text

if TYPE_CHECKING:
    from reconciler.core.failure import Failure
    from reconciler.wishes import Drifted, Validated


def _drift_text(found: "Drifted") -> str:
    from reconciler.render.text import drift_text  # noqa: PLC0415

    return drift_text(
        found.drifts, recorded=found.recorded, target=found.target, recovery=found.recovery, holder=found.holder
    )


def _drift_json(found: "Drifted") -> str:
    from reconciler.render.as_json import drift_json  # noqa: PLC0415

    told = drift_json(
        found.drifts, target=found.target, recovery=found.recovery, holder=found.holder, silent=found.silent
    )
    return json_text(told)


def _drift_markdown(found: "Drifted", budget: int) -> str:
    from reconciler.render.markdown_findings import drift_markdown  # noqa: PLC0415

    return drift_markdown(
        found.drifts,
        recorded=found.recorded,
        target=found.target,
        budget=budget,
        recovery=found.recovery,
        holder=found.holder,
        where=rest_of("`mlops drift`"),
    )


def _drift_html(found: "Drifted") -> str:
    from reconciler.render.html_findings import drift_html  # noqa: PLC0415

    return drift_html(
        found.drifts,
        recorded=found.recorded,
        target=found.target,
        recovery=found.recovery,
        holder=found.holder,
        silent=found.silent,
    )


def _drift_sarif(found: "Drifted") -> str:
    from reconciler.operate.places import below_root, manifests_of  # noqa: PLC0415
    from reconciler.render.sarif import drift_sarif  # noqa: PLC0415

    manifests = manifests_of(found.target)
    return json_text(drift_sarif(found.drifts, target=found.target, manifests=manifests, prefix=below_root()))


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


DRIFT: "Forms[Drifted]" = Forms(
    {
        "text": _drift_text,
        "json": _drift_json,
        "html": _drift_html,
        "sarif": _drift_sarif,
        "prometheus": _drift_prometheus,
    },
    _drift_markdown,
)
VALIDATE: "Forms[Validated]" = Forms(
    {
        "text": _validate_text,
        "json": _validate_json,
        "sarif": _validate_sarif,
        "junit": _validate_junit,
        "github": _validate_github,
    },
    _validate_markdown,
)
FAILED: "Forms[Failure]" = Forms(
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
