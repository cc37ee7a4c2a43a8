"""The commands about the state itself: state rebuild, state unlock."""

from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli import options as o
from reconciler.cli.asking import agreed
from reconciler.cli.saying import say, warn

if TYPE_CHECKING:
    from reconciler.operate.rebuild import Rebuilt


def rebuild(target: o.Target = None, auto_approve: o.AutoApprove = False, lock_timeout: o.LockTimeout = 0) -> int:
    """Make a lost state anew from the live objects.

    For when the state's file is gone and what it knew is still there: the objects tell which state made them and what
    was last made true. They are recorded under that state's identity, and nothing live is changed; plan afterwards.

    \b
    Examples:
      mlops state rebuild
      mlops state rebuild -t prod --auto-approve
    """
    from reconciler.operate.rebuild import rebuild as rebuilt  # noqa: PLC0415 - --help loads none of it
    from reconciler.workspace import open_workspace  # noqa: PLC0415

    def confirm(found: "Rebuilt") -> bool:
        say(_told(found))
        return auto_approve or not found.entries or agreed("Record these?", flag="--auto-approve")

    with open_workspace(target) as workspace:
        done = rebuilt(workspace, confirm, lock_timeout_s=lock_timeout)
    if done is None:
        say("Nothing was changed.")
        return 1
    say(f"Recorded {_count(len(done.entries))} of lineage {done.lineage}; `mlops plan` tells what differs.")
    if done.unsealed:
        names = ", ".join(map(str, done.unsealed))
        warn(
            f"mlops: {names}: the values of secrets are not at hand; if the state's key is new, the next plan shows "
            "them as changed once"
        )
    return 0


def unlock(
    lock_id: Annotated[str, typer.Argument(metavar="ID", help="Of the lock, as `mlops status` names it.")],
    target: o.Target = None,
    auto_approve: o.AutoApprove = False,
) -> int:
    """Break the lock of a run that hangs.

    First end that run, where you can: its lock is free at once. One that cannot be reached loses its lock by this:
    whatever it still writes is refused, the next apply gets in, settles what was under way, and refuses at the target
    what the old run sends late.

    \b
    Examples:
      mlops state unlock 3f9a61c2
    """
    from reconciler.core.holder import holder_text  # noqa: PLC0415 - --help loads none of it
    from reconciler.record.lock import refuse_unless_held  # noqa: PLC0415
    from reconciler.workspace import open_record  # noqa: PLC0415

    with open_record(target) as (name, store):
        refuse_unless_held(name, lock_id, held := store.holder())
        say(f"Lock {lock_id} of target {name} is held by {holder_text(held or {})}.")
        if not (auto_approve or agreed("Break it?", flag="--auto-approve")):
            say("Nothing was changed.")
            return 1
        store.break_lock(lock_id)
    say("It is broken; the next apply settles what that run had under way.")
    return 0


def _told(found: "Rebuilt") -> str:
    already = f"; {_count(found.known)} recorded already" if found.known else ""
    lines = [f"Found {_count(len(found.entries))} of lineage {found.lineage}{already}."]
    return "\n".join([*lines, *(f"  + {address}" for address in found.entries)])


def _count(number: int) -> str:
    return "1 resource" if number == 1 else f"{number} resources"
