"""The schemas that are shipped: whole, told apart, and the same where two platforms share a field."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reconciler.load.schema import SCHEMAS, schema_named


def fields(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_says_what_every_field_is(name: str):
    schema = schema_named(name)
    Draft202012Validator.check_schema(schema)
    assert schema["description"]
    assert [path for path, field in fields(schema) if not field.get("description")] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_mapping_says_whether_it_takes_other_fields(name: str):
    assert [path for path, field in fields(schema_named(name)) if "properties" in field and not _closed(field)] == []


@pytest.mark.parametrize("kind", ["OnlineEndpoint", "OnlineDeployment"])
def test_both_platforms_say_the_same_of_the_fields_that_they_share(kind: str):
    managed, kubernetes = (schema_named(f"{platform}{kind}") for platform in ("managed", "kubernetes"))
    shared = managed["properties"].keys() & kubernetes["properties"].keys()
    assert {name: managed["properties"][name] for name in shared} == {
        name: kubernetes["properties"][name] for name in shared
    }


def _closed(field: Any) -> bool:
    return "additionalProperties" in field
