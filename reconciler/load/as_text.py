"""A value of the command line is text where its field takes nothing else: `enabled=true`, `description=2024`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.load.options import Override
from reconciler.load.overrides import SET, is_path, steps_of
from reconciler.load.schema import schema_of


def as_text(overrides: Iterable[Override], kind: str, platform: str) -> list[Override]:
    """The overrides, with the texts of values whose fields are text, as the Azure tools read them."""
    return [
        replace(each, value=_text(each.value)) if each.origin == SET and takes_text(kind, platform, each.path) else each
        for each in overrides
    ]


def takes_text(kind: str, platform: str, path: str) -> bool:
    """Whether a field is text by its schema, and nothing else."""
    if not is_path(path):
        return False
    root = schema_of(kind, platform)
    schema: Any = root
    for step in steps_of(path):
        schema = _meant(schema, root)
        if isinstance(step, int):
            schema = schema.get("items")
        else:
            schema = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
        if not isinstance(schema, Mapping):
            return False
    return bool(_meant(schema, root).get("type") == "string")


def _meant(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference names; of what is a text or a mapping that of the mapping, as it has fields."""
    if "$ref" in schema:
        found: Mapping[str, Any] = root["$defs"][str(schema["$ref"]).rpartition("/")[2]]
        return _meant(found, root)
    return _meant(schema["then"], root) if "then" in schema else schema


def _text(value: Any) -> Any:
    """The text of a number, of true and of false; whatever else it is stays."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value
