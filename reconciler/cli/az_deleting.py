"""What the commands that delete an endpoint or a deployment have in common: what they ask, and what they say."""

from collections.abc import Callable

from reconciler.cli.applying import code_of
from reconciler.cli.asking import agreed
from reconciler.cli.az_running import in_background, running
from reconciler.cli.saying import warn
from reconciler.core.address import Address
from reconciler.imperative.deleting import is_there
from reconciler.wishes import Applied, Manner
from reconciler.workspace import Workspace, open_workspace


def deleted(
    address: Address,
    delete: Callable[[Workspace, Address, Manner], Applied | None],
    target: str | None,
    *,
    question: str,
    yes: bool,
    no_wait: bool,
    lock_timeout: float,
    quiet: bool,
) -> int:
    """Delete a resource once that is agreed to; one that is not there is no error.

    Args:
        address: of the resource.
        delete: does it; None where the resource is gone already.
        target: its name; None for the default one.
        question: what has to be agreed to.
        yes: whether nobody is asked.
        no_wait: whether a worker does it.
        lock_timeout: seconds to wait for another run of the target.
        quiet: whether nothing but errors is said.
    """
    command = f"online-{address.kind} delete"
    with open_workspace(target) as workspace:
        if not is_there(workspace, address):
            return _absent(workspace, address, quiet=quiet)
    if not (yes or agreed(question, flag="--yes")):
        warn("Nothing was changed.")
        return 1
    if no_wait and in_background("--yes", quiet=quiet):
        return 0
    with running(command, target, lock_timeout=lock_timeout, quiet=quiet) as (workspace, manner):
        applied = delete(workspace, address, manner)
        return (
            code_of(applied, manner, again=f"give `mlops {command}`")
            if applied
            else _absent(workspace, address, quiet=quiet)
        )


def _absent(workspace: Workspace, address: Address, *, quiet: bool) -> int:
    if not quiet:
        warn(f"{address} is not there (target {workspace.target.name}); there is nothing to delete.")
    return 0
