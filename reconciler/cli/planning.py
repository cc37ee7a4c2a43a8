"""The commands that compare and change: plan, apply, drift, destroy, validate."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.cli import options as o
from reconciler.cli.colour import coloured
from reconciler.cli.wishes import addresses_of, overrides_of, variables_of
from reconciler.errors import InterruptedRunError, MlopsError, RefusedError, StepFailedError

if TYPE_CHECKING:
    from reconciler.apply import Watcher
    from reconciler.core.plan import Plan
    from reconciler.pipeline import Applied, Manner, Planned, Wish


def plan(
    paths: o.Paths = None,
    target: o.Target = None,
    out: Annotated[Path | None, typer.Option("--out", help="Save the plan here, for `mlops apply --plan`.")] = None,
    report: o.Format = o.Report.TEXT,
    only: o.Only = None,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    name: o.Name = "",
    endpoint_name: o.EndpointName = "",
    refresh: o.Refresh = True,
    refresh_only: Annotated[bool, typer.Option("--refresh-only", help="Only show what drifted.")] = False,
    max_delete: o.MaxDelete = None,
    allow_empty: o.AllowEmpty = False,
    detailed_exitcode: o.DetailedExitcode = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Also list the YAML files passed over.")] = False,
) -> int:
    """Show the steps that would make live what git says.

    Nothing is changed. Steps come in the order in which apply would run them, each with its reason, what it waits
    for, and for every field the file and line that it comes from.

    \b
    Examples:
      mlops plan
      mlops plan manifests --detailed-exitcode     exit code 2 when there is something to do
      mlops plan HEAD~1:manifests -t prod --out p.json
      mlops plan --set deployment/credit/blue.instance_count=3
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.saved import save_plan  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    if refresh_only:
        return drift(target, report, detailed_exitcode)
    wish = pipeline.Wish(
        tuple(paths or ()),
        variables_of(variables),
        overrides_of(overrides),
        name,
        endpoint_name,
        addresses_of(only),
        refresh,
        max_delete,
        allow_empty,
    )
    with open_workspace(target) as workspace:
        planned, root = pipeline.plan(workspace, wish), workspace.config.root
    _say_aside(planned, verbose=verbose)
    if out:
        save_plan(out, planned.plan, _kept(wish, planned.plan.target, root))
    _print_plan(planned, report)
    if out and report is o.Report.TEXT:
        print(f"Saved to {out}; `mlops apply --plan {out}` does exactly this, or refuses.")
    return 2 if detailed_exitcode and (planned.plan.steps or planned.plan.recovery) else 0


