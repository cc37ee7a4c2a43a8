"""The registered assets that a resolved spec names; every other form of a reference lies outside of a plan."""

from collections.abc import Iterator

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.kinds.kind import Kind

_PREFIX = "azureml:"


def named_assets(kind: Kind, spec: Spec) -> Iterator[Address]:
    """The addresses behind `azureml:NAME:VERSION`; registry and ARM ids are none of ours."""
    for field, asset in kind.references.items():
        value = spec.get(field)
        if isinstance(value, str) and value.startswith(_PREFIX) and not value.startswith(f"{_PREFIX}/"):
            name, _, version = value.removeprefix(_PREFIX).rpartition(":")
            if name:
                yield Address(asset, name, version=version)
