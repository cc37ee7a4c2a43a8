"""The commands that plan and change: plan, apply, destroy."""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

from reconciler.cli import options as o
from reconciler.cli.applying import code_of, manner_of, say_aside
from reconciler.cli.declaring import Argument, Option, misread
from reconciler.cli.form import COMMENT
from reconciler.cli.plan_forms import APPLY, DESTROY, PLAN
from reconciler.cli.reporting import Reports
from reconciler.cli.saying import say, warn
from reconciler.cli.wishes import addresses_of, refuse_to_look_twice, wish_of


def plan(
    paths: o.Paths = None,
    target: o.Target = None,
    out: Annotated[Path | None, Option("--out", help="Save the plan here, for `mlops apply --plan`.")] = None,
    form: o.Format = o.Report.TEXT,
    written: o.Written = None,
    only: o.Only = None,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    name: o.Name = "",
    endpoint_name: o.EndpointName = "",
    refresh: o.Refresh = True,
    minimal_refresh: o.MinimalRefresh = False,
    offline: o.Offline = False,
    against: Annotated[
        str,
        Option("--against", metavar="REV", help="Offline, against the files of a git revision, not the record."),
    ] = "",
    refresh_only: Annotated[bool, Option("--refresh-only", help="Only show what drifted.")] = False,
    max_delete: o.MaxDelete = None,
    allow_empty: o.AllowEmpty = False,
    policies: o.Policies = "",
    blame: o.Blame = True,
    cached: o.Cached = True,
    git: o.Git = True,
    detailed_exitcode: o.DetailedExitcode = False,
    verbose: Annotated[bool, Option("--verbose -v", help="Also list the YAML files passed over.")] = False,
) -> int:
    """Show the steps that would make live what git says.

    Nothing is changed. Steps come in the order in which apply would run them, each with its reason, what it waits
    for, and for every field the file and line that it comes from, with the commit and author of it. With --offline
    no platform is asked and no connection opened, as is due for a pull request of somebody else's: the record alone
    says what there is, or with --against what the files say at another revision, such as the branch that it is to be
    merged into. With --minimal-refresh the live side is read of what the plan touches, what that needs and what guards
    ask for: what drifted elsewhere, is unmanaged, or is served and not recorded, is not seen.

    \b
    Examples:
      mlops plan
      mlops plan manifests --detailed-exitcode     exit code 2 when there is something to do
      mlops plan HEAD~1:manifests -t prod --out p.json
      mlops plan --against origin/main            what this branch would change, wherever the record is
      mlops plan --set deployment/credit/blue.instance_count=3
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.apply import Pace  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    began_ns = time.time_ns()
    refuse_to_look_twice(refresh and not offline and not against, minimal=minimal_refresh, alone=refresh_only)
    if refresh_only and offline:
        raise misread("what drifted is asked of the platform, and offline nobody is", "--offline")
    if refresh_only:
        from reconciler.cli.checking import drift  # noqa: PLC0415 - most plans are of what the files say

        return drift(target, o.DriftReport(form), written, cached=cached, detailed_exitcode=detailed_exitcode)
    reports = Reports(written, "plan", PLAN)
    offline = offline or bool(against)
    refresh, cached = refresh and not offline, cached and not offline  # offline nothing is trusted that lies about
    names = (name, endpoint_name)
    wish = wish_of(paths, variables, overrides, names, only, refresh, max_delete, allow_empty, policies, blame)
    wish = replace(wish, against=against, cached=cached, git=git, minimal=minimal_refresh)
    with reports.of(target, form):
        with open_workspace(target, offline=offline, blank=bool(against), cached=cached) as workspace:
            reports.target = workspace.target.name
            planned, root = pipeline.plan(workspace, wish, Pace(told=warn)), workspace.config.root
            if workspace.seen and form is o.Report.TEXT and not (out or written or verbose):
                from reconciler.remembering.keeping import keep_glance  # noqa: PLC0415 - where all is known anew

                text = partial(PLAN.of, "text", budget=COMMENT)
                keep_glance(workspace, wish, planned, text, target=target, began_ns=began_ns)
        say_aside(planned, verbose=verbose)
        if out:
            from reconciler.reviewing import save  # noqa: PLC0415 - most plans are not saved

            save(out, planned.plan, wish, root)
        reports.write(planned)
        reports.print(planned, form)
    if out and form is o.Report.TEXT:
        does = "does exactly this, or refuses" if planned.plan.lineage else "refuses it: it was made without the record"
        say(f"Saved to {out}; `mlops apply --plan {out}` {does}.")
    return 2 if detailed_exitcode and (planned.plan.steps or planned.plan.recovery) else 0


def apply(
    paths: o.Paths = None,
    target: o.Target = None,
    saved: Annotated[Path | None, Option("--plan", help="Do exactly this saved plan, or refuse.")] = None,
    digest: Annotated[
        str,
        Option("--digest", metavar="SHA256", help="Do exactly the plan that was shown with this digest, or refuse."),
    ] = "",
    auto_approve: o.AutoApprove = False,
    parallel: o.Parallel = 4,
    lock_timeout: o.LockTimeout = 0,
    step_timeout: o.StepTimeout = 3600,
    only: o.Only = None,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    name: o.Name = "",
    endpoint_name: o.EndpointName = "",
    refresh: o.Refresh = True,
    minimal_refresh: o.MinimalRefresh = False,
    refresh_only: Annotated[bool, Option("--refresh-only", help="Only record the live side as it is.")] = False,
    max_delete: o.MaxDelete = None,
    allow_empty: o.AllowEmpty = False,
    policies: o.Policies = "",
    blame: o.Blame = True,
    cached: o.Cached = True,
    git: o.Git = True,
    require_clean: o.RequireClean = False,
    form: o.Format = o.Report.TEXT,
    written: o.Written = None,
) -> int:
    """Plan, ask, execute and record.

    Scale comes first, then code, model and environment, then traffic. Ctrl-C once finishes the steps that run. With
    --require-clean, or `require_clean: true` of the target, every file that is applied must be as the commit has it.

    \b
    Examples:
      mlops apply
      mlops apply --auto-approve -t prod
      mlops apply --plan p.json
      mlops apply --digest "$(mlops plan --format json | jq -r .digest)"
      mlops apply endpoint.yml blue-deployment.yml     only these files; deletes nothing
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.reviewing import as_saved, plan_reviewed  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    refuse_to_look_twice(refresh, minimal=minimal_refresh, alone=refresh_only)
    if refresh_only and (written or form is not o.Report.TEXT):
        raise misread("nothing is planned; `mlops drift --report` tells", "--refresh-only")
    reports, quiet = Reports(written, "apply", APPLY), form is not o.Report.TEXT
    reviewed = plan_reviewed(saved, digest)
    names = (name, endpoint_name)
    wish = wish_of(paths, variables, overrides, names, only, refresh, max_delete, allow_empty, policies, blame)
    wish = replace(wish, require_clean=require_clean, cached=cached, git=git, minimal=minimal_refresh)
    if reviewed and reviewed.wish:
        target = target or str(reviewed.wish["target"])
    with reports.of(target, form):
        with open_workspace(target, cached=cached) as workspace:
            reports.target = workspace.target.name
            if reviewed and reviewed.wish:
                wish = as_saved(wish, reviewed.wish, workspace.config.root)
            ask = not auto_approve and not reviewed
            with manner_of(parallel, lock_timeout, step_timeout, ask=ask, quiet=quiet) as manner:
                if refresh_only:
                    found = pipeline.refresh(workspace, manner)
                    say(f"Recorded the live side of target {workspace.target.name}: {len(found)} resources differed.")
                    return 0
                applied = pipeline.apply(workspace, wish, manner, saved=reviewed)
        reports.write(applied)
        reports.print(applied, form)
        return code_of(applied, manner)


