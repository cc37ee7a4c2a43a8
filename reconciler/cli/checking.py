"""The commands that check and change nothing: drift and validate."""

from typing import Annotated

from reconciler.cli import options as o
from reconciler.cli.declaring import Option, misread
from reconciler.cli.finding_forms import DRIFT, VALIDATE
from reconciler.cli.reporting import Reports
from reconciler.cli.saying import warn
from reconciler.cli.wishes import wish_of
from reconciler.errors import ManifestError


def drift(
    target: o.Target = None,
    form: o.DriftFormat = o.DriftReport.TEXT,
    written: o.Written = None,
    served: Annotated[
        bool, Option("--served/--no-served", help="Ask each instance which code and model it has loaded.")
    ] = True,
    watched: Annotated[
        bool, Option("--watch", help="Look again and again, and print what the look before did not find.")
    ] = False,
    interval: Annotated[
        str, Option("--interval", metavar="SPAN", help="Between two looks of a watch: 30s, 5m; by default 1m.")
    ] = "",
    cached: o.Cached = True,
    detailed_exitcode: o.DetailedExitcode = False,
) -> int:
    """Report what changed behind git's back.

    The record is compared with the live side, and with what each instance says that it has loaded; the files take no
    part in it. A watch tells outages of the platform and goes on; SIGTERM ends it with 0, Ctrl-C with 130.

    \b
    Examples:
      mlops drift
      mlops drift --detailed-exitcode --format json     exit code 2 when something drifted
      mlops drift --watch --interval 30s --report prometheus=/var/lib/node_exporter/mlops.prom
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.apply import Pace  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    if watched and detailed_exitcode:
        raise misread("a watch has no end that could tell", "--detailed-exitcode")
    if interval and not watched:
        raise misread("without --watch there is one look", "--interval")
    if watched:
        from reconciler.cli.drift_watching import watch  # noqa: PLC0415 - one look needs nothing of it

        return watch(target, form, written, interval or "1m", served=served, cached=cached)
    reports = Reports(written, "drift", DRIFT)
    with reports.of(target):
        with open_workspace(target, cached=cached) as workspace:
            reports.target = workspace.target.name
            drifted = pipeline.drift(workspace, served=served, pace=Pace(told=warn), cached=cached)
        reports.write(drifted)
        reports.print(drifted, form)
    if drifted.silent:
        more = f"; and {len(drifted.silent) - 3} more" if len(drifted.silent) > 3 else ""
        warn(f"Not known what is served: {'; '.join(drifted.silent[:3])}{more}.")
    return 2 if detailed_exitcode and drifted.counts else 0


def validate(
    paths: o.Paths = None,
    target: o.Target = None,
    form: o.VerdictFormat = o.Verdict.TEXT,
    written: o.Written = None,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    name: o.Name = "",
    endpoint_name: o.EndpointName = "",
    policies: o.Policies = "",
    offline: Annotated[
        bool, Option("--offline", envvar="MLOPS_OFFLINE", help="Open no connection; a validation never does.")
    ] = False,
    cached: o.Cached = True,
) -> int:
    """Check the files alone, without a platform.

    Nothing of theirs is imported or run. Every problem of every file comes in one answer.

    \b
    Examples:
      mlops validate
      mlops validate blue-deployment.yml --endpoint-name credit
    """
    from dataclasses import replace  # noqa: PLC0415 - a drift does without, and so without `inspect`

    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.wishes import Validated  # noqa: PLC0415

    reports = Reports(written, "validate", VALIDATE)
    wish = wish_of(paths, variables, overrides, (name, endpoint_name), policies=policies)
    wish = replace(wish, cached=cached and not offline)  # offline nothing is trusted that lies about
    with reports.of(target):
        try:
            loaded, problems = pipeline.validate(wish, target)
            validated = Validated(target or "", loaded.manifests, problems)
        except ManifestError as error:  # such as of mlops.yaml: a problem as any other, for whoever asked for problems
            if form is o.Verdict.TEXT and not written:
                raise
            validated = Validated(target or "", (), error.problems)
        reports.write(validated)
        reports.print(validated, form)
    return 1 if any(problem.is_error for problem in validated.problems) else 0
