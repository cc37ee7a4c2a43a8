"""The command that goes back: rollback."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.applying import code_of, manner_of, say_aside
from reconciler.cli.forms import ROLLBACK, ROLLBACK_PLAN
from reconciler.cli.reporting import Reports
from reconciler.cli.saying import warn
from reconciler.cli.wishes import overrides_of, variables_of

if TYPE_CHECKING:
    from reconciler.rollback import Back, Course


class From(StrEnum):
    """What a rollback goes by."""

    RECORD = "record"
    COMMIT = "commit"


def rollback(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="The target becomes as it was when this run had ended: its id, the begin of it, or `last`. By default "
            "the last run that changed something is undone.",
        ),
    ] = "",
    target: o.Target = None,
    way: Annotated[
        From | None,
        typer.Option("--from", help="Go by what is recorded, or by the files of the run's commit.", show_default=False),
    ] = None,
    plan_only: Annotated[bool, typer.Option("--plan-only", "--dry-run", help="Show the plan, and do nothing.")] = False,
    auto_approve: o.AutoApprove = False,
    parallel: o.Parallel = 4,
    lock_timeout: o.LockTimeout = 0,
    step_timeout: o.StepTimeout = 3600,
    overrides: o.Overrides = None,
    variables: o.Variables = None,
    max_delete: o.MaxDelete = None,
    allow_empty: o.AllowEmpty = False,
    policies: o.Policies = "",
    form: o.Format = o.Report.TEXT,
    written: o.Written = None,
) -> int:
    """Bring a target back to what it was.

    Without RUN the last run that changed something is undone; with RUN the target becomes as it was when RUN had ended,
    so `mlops rollback RUN` keeps what RUN did and takes back all that came after it. A rollback is a run too: a second
    one takes back the first, unless that did not come to its end, which is then taken up again.

    It goes by the record, which knows exactly what there was. Where that cannot be, as the value of a secret is in no
    record, it goes by the files of the run's commit, with the variables and secrets of now. --from says which.
    It is a plan as any other: shown, guarded, asked for, journalled, and recovered by the next run if it is cut off.
    The folder in git still says what was rolled back, so revert the commit as well.

    \b
    Examples:
      mlops rollback --plan-only
      mlops rollback
      mlops rollback 9d41c07b -t prod --auto-approve
      mlops rollback 9d41c07b --from commit --var SIZE=Standard_DS3_v2
    """
    from reconciler.rollback import Back, Way  # noqa: PLC0415 - --help loads none of it
    from reconciler.rollback import rollback as roll_back  # noqa: PLC0415
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    asked = Back(
        run,
        Way(way) if way else None,
        variables_of(variables),
        overrides_of(overrides),
        max_delete,
        allow_empty,
        policies,
    )
    if plan_only:
        return _shown(target, asked, form, written)
    reports, quiet = Reports(written, "rollback", ROLLBACK), form is not o.Report.TEXT
    with reports.of(target, form):
        with open_workspace(target) as workspace:
            reports.target = workspace.target.name
            with manner_of(parallel, lock_timeout, step_timeout, ask=not auto_approve, quiet=quiet) as manner:
                course, applied = roll_back(workspace, asked, manner, tell=_tell)
        reports.write(applied)
        reports.print(applied, form)
        code = code_of(applied, manner, again="roll back")
    if applied.outcomes:
        _warn_of_git(course)
    return code


def _shown(target: str | None, asked: "Back", form: o.Report, written: list[str] | None) -> int:
    from reconciler.rollback import plan_back  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    reports = Reports(written, "rollback", ROLLBACK_PLAN)
    with reports.of(target, form):
        with open_workspace(target) as workspace:
            reports.target = workspace.target.name
            course = plan_back(workspace, asked)
        _tell(course)
        say_aside(course.planned)
        reports.write(course.planned)
        reports.print(course.planned, form)
    return 0


def _tell(course: "Course") -> None:
    warn(f"The target becomes {course.aim}, by {course.by}{f': {course.why}' if course.why else ''}.")


def _warn_of_git(course: "Course") -> None:
    commits = ", ".join(commit[:12] for commit in course.origin.took_back[:5])
    what = f"revert {commits}" if commits else "change them, too"
    warn(f"mlops: the files in git still say what was rolled back; {what}, or the next apply brings it back")
