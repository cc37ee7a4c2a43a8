"""Deployments in the shape in which the Azure CLI prints them."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from reconciler.core.manifest import Spec
from reconciler.core.secret import sealed
from reconciler.core.state import Entry, Live
from reconciler.kinds.deployment import DEPLOYMENT
from reconciler.kinds.references import named_asset
from reconciler.render.azure import in_order, texts
from reconciler.render.values import Veil

# How Azure names an inline environment; an inline model has its digest for a name.
_ANONYMOUS = "CliV2AnonymousEnvironment"
_COLLECTIONS = {"model": "models", "environment": "environments"}
_FIELDS = (
    "app_insights_enabled",
    "data_collector",
    "description",
    "egress_public_network_access",
    "environment_variables",
    "instance_count",
    "instance_type",
    "liveness_probe",
    "model_mount_path",
    "private_network_connection",
    "readiness_probe",
    "request_settings",
    "resources",
    "scale_settings",
    "type",
)
_COLUMNS = ("name", "endpoint_name", "provisioning_state", "instance_type", "instance_count")


def deployment_document(live: Live, entry: Entry | None, target: str) -> dict[str, Any]:
    """A deployment: Azure's fields, sorted; variables are veiled, and assets named as Azure names them.

    Args:
        live: as it is.
        entry: as it is recorded; None where it is not.
        target: the target's name, which stands in the place of a workspace.
    """
    spec: Spec = {**(entry.spec if entry else {}), **live.spec}
    place, address = f"/targets/{target}", live.address
    assets = {field: _asset(field, spec[field], place) for field in _COLLECTIONS if spec.get(field)}
    code = _code(spec.get("code_configuration"), place)
    created = live.created or (entry.created if entry else "")
    document = {
        **{name: spec[name] for name in _FIELDS if spec.get(name) not in (None, "")},
        **assets,
        **({"code_configuration": code} if code else {}),
        **({"creation_context": {"created_at": created}} if created else {}),
        "endpoint_name": address.endpoint,
        "id": f"{place}/onlineEndpoints/{address.endpoint}/deployments/{address.name}",
        "name": address.name,
        "properties": texts(spec.get("properties") or {}),
        "provisioning_state": live.status,
        "resourceGroup": target,
        "tags": texts(spec.get("tags") or {}),
    }
    shown: dict[str, Any] = Veil().over(in_order(document))
    return shown


def deployment_row(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a table tells of a deployment."""
    return {name: document.get(name) for name in _COLUMNS}


def _asset(field: str, value: Any, place: str) -> str:
    """A model or an environment by its id; what is not of this target, such as a registry's, as it is written."""
    collection = f"azureml:{place}/{_COLLECTIONS[field]}"
    if isinstance(value, Mapping):
        if field == "environment":
            return f"{collection}/{_ANONYMOUS}/versions/{_digest(value)}"
        return f"{collection}/{_digest(value)}/versions/1"
    named = named_asset(DEPLOYMENT, field, value)
    return f"{collection}/{named.name}/versions/{named.version}" if named else str(value)


def _code(value: Any, place: str) -> dict[str, Any]:
    """The code by its id, which is made of its digest."""
    found = dict(value or {})
    code = found.get("code")
    if isinstance(code, Mapping):
        found["code"] = f"{place}/codes/{str(code['digest']).removeprefix('sha256:')}/versions/1"
    return found


def _digest(value: Spec) -> str:
    """What an inline asset is known by."""
    return hashlib.sha256(json.dumps(sealed(value), sort_keys=True).encode()).hexdigest()