def destroy(
    paths: Annotated[
        list[str] | None,
        Argument(metavar="[PATH]...", help="Only what these files define; by default all that is recorded."),
    ] = None,
    only: Annotated[
        list[str] | None, Option("--only", metavar="ADDRESS", help="Only this resource, and what hangs on it.")
    ] = None,
    target: o.Target = None,
    auto_approve: o.AutoApprove = False,
    parallel: o.Parallel = 4,
    lock_timeout: o.LockTimeout = 0,
    step_timeout: o.StepTimeout = 3600,
    policies: o.Policies = "",
) -> int:
    """Delete what is recorded of a target.

    Traffic goes first, then deployments, then endpoints and assets, also those that a command registered. The files
    stay.

    \b
    Examples:
      mlops destroy -t dev --auto-approve
      mlops destroy green-deployment.yml
      mlops destroy --only model/risk:3
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    if paths and only:
        raise misread("give paths, or addresses", "--only")
    wish = pipeline.Wish(tuple(paths or ()), only=addresses_of(only), policies=policies)
    with (
        open_workspace(target) as workspace,
        manner_of(parallel, lock_timeout, step_timeout, ask=not auto_approve, quiet=False) as manner,
    ):
        applied = pipeline.destroy(workspace, wish, manner)
    say(DESTROY.of("text", applied, COMMENT))
    return code_of(applied, manner, again="destroy")
