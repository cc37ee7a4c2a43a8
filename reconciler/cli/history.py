"""The commands about what was run: history, history show, history prune."""

from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.asking import agreed
from reconciler.cli.saying import put, say, warn
from reconciler.render.values import json_text

if TYPE_CHECKING:
    from reconciler.operate.pruning import Pruning


def history(
    target: o.Target = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many runs, the newest.")] = 20,
    report: Annotated[o.Findings, typer.Option("--format", help="How to print it.")] = o.Findings.TEXT,
) -> None:
    """List the runs that changed a target.

    Who, when, by which command and from which commit; the plan's digest, how many steps it had, and how it ended.
    A run without an end is in progress while it holds the target's lock; else it was cut off.

    \b
    Examples:
      mlops history -t prod
      mlops history --limit 5 --format json
    """
    from reconciler.operate.history import history as found  # noqa: PLC0415 - --help loads none of it
    from reconciler.render.history import history_text  # noqa: PLC0415
    from reconciler.workspace import open_record  # noqa: PLC0415

    with open_record(target) as (name, store):
        told = found(store, name, limit=limit)
    if report is o.Findings.JSON:
        put(json_text(told))
    else:
        say(history_text(told))


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, the begin of it, or `last`.")],
    target: o.Target = None,
    report: Annotated[o.Findings, typer.Option("--format", help="How to print it.")] = o.Findings.TEXT,
) -> None:
    """Show one run with all that it did.

    Each operation with the fields before and after, when it began and ended, and what the platform said. Secrets are
    shown as numbers.

    \b
    Examples:
      mlops history show last
      mlops history show 3f9a61c2 --format json
    """
    from reconciler.operate.history import shown_run  # noqa: PLC0415 - --help loads none of it
    from reconciler.render.history import run_text  # noqa: PLC0415
    from reconciler.workspace import open_record  # noqa: PLC0415

    with open_record(target) as (name, store):
        told = shown_run(store, name, run)
    if report is o.Findings.JSON:
        put(json_text(told))
    else:
        say(run_text(told))


def prune(
    target: o.Target = None,
    keep: Annotated[int | None, typer.Option("--keep", metavar="N", min=0, help="Keep the newest N runs.")] = None,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="SPAN", help="Forget only what began longer ago: 12h, 30d.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be forgotten and freed, no more.")] = False,
    auto_approve: o.AutoApprove = False,
    lock_timeout: o.LockTimeout = 0,
) -> int:
    """Forget runs of long ago, and remove content that nothing kept names.

    The oldest runs go, up to the first that stays. Kept are the newest N and what is younger than SPAN, whichever is
    more; the last run that changed something and all since, which the present state is of; and from a run on that
    has something under way. A rollback leads back as far as runs are kept. Models, code and build contexts in
    .mlops/assets that neither a kept run nor the present state of any target names are removed; what a store
    elsewhere keeps (`assets` of a target) stays there.

    \b
    Examples:
      mlops history prune --keep 50 --dry-run
      mlops history prune --older-than 90d --auto-approve
    """
    from reconciler.operate.pruning import Keep  # noqa: PLC0415 - --help loads none of it
    from reconciler.operate.pruning import prune as pruned  # noqa: PLC0415
    from reconciler.operate.times import span_of  # noqa: PLC0415

    if keep is None and not older_than:
        raise typer.BadParameter("say what to keep: --keep N, --older-than SPAN, or both", param_hint="--keep")
    asked = Keep(keep or 0, span_of(older_than, "--older-than") if older_than else None)

    def confirm(found: "Pruning") -> bool:
        say(f"To be forgotten: {_pruning_told(found)}.")
        return auto_approve or agreed("Forget and remove it?", flag="--auto-approve")

    found, done = pruned(target, asked, confirm, dry_run=dry_run, lock_timeout_s=lock_timeout)
    if found.left:
        warn(f"mlops: no content is removed, as {found.left}")
    for store in found.elsewhere:
        warn(f"mlops: what is kept in {store} stays there, as other records may name it")
    if not done:
        say("Nothing was changed.")
        return 1
    say(f"{'Would forget' if dry_run else 'Forgotten'}: {_pruning_told(found)}.")
    return 0


def _pruning_told(found: "Pruning") -> str:
    runs = f"{len(found.runs)} run{'' if len(found.runs) == 1 else 's'}"
    since = f" (begun {found.runs[0].started[:10]} to {found.runs[-1].started[:10]})" if found.runs else ""
    contents = f"{len(found.contents)} content{'' if len(found.contents) == 1 else 's'}"
    return f"{runs}{since}, {found.kept} kept; {contents} of {found.bytes:,} bytes"
