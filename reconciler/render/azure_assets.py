"""Models and environments in the shape in which the Azure CLI prints them."""

from collections.abc import Mapping
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.state import Entry
from reconciler.kinds.marks import OF_VERSIONS
from reconciler.render.values import Veil


def asset_document(address: Address, entry: Entry, target: str) -> dict[str, Any]:
    """A registered version: Azure's fields, sorted.

    Args:
        address: of the version.
        entry: as it is recorded.
        target: the target's name, which stands in the place of a workspace.
    """
    spec = {name: value for name, value in entry.spec.items() if name not in OF_VERSIONS and value != ""}
    document = {
        **_with_urls(spec, target),
        "creation_context": {"created_at": entry.created},
        "id": f"azureml:{address.name}:{address.version}",
        "name": address.name,
        "resourceGroup": target,
        "version": address.version,
    }
    shown: Mapping[str, Any] = Veil().over(document)
    return dict(sorted(shown.items()))


def name_document(address: Address, entry: Entry, target: str, *, first: str) -> dict[str, Any]:
    """What a list tells of a name: what all its versions have in common, and which is the latest.

    Args:
        address: of the latest version.
        entry: as it is recorded.
        target: the target's name.
        first: when the first version was registered.
    """
    document = {
        "creation_context": {"created_at": first, "last_modified_at": entry.created},
        "description": entry.spec.get("description", ""),
        "id": f"/targets/{target}/{address.kind}s/{address.name}",
        "latest_version": address.version,
        "name": address.name,
        "properties": {},
        "resourceGroup": target,
        "tags": {},
    }
    shown: dict[str, Any] = Veil().over(document)
    return shown


def _with_urls(value: Any, target: str) -> Any:
    """A spec with the addresses of content in the place of its digests."""
    if not isinstance(value, Mapping):
        return value
    if value.keys() == {"name", "digest"}:
        return content_url(value, target)
    return {key: _with_urls(item, target) for key, item in value.items()}


def content_url(content: Spec, target: str) -> str:
    """Where content lies that is known by digest: in the store of a target, under its own name."""
    return f"azureml://datastores/{target}/paths/{content['digest']}/{content['name']}"
