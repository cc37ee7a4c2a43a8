"""What the commands show: resources as they are, in the shapes of the Azure CLI. Nothing here loads what plans."""

from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Live, State
from reconciler.imperative.standing import listed, observed
from reconciler.kinds.marks import is_keyless
from reconciler.operate.access import live_object
from reconciler.render.azure import endpoint_document
from reconciler.render.azure_deployments import deployment_document
from reconciler.workspace import Workspace


def endpoint_address(name: str) -> Address:
    """The address of an endpoint; letters' case means nothing in its name, as in Azure."""
    return Address("endpoint", name.lower())


def deployment_address(endpoint: str, name: str) -> Address:
    """The address of a deployment; letters' case means nothing in its names, as in Azure."""
    return Address("deployment", name.lower(), endpoint=endpoint.lower())


def deployment_shown(workspace: Workspace, address: Address) -> dict[str, Any]:
    """A deployment.

    Raises:
        MlopsError: there is none of that name.
    """
    live = observed(workspace, address) or live_object(workspace, address)
    return deployment_document(live, workspace.store.read().entries.get(address), workspace.target.name)


def endpoint_shown(workspace: Workspace, name: str) -> dict[str, Any]:
    """An endpoint.

    Raises:
        MlopsError: there is none of that name.
    """
    address = endpoint_address(name)
    return _endpoint(workspace, observed(workspace, address) or live_object(workspace, address), workspace.store.read())


def asks_for_no_key(workspace: Workspace, name: str) -> bool:
    """Whether whoever is on this machine may call an endpoint, of which Azure's documents have no word."""
    entry = workspace.store.read().entries.get(endpoint_address(name))
    return entry is not None and is_keyless(entry.spec)


def endpoints_listed(workspace: Workspace) -> list[dict[str, Any]]:
    """Every endpoint, by name."""
    state = workspace.store.read()
    return [_endpoint(workspace, live, state) for live in listed(workspace) if live.address.kind == "endpoint"]


def deployments_listed(workspace: Workspace, endpoint: str) -> list[dict[str, Any]]:
    """The deployments of an endpoint, by name.

    Raises:
        MlopsError: there is no endpoint of that name.
    """
    address = endpoint_address(endpoint)
    parent = observed(workspace, address) or live_object(workspace, address)
    entries = workspace.store.read().entries
    found = [live for live in listed(workspace) if live.address.parent == parent.address and live.spec]
    return [deployment_document(live, entries.get(live.address), workspace.target.name) for live in found]


def _endpoint(workspace: Workspace, live: Live, state: State) -> dict[str, Any]:
    deployments = [each.name for each in state.entries if each.parent == live.address]
    return endpoint_document(live, state.entries.get(live.address), workspace.target.name, deployments)
