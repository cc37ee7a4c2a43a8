"""What is printed as JSON is as its published schema says, which `mlops schema` prints."""

import json
from typing import Any

import pytest
from command_line import Repository
from jsonschema import Draft202012Validator

from reconciler.cli.published import PUBLISHED, published


def check(name: str, document: Any) -> Any:
    """The document, which must be as published."""
    Draft202012Validator(published(name)).validate(document)
    return document


def test_a_plan_an_apply_a_drift_and_a_validation_are_as_published(repo: Repository):
    check("validate", repo.mlops("validate", "--format", "json").json)
    check("plan", repo.mlops("plan", "--format", "json").json)
    applied = check("apply", repo.apply("--format", "json").json)
    assert {outcome["key"] for outcome in applied["outcomes"]} >= {"create endpoint/credit", "route endpoint/credit"}
    repo.behind_our_back("deployment/credit/blue", instance_count=2)
    assert check("drift", repo.mlops("drift", "--format", "json").json)["drift"] is True


def test_a_history_and_a_run_are_as_published(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.apply()
    applied.mlops("rollback", "--auto-approve", "--max-delete", "9")
    last, _, first = check("history", applied.mlops("history", "--format", "json").json)["runs"]
    shown = [
        check("run", applied.mlops("history", "show", each["id"], "--format", "json").json) for each in (last, first)
    ]
    assert [step["action"] for step in shown[0]["inverse"]] == ["scale"]
    assert {step["action"] for step in shown[1]["inverse"]} == {"route", "delete"}


def test_why_a_command_came_to_nothing_is_as_published(applied: Repository):
    applied.mlops("plan", "-t", "nowhere", "--report", "json=no.json", code=1)
    check("failure", json.loads(applied.read("no.json")))
    for name in ("blue", "endpoint", "risk-1", "sklearn"):
        applied.remove(f"manifests/{name}.yml")
    applied.mlops("plan", "--report", "json=empty.json", code=4)
    refused = check("failure", json.loads(applied.read("empty.json")))
    assert refused["failure"]["plan"]["steps"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_schema_is_one_and_says_what_every_field_means_and_what_is_promised(name: str):
    schema = published(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:mlops:{name}:1"
    assert "none goes away or means something else" in schema["description"]
    assert [place for place, part in parts(schema) if part.get("type") == "object" and is_open(part)] == []
    assert [place for place, part in parts(schema) if not said(part, schema)] == []


def parts(schema: dict[str, Any], place: str = "") -> Any:
    """Every property of a schema, and the schema itself."""
    yield place, schema
    for name in ("properties", "$defs"):
        for key, part in schema.get(name, {}).items():
            yield from parts(part, f"{place}.{key}")
    if isinstance(schema.get("items"), dict) and "properties" in schema["items"]:
        yield from parts(schema["items"], f"{place}[]")


def is_open(part: dict[str, Any]) -> bool:
    """Whether a field could come in without the schema knowing; names of the user's own are no fields."""
    return part.get("additionalProperties", True) is True


def said(part: dict[str, Any], schema: dict[str, Any]) -> bool:
    name = part.get("$ref", "").rpartition("/")[2]
    return "description" in part or "description" in schema["$defs"].get(name, {})


def test_what_two_schemas_have_in_common_is_the_same_in_both():
    met: dict[str, Any] = {}
    for name in PUBLISHED:
        for key, part in published(name)["$defs"].items():
            assert met.setdefault(key, part) == part, (name, key)


def test_a_schema_of_what_is_printed_is_printed_beside_those_of_the_kinds(repo: Repository):
    assert repo.mlops("schema", "Plan").json == published("plan")
    assert "did you mean drift?" in repo.mlops("schema", "drif", code=1).err
