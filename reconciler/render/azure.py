"""Endpoints in the shape in which the Azure CLI prints them."""

from collections.abc import Mapping
from typing import Any

from reconciler.core.state import Entry, Live


def endpoint_document(live: Live, entry: Entry | None, target: str) -> dict[str, Any]:
    """An endpoint: Azure's fields, sorted, with what the platform tells of it.

    Args:
        live: as it is.
        entry: as it is recorded; None where it is not.
        target: the target's name, which stands in the place of a workspace.
    """
    spec: Mapping[str, Any] = {**(entry.spec if entry else {}), **live.spec}
    uri = str(live.detail.get("scoring_uri", ""))
    document = {
        **{name: spec[name] for name in _FIELDS if name in spec},
        "id": f"/targets/{target}/onlineEndpoints/{live.address.name}",
        "kind": "K8S" if "compute" in spec else "Managed",
        "location": spec.get("location", "local"),
        "mirror_traffic": spec.get("mirror_traffic") or {},
        "name": live.address.name,
        "openapi_uri": uri.removesuffix("/score") + "/swagger.json" if uri else None,
        "provisioning_state": live.status,
        "resourceGroup": target,
        "scoring_uri": uri or None,
        "traffic": spec.get("traffic") or {},
    }
    return dict(sorted(document.items()))


_FIELDS = ("auth_mode", "compute", "description", "identity", "properties", "public_network_access", "tags")
