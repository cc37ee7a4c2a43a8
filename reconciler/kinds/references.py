"""The registered assets that a resolved spec names, and how versions sort; other references lie outside of a plan."""

import re
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


def natural(version: str) -> tuple[tuple[int, int, str], ...]:
    """The key by which versions sort: numbers in them by their value."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", version) if part)
