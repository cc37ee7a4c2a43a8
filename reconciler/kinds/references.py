"""The registered assets that a resolved spec names, and how versions sort; other references lie outside of a plan."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind

_PREFIX = "azureml:"


def named_assets(kind: Kind, spec: Spec) -> Iterator[Address]:
    """The addresses behind `azureml:NAME:VERSION`; registry and ARM ids are none of ours."""
    yield from filter(None, (named_asset(kind, field, spec.get(field)) for field in kind.references))


def named_asset(kind: Kind, field: str, value: Any) -> Address | None:
    """The address behind the reference that a field holds; None where it holds none of ours."""
    return _registered(kind.references[field], value) if isinstance(value, str) else None


@lru_cache(maxsize=4096)
def _registered(kind: str, value: str) -> Address | None:
    """The address of an asset of a kind; those of a large folder name few."""
    if not value.startswith(_PREFIX) or value.startswith(f"{_PREFIX}/"):
        return None
    name, _, version = value.removeprefix(_PREFIX).rpartition(":")
    return Address(kind, name, version=version) if name else None


def made_by(address: Address) -> str:
    """The command that makes a resource that no file has; for a shell, whatever the name is."""
    import shlex  # noqa: PLC0415 - seldom said

    words = ["mlops", KINDS[address.kind].command, "create", "--name", address.name]
    return shlex.join(words + (["--endpoint-name", address.endpoint] if address.endpoint else []))


def natural(version: str) -> tuple[tuple[int, int, str], ...]:
    """The key by which versions sort: numbers in them by their value."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", version) if part)
