"""The commands about what is recorded: state list, state show, state export, state import, state verify."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.answering import print_answer
from reconciler.cli.asking import agreed
from reconciler.cli.saying import put, say, warn
from reconciler.cli.wishes import address_of
from reconciler.errors import MlopsError

if TYPE_CHECKING:
    from reconciler.operate.moving import Exchange
    from reconciler.record.store import Record


def list_(target: o.Target = None, query: o.Query = "", output: o.OutputOption = o.Output.TABLE) -> None:
    """List what is recorded.

    \b
    Examples:
      mlops state list
      mlops state list --query "[].address" -o tsv
    """
    from reconciler.workspace import open_record  # noqa: PLC0415 - --help loads none of it

    with open_record(target) as (name, store):
        entries = store.read().entries
    if not entries:
        warn(f"Nothing is recorded (target {name}); `mlops status` tells what is live.")
    rows = [
        {"address": str(a), "generation": entries[a].generation, "created": entries[a].created} for a in sorted(entries)
    ]
    print_answer(rows, query, output)


def show(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="As `mlops state list` has it.")],
    target: o.Target = None,
    query: o.Query = "",
    output: o.OutputOption = o.Output.JSON,
) -> None:
    """Show one resource as it is recorded; `mlops show` has it as it is live.

    \b
    Examples:
      mlops state show deployment/credit/blue --query spec.model
    """
    from reconciler.render.values import Veil  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_record  # noqa: PLC0415

    with open_record(target) as (name, store):
        entry = store.read().entries.get(address_of(address))
    if entry is None:
        raise MlopsError(f"{address} is not recorded (target {name}); `mlops state list` tells what is")
    facts = {"generation": entry.generation, "operation": entry.operation, "created": entry.created}
    print_answer({"address": address, **facts, "spec": Veil().over(entry.spec)}, query, output)


def export(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to; by default it is printed.")] = None,
    target: o.Target = None,
    backup: Annotated[
        int | None,
        typer.Option("--backup", metavar="N", min=1, help="What was recorded before the N-th last run that wrote."),
    ] = None,
) -> None:
    """Write all that is recorded of a target as one JSON document.

    Resources, unfinished operations, generations and history, protected by a digest; of secrets there are only digests
    under the state's key, which is not in it. It is encrypted where MLOPS_ENCRYPTION_KEY is set. For `mlops state
    import`, into another place too.

    \b
    Examples:
      mlops state export dev.json
      mlops state export before.json --backup 1
    """
    from reconciler.record.document import record_text, save_record  # noqa: PLC0415 - --help loads none of it
    from reconciler.record.sealing import seal_keys  # noqa: PLC0415
    from reconciler.workspace import open_copy, open_record  # noqa: PLC0415

    keys = seal_keys(os.environ)
    if backup:
        record = open_copy(target, backup)
    else:
        with open_record(target) as (_, store):
            record = store.dump()
    if file is None:
        put(record_text(record, keys).removesuffix("\n"))
        return
    save_record(file, record, keys)
    say(f"Wrote {_told(record)} to {file}.")


def take_in(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As `mlops state export` writes it.")],
    target: o.Target = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a record that holds something.")] = False,
    auto_approve: o.AutoApprove = False,
    lock_timeout: o.LockTimeout = 0,
) -> int:
    """Record what a document of `mlops state export` holds.

    So a record moves to another place: export, name the other one with `state:` in mlops.yaml, import. Nothing live is
    touched, and saved plans still fit. A record that holds something is replaced only by --force.

    \b
    Examples:
      mlops state import dev.json
      mlops state import before.json --force
    """
    from reconciler.operate.moving import take_in as taken  # noqa: PLC0415 - --help loads none of it
    from reconciler.record.document import saved_record  # noqa: PLC0415
    from reconciler.record.sealing import seal_keys  # noqa: PLC0415
    from reconciler.workspace import open_record  # noqa: PLC0415

    record = saved_record(file, seal_keys(os.environ))

    def confirm(exchange: "Exchange") -> bool:
        say(_exchange_told(exchange))
        return auto_approve or agreed("Replace it?", flag="--auto-approve")

    with open_record(target) as (name, store):
        if not taken(store, record, confirm, force=force, lock_timeout_s=lock_timeout):
            say("Nothing was changed.")
            return 1
    say(f"Recorded {_told(record)} for target {name}; `mlops state verify` compares it with what is live.")
    return 0


def verify(target: o.Target = None) -> int:
    """Say whether the record can be trusted.

    Reads every row and compares digests, sums, key, unfinished operations, and the generations of what is live: a
    record that is older than what it made is told of. Nothing is changed; exits with 1 when something is wrong.

    \b
    Examples:
      mlops state verify -t prod
    """
    from reconciler.operate.verify import verified  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    with open_workspace(target) as workspace:
        record, problems = verified(workspace)
    for problem in problems:
        warn(f"mlops: {problem}")
    if record and not problems:
        say(f"The record is whole: {_told(record)}.")
    return 1 if problems else 0


def _told(record: "Record") -> str:
    state = record.state
    under_way = f", {len(record.under_way)} under way" if record.under_way else ""
    return f"{_count(len(state.entries), 'resource')} of lineage {state.lineage}, serial {state.serial}{under_way}"


def _exchange_told(exchange: "Exchange") -> str:
    lines = [f"Recorded now:   {_told(exchange.now)}.", f"In its place:   {_told(exchange.then)}."]
    if exchange.of_another:
        lines.append("They are of different states: what the present one made becomes nobody's.")
    if exchange.goes_back:
        lines.append("It is older: what was done since is forgotten, until `mlops state rebuild` finds it.")
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
