"""The JSON Schemas of the kinds: shipped as files, read when first needed, compiled once."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.kinds import KINDS

_FILES = {
    ("endpoint", "managed"): "managedOnlineEndpoint",
    ("endpoint", "kubernetes"): "kubernetesOnlineEndpoint",
    ("deployment", "managed"): "managedOnlineDeployment",
    ("deployment", "kubernetes"): "kubernetesOnlineDeployment",
    ("model", ""): "model",
    ("environment", ""): "environment",
}

FOLDER = Path(__file__).parent / "schemas"

SCHEMAS = tuple(_FILES.values())
"""The names of the schemas, as they stand in `$schema`."""


@cache
def schema_named(name: str) -> Mapping[str, Any]:
    """A schema by its name in `$schema`: `managedOnlineEndpoint`."""
    schema: Mapping[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    return schema


def schema_of(kind: str, platform: str) -> Mapping[str, Any]:
    """The schema of a kind on a platform."""
    return schema_named(_FILES[kind, platform])


@cache
def fields_of(kind: str, platform: str) -> frozenset[str]:
    """The fields that a kind has on a platform; without a platform those of every one."""
    platforms = [key[1] for key in _FILES if key[0] == kind and platform in (key[1], "")]
    return frozenset(field for each in platforms for field in schema_of(kind, each)["properties"])


def is_valid(document: Any, kind: str, platform: str) -> bool:
    """Whether a document is as its schema says."""
    try:
        return bool(_validator(kind, platform).is_valid(document))
    except (ValueError, TypeError, OverflowError):
        # A number or a date that JSON does not have: the explanation decides.
        return False


@cache
def _validator(kind: str, platform: str) -> Any:
    import jsonschema_rs  # noqa: PLC0415  # needed only for files that the cache does not know

    return jsonschema_rs.Draft202012Validator(dict(schema_of(kind, platform)))


assert {kind for kind, _ in _FILES} == KINDS.keys()  # noqa: S101  # a kind without a schema would fail at its first file
