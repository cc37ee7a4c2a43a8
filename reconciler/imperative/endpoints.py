"""What the commands of `online-endpoint` do."""

from typing import Any

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.imperative.standing import observed
from reconciler.operate.access import live_object
from reconciler.render.azure import endpoint_document
from reconciler.wishes import Applied, Manner, Wish
from reconciler.workspace import Workspace


def endpoint_address(name: str) -> Address:
    """The address of an endpoint; letters' case means nothing in its name, as in Azure."""
    return Address("endpoint", name.lower())


def create(workspace: Workspace, wish: Wish, manner: Manner) -> Applied:
    """Make an endpoint, or bring one that is there to what is wanted.

    Args:
        workspace: the target.
        wish: the file or the document, with what the command gives.
        manner: how to go about it.
    """
    return pipeline.apply(workspace, wish, manner)


def delete(workspace: Workspace, name: str, manner: Manner) -> Applied:
    """Delete an endpoint with its deployments."""
    return pipeline.destroy(workspace, Wish(only=(endpoint_address(name),), kind="endpoint"), manner)


def show(workspace: Workspace, name: str) -> dict[str, Any]:
    """An endpoint as the Azure CLI shows it.

    Raises:
        MlopsError: there is none of that name.
    """
    live = observed(workspace, endpoint_address(name)) or live_object(workspace, endpoint_address(name))
    return endpoint_document(live, workspace.store.read().entries.get(live.address), workspace.target.name)
