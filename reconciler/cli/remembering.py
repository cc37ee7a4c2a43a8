"""The commands about what was run: history, history show."""

from typing import Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.saying import put, say
from reconciler.render.values import json_text


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
