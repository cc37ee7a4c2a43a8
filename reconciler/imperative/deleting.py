"""What the commands that delete one resource have in common."""

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.errors import MlopsError
from reconciler.imperative.standing import observed
from reconciler.wishes import Applied, Manner, Wish
from reconciler.workspace import Workspace


def is_there(workspace: Workspace, address: Address) -> bool:
    """Whether there is something to delete: recorded, live, in the making, or failed to be made."""
    return _is_made(workspace, address) or observed(workspace, address) is not None


def delete(workspace: Workspace, address: Address, manner: Manner) -> Applied | None:
    """Delete a resource with what hangs on it; None where that is gone already, or never came to be.

    What is told of one that failed to be made is forgotten: on Azure it stays until it is deleted.
    """
    try:
        return pipeline.destroy(workspace, Wish(only=(address,), kind=address.kind), manner)
    except MlopsError:
        if _is_made(workspace, address):
            raise
        workspace.line.forget({address})
        return None


def _is_made(workspace: Workspace, address: Address) -> bool:
    return address in workspace.store.read().entries or workspace.provider.observe(address) is not None
