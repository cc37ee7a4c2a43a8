"""Endpoints in the shape in which the Azure CLI prints them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.core.state import Entry, Live
from reconciler.render.values import Veil

_FIELDS = ("auth_mode", "compute", "description", "identity", "properties", "public_network_access")


def endpoint_document(live: Live, entry: Entry | None, target: str, deployments: Iterable[str] = ()) -> dict[str, Any]:
    """An endpoint: Azure's fields, sorted, with what the platform tells of it; what there is none of is left out.

    Args:
        live: as it is.
        entry: as it is recorded; None where it is not.
        target: the target's name, which stands in the place of a resource group and a workspace.
        deployments: the names of its deployments; those without traffic have 0 there, as in Azure.
    """
    spec: Mapping[str, Any] = {**(entry.spec if entry else {}), **live.spec}
    uri = str(live.detail.get("scoring_uri", ""))
    document = {
        **{name: in_order(Veil().over(spec[name])) for name in _FIELDS if name in spec},
        "id": f"/targets/{target}/onlineEndpoints/{live.address.name}",
        "kind": "K8S" if "compute" in spec else "Managed",
        "location": spec.get("location", "local"),
        "mirror_traffic": in_order(spec.get("mirror_traffic") or {}),
        "name": live.address.name,
        "openapi_uri": uri.removesuffix("/score") + "/swagger.json" if uri else "",
        "provisioning_state": live.status,
        "resourceGroup": target,
        "scoring_uri": uri,
        "tags": texts(spec.get("tags") or {}),
        "traffic": in_order({**dict.fromkeys(deployments, 0), **(spec.get("traffic") or {})}),
    }
    return {name: value for name, value in sorted(document.items()) if value not in ("", None)}


def texts(tags: Mapping[str, Any]) -> dict[str, str]:
    """Tags by name; in Azure each is a text, and one without a value is none."""
    veil = Veil()
    told = {name: veil.over(value) for name, value in sorted(tags.items()) if value is not None}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()}


def in_order(value: Any) -> Any:
    """The value with the keys of its mappings in their order, as the Azure CLI prints them."""
    if isinstance(value, Mapping):
        return {key: in_order(inner) for key, inner in sorted(value.items())}
    return [in_order(item) for item in value] if isinstance(value, list) else value