def apply(
    paths: o.Paths = None,
    target: o.Target = None,
    saved: Annotated[Path | None, typer.Option("--plan", help="Do exactly this saved plan, or refuse.")] = None,
    auto_approve: o.AutoApprove = False,
    parallel: o.Parallel = 4,
    lock_timeout: o.LockTimeout = 0,
    only: o.Only = None,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    name: o.Name = "",
    endpoint_name: o.EndpointName = "",
    refresh: o.Refresh = True,
    refresh_only: Annotated[bool, typer.Option("--refresh-only", help="Only record the live side as it is.")] = False,
    max_delete: o.MaxDelete = None,
    allow_empty: o.AllowEmpty = False,
    report: Annotated[o.ApplyReport, typer.Option("--format", help="How to print what was done.")] = o.ApplyReport.TEXT,
) -> int:
    """Plan, ask, execute and record.

    Scale comes first, then code, model and environment, then traffic. Ctrl-C once finishes the steps that run.

    \b
    Examples:
      mlops apply
      mlops apply --auto-approve -t prod
      mlops apply --plan p.json
      mlops apply endpoint.yml blue-deployment.yml     only these files; deletes nothing
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.saved import read_plan  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    reviewed = read_plan(saved) if saved else None
    wish = pipeline.Wish(
        tuple(paths or ()),
        variables_of(variables),
        overrides_of(overrides),
        name,
        endpoint_name,
        addresses_of(only),
        refresh,
        max_delete,
        allow_empty,
    )
    if reviewed:
        target = target or str(reviewed.wish["target"])
    with open_workspace(target) as workspace:
        if reviewed:
            wish = _as_saved(wish, reviewed.wish, workspace.config.root)
        if refresh_only:
            found = pipeline.refresh(workspace, lock_timeout_s=lock_timeout)
            print(f"Recorded the live side of target {workspace.target.name}: {len(found)} resources differed.")
            return 0
        quiet = report is o.ApplyReport.JSON
        with _manner(parallel, lock_timeout, ask=not auto_approve and not saved, quiet=quiet) as manner:
            applied = pipeline.apply(workspace, wish, manner, saved=reviewed)
    return _end(applied, manner, quiet=quiet)


def destroy(
    paths: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    target: o.Target = None,
    auto_approve: o.AutoApprove = False,
    parallel: o.Parallel = 4,
    lock_timeout: o.LockTimeout = 0,
) -> int:
    """Delete everything that is recorded of a target.

    Traffic goes first, then deployments, then endpoints and assets. The files stay.

    \b
    Example:
      mlops destroy -t dev --auto-approve
    """
    from reconciler import pipeline  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    if paths:
        raise MlopsError("destroy takes a target, not a path: it deletes all that is recorded; see --target")
    with (
        open_workspace(target) as workspace,
        _manner(parallel, lock_timeout, ask=not auto_approve, quiet=False) as manner,
    ):
        applied = pipeline.destroy(workspace, manner)
    return _end(applied, manner, quiet=False)


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
    from reconciler.core.state import DriftClass  # noqa: PLC0415
    from reconciler.render import as_json, markdown, text  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        found, recorded = pipeline.drift(workspace)
        name = workspace.target.name
    if report is o.Report.JSON:
        print(json.dumps(as_json.drift_json(found, target=name), indent=2, ensure_ascii=False))
    elif report is o.Report.MARKDOWN:
        print(markdown.drift_markdown(found, recorded=recorded, target=name), end="")
    else:
        print(coloured(text.drift_text(found, recorded=recorded, target=name)))
    return 2 if detailed_exitcode and any(item.kind is not DriftClass.EXPECTED for item in found) else 0


def validate(
    paths: o.Paths = None,
    target: o.Target = None,
    report: Annotated[o.Findings, typer.Option("--format", help="How to print it.")] = o.Findings.TEXT,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    name: o.Name = "",
    endpoint_name: o.EndpointName = "",
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
        print(json.dumps(problems_json(problems), indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            print(problem)
        warnings = len(problems) - errors
        print(f"{_some(len(loaded.manifests), 'resource')}: {_some(errors, 'error')}, {_some(warnings, 'warning')}")
    return 1 if errors else 0


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _print_plan(planned: "Planned", report: o.Report) -> None:
    from reconciler.render import as_json, markdown, text  # noqa: PLC0415

    if report is o.Report.JSON:
        print(json.dumps(as_json.plan_json(planned.plan), indent=2, ensure_ascii=False))
    elif report is o.Report.MARKDOWN:
        print(markdown.plan_markdown(planned.plan), end="")
    else:
        print(coloured(text.plan_text(planned.plan)))


def _say_aside(planned: "Planned", *, verbose: bool = False) -> None:
    """Warnings and drift go to standard error, so that standard output is the plan alone."""
    for warning in planned.warnings:
        print(warning, file=sys.stderr)
    if planned.drifts:
        names = ", ".join(str(drift.address) for drift in planned.drifts[:5])
        more = f" and {len(planned.drifts) - 5} more" if len(planned.drifts) > 5 else ""
        print(f"Changed behind git's back: {names}{more}; `mlops drift` tells more.", file=sys.stderr)
    for name in planned.passed_over if verbose else ():
        print(f"passed over: {name}", file=sys.stderr)


@contextmanager
def _manner(parallel: int, lock_timeout: float, *, ask: bool, quiet: bool) -> "Iterator[Manner]":
    """How an apply goes about it from a command line.

    Until the first step begins, Ctrl-C ends the command. From then on, once finishes what runs, twice stops at once.
    """
    from reconciler.cli.progress import progress  # noqa: PLC0415
    from reconciler.pipeline import Manner  # noqa: PLC0415

    stop = threading.Event()
    with progress(quiet=quiet) as watch, ExitStack() as steps:

        def confirm(planned: "Planned") -> bool:
            _say_aside(planned)
            if not quiet:
                _print_plan(planned, o.Report.TEXT)
            return not ask or _asked()

        def begin(made: "Plan") -> "Watcher":
            steps.enter_context(_interruptible(stop))
            return watch(made)

        yield Manner(confirm, parallel, lock_timeout, stop, begin)


def _asked() -> bool:
    if not sys.stdin.isatty():
        raise RefusedError("there is nobody to ask (standard input is no terminal); say --auto-approve if you mean it")
    try:
        return input("\nDo these steps? Only `yes` is taken for a yes: ").strip() == "yes"
    except EOFError:
        return False


@contextmanager
def _interruptible(stop: threading.Event) -> Iterator[None]:
    def interrupt(_number: int, _frame: object) -> None:
        if stop.is_set():
            # What runs in threads cannot be stopped; the journal tells the next run where it broke off.
            print("\nInterrupted again: stopped. The next apply settles what was under way.", file=sys.stderr)
            sys.stderr.flush()
            os._exit(130)
        stop.set()
        print("\nInterrupted: finishing the steps that run; once more stops at once.", file=sys.stderr, flush=True)

    former = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _end(applied: "Applied", manner: "Manner", *, quiet: bool) -> int:
    from reconciler.render import as_json, text  # noqa: PLC0415

    if quiet:
        held = {**as_json.plan_json(applied.planned.plan), "outcomes": as_json.outcomes_json(applied.outcomes)}
        print(json.dumps(held, indent=2, ensure_ascii=False))
    elif applied.declined:
        print("Nothing was changed.")
    else:
        print(text.outcomes_text(applied.outcomes) if applied.outcomes else text.summary(applied.planned.plan))
    if applied.declined:
        return 1
    if manner.stop.is_set() and not applied.succeeded:
        raise InterruptedRunError("interrupted; what was done is recorded, apply again to go on")
    if not applied.succeeded:
        raise StepFailedError("a step failed; what was done is recorded, mend the cause and apply again")
    return 0


def _kept(wish: "Wish", target: str, root: Path) -> dict[str, object]:
    """The options that a saved plan was made with; values that may be secret are left out.

    Paths count from the repository's root, so that the plan can be applied from any of its folders.
    """
    return {
        "paths": [os.path.relpath(path, root) if Path(path).exists() else path for path in wish.paths],
        "target": target,
        "name": wish.name,
        "endpoint_name": wish.endpoint_name,
        "only": [str(address) for address in wish.only],
        "refresh": wish.refresh,
        "max_delete": wish.max_delete,
        "allow_empty": wish.allow_empty,
        "variables": sorted(wish.variables),
        "overrides": [f"{override.address}.{override.path}" for override in wish.overrides],
    }


def _as_saved(wish: "Wish", kept: Mapping[str, Any], root: Path) -> "Wish":
    """The wish of a saved plan, with the values that it could not keep taken from the command line."""
    return replace(
        wish,
        paths=wish.paths or tuple(_from_here(path, root) for path in kept["paths"]),
        name=wish.name or kept["name"],
        endpoint_name=wish.endpoint_name or kept["endpoint_name"],
        only=wish.only or addresses_of(kept["only"]),
        refresh=kept["refresh"],
        max_delete=kept["max_delete"] if wish.max_delete is None else wish.max_delete,
        allow_empty=wish.allow_empty or kept["allow_empty"],
    )


def _from_here(path: str, root: Path) -> str:
    return os.path.relpath(root / path) if (root / path).exists() else path
