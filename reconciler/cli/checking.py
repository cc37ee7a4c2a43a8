"""The commands that check and change nothing: drift and validate."""

from typing import Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.saying import put, say
from reconciler.cli.wishes import overrides_of, variables_of
from reconciler.render.values import json_text


def drift(
    target: o.Target = None, report: o.Format = o.Report.TEXT, detailed_exitcode: o.DetailedExitcode = False
) -> int:
    """Report what changed behind git's back.

    The record is compared with the live side; the files take no part in it.

    \b
    Examples:
      mlops drift
      mlops drift --detailed-exitcode --format json     exit code 2 when something drifted
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.render import as_json, markdown, text  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        found = pipeline.drift(workspace)
        name = workspace.target.name
    drifts, recorded, recovery, holder = found.drifts, found.recorded, found.recovery, found.holder
    if report is o.Report.JSON:
        put(json_text(as_json.drift_json(drifts, target=name, recovery=recovery, holder=holder)))
        return 2 if detailed_exitcode and found.counts else 0
    form = markdown.drift_markdown if report is o.Report.MARKDOWN else text.drift_text
    told = form(drifts, recorded=recorded, target=name, recovery=recovery, holder=holder)
    if report is o.Report.MARKDOWN:
        put(told.removesuffix("\n"))
    else:
        say(told, colours=True)
    return 2 if detailed_exitcode and found.counts else 0


def validate(
    paths: o.Paths = None,
    target: o.Target = None,
    report: Annotated[o.Findings, typer.Option("--format", help="How to print it.")] = o.Findings.TEXT,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    name: o.Name = "",
    endpoint_name: o.EndpointName = "",
    offline: Annotated[  # noqa: ARG001 - a validation opens no connection anyway, so that a script may say it of both
        bool, typer.Option("--offline", envvar="MLOPS_OFFLINE", help="Open no connection; a validation never does.")
    ] = False,
) -> int:
    """Check the files alone, without a platform.

    Nothing of theirs is imported or run. Every problem of every file comes in one answer.

    \b
    Examples:
      mlops validate
      mlops validate blue-deployment.yml --endpoint-name credit
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.render.as_json import problems_json  # noqa: PLC0415

    wish = pipeline.Wish(tuple(paths or ()), variables_of(variables), overrides_of(overrides), name, endpoint_name)
    loaded, problems = pipeline.validate(wish, target)
    errors = sum(problem.is_error for problem in problems)
    if report is o.Findings.JSON:
        put(json_text(problems_json(problems)))
    else:
        for problem in problems:
            say(problem)
        warnings = len(problems) - errors
        say(f"{_some(len(loaded.manifests), 'resource')}: {_some(errors, 'error')}, {_some(warnings, 'warning')}")
    return 1 if errors else 0


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
