"""Deployments in the shape in which the Azure CLI prints them."""

from collections.abc import Mapping
from typing import Any

from reconciler.core.state import Entry, Live
from reconciler.render.values import Veil


def deployment_document(live: Live, entry: Entry | None, target: str) -> dict[str, Any]:
    """A deployment: Azure's fields, sorted, secrets veiled; what there is none of is left out.

    Args:
        live: as it is.
        entry: as it is recorded; None where it is not.
        target: the target's name.
    """
    spec: Mapping[str, Any] = {**(entry.spec if entry else {}), **live.spec}
    address = live.address
    document = {
        **Veil().over(spec),
        "endpoint_name": address.endpoint,
        "id": f"/targets/{target}/onlineEndpoints/{address.endpoint}/deployments/{address.name}",
        "name": address.name,
        "provisioning_state": live.status,
        "resourceGroup": target,
    }
    return {name: value for name, value in sorted(document.items()) if value not in ("", None)}
