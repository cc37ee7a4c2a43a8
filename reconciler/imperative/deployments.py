"""What the commands of `online-deployment` do."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.amendment import Amendment
from reconciler.errors import RefusedError
from reconciler.imperative import deleting
from reconciler.imperative.viewing import deployment_address
from reconciler.kinds.marks import is_keyless
from reconciler.wanted import loaded_of
from reconciler.wishes import Applied, Manner, Wish
from reconciler.workspace import Workspace


def create(
    workspace: Workspace, wish: Wish, manner: Manner, *, all_traffic: bool, local: bool = False
) -> tuple[Address, Applied]:
    """Make a deployment, or bring one that is there to what is wanted.

    Args:
        workspace: the target.
        wish: the file, with what the command gives.
        manner: how to go about it.
        all_traffic: whether the endpoint then sends it everything; one that fails leaves the traffic as it is.
        local: whether that goes without saying for the first deployment of an endpoint that asks for no key.
    """
    address = _address_in(workspace, wish)
    all_traffic = all_traffic or (local and _is_first(workspace, address))
    if all_traffic and address.name and address.endpoint:
        amendment = Amendment(Address("endpoint", address.endpoint), (("traffic", {address.name: 100}),))
        wish = replace(wish, amendments=(*wish.amendments, amendment))
    with _way_out_of_traffic(address):
        return address, pipeline.apply(workspace, wish, manner)


def update(workspace: Workspace, wish: Wish, manner: Manner) -> tuple[Address, Applied]:
    """Bring a deployment that is there to what a file says, or change some fields of it.

    Raises:
        MlopsError: there is none of that name.
    """
    address = wish.amendments[0].address if wish.amendments else _address_in(workspace, wish)
    with _way_out_of_traffic(address):
        return address, pipeline.apply(workspace, replace(wish, existing=not wish.amendments), manner)


def delete(workspace: Workspace, address: Address, manner: Manner) -> Applied | None:
    """Delete a deployment that gets no traffic; None where there is none.

    Raises:
        RefusedError: it gets some.
    """
    with _way_out_of_traffic(address):
        return deleting.delete(workspace, address, manner)


def _is_first(workspace: Workspace, address: Address) -> bool:
    """Whether the endpoint is one that `--local` made, and sends its requests to nobody so far."""
    entry = workspace.store.read().entries.get(Address("endpoint", address.endpoint))
    return entry is not None and is_keyless(entry.spec) and not any((entry.spec.get("traffic") or {}).values())


def _address_in(workspace: Workspace, wish: Wish) -> Address:
    """The address of the deployment that a file holds, under the names that the command gives."""
    found = (manifest.document for manifest in loaded_of(workspace, wish).manifests if manifest.kind == "deployment")
    document = next(found, {})
    return deployment_address(*(str(document.get(field, "")) for field in ("endpoint_name", "name")))


@contextmanager
def _way_out_of_traffic(address: Address) -> Iterator[None]:
    """Where a deployment is not deleted as it gets traffic, say how it is rid of that."""
    try:
        yield
    except RefusedError as error:
        if "E-DELETE-TRAFFIC" not in str(error):
            raise
        update = f"mlops online-endpoint update --name {shlex.quote(address.endpoint)}"
        none = shlex.quote(f"{address.name}=0")
        advice = f"`{update} --traffic OTHER=100` moves it to another deployment, `{update} --traffic {none}` stops it"
        if "% of mirror_traffic" in str(error):
            advice = f"`{update} --mirror-traffic {none}` stops what is mirrored"
        raise RefusedError(f"{error}\n{advice}", problems=error.problems, plan=error.plan) from error
