"""What is found valid without the compiled validator is so, and what is plain is found either way as that finds it."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mutations import FUZZ, ROOT, damaged, documents

from reconciler.load.plain_schema import is_surely_valid
from reconciler.load.schema import SCHEMAS, is_valid, schema_named

COMPILED = {name: jsonschema_rs.Draft202012Validator(dict(schema_named(name))) for name in SCHEMAS}
EXAMPLES = sorted(file for end in ("yml", "yaml") for file in (ROOT / "manifests").rglob(f"*.{end}"))
WORDS = st.sampled_from(
    ["blue", "azureml:risk:1", "azureml:risk@latest", "3", " +07 ", "1.0", "on", "Managed", "{}", ""]
)
SCALARS = st.one_of(WORDS, st.none(), st.booleans(), st.integers(-2, 200))
PLAIN = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(WORDS, inner)))


def is_valid_compiled(document: object, name: str) -> bool:
    with suppress(ValueError, TypeError, OverflowError):
        return bool(COMPILED[name].is_valid(document))
    return False


@st.composite
def fitting(draw: st.DrawFn, schema: Mapping[str, Any], shared: Mapping[str, Any], depth: int = 0) -> Any:
    """A plain value for a schema, mostly of the type that it asks for."""
    schema = shared[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    schema = draw(st.sampled_from([schema, *(schema[word] for word in ("then", "else") if word in schema)]))
    schema = draw(st.sampled_from(schema.get("anyOf", [schema])))
    fields = schema.get("properties", {})
    if (schema.get("type") != "object" and not fields) or depth > 4 or draw(st.integers(0, 9)) == 0:
        return draw(SCALARS if draw(st.booleans()) else PLAIN)
    names = {*draw(st.sets(st.sampled_from(sorted(fields)), max_size=4) if fields else st.just(set()))}
    names |= {*schema.get("required", ())} if draw(st.integers(0, 9)) else set()
    made = {name: draw(fitting(fields[name], shared, depth + 1)) for name in sorted(names & fields.keys())}
    return {**made, **(draw(st.dictionaries(WORDS, SCALARS, max_size=1)) if draw(st.booleans()) else {})}


@given(st.data(), st.sampled_from(SCHEMAS))
@FUZZ
def test_a_plain_document_is_as_the_compiled_validator_finds_it(data: st.DataObject, name: str):
    schema = schema_named(name)
    document = data.draw(fitting(schema, schema["$defs"]))
    assert is_surely_valid(document, schema) == is_valid_compiled(document, name)


@given(st.one_of(damaged(), documents()), st.sampled_from(SCHEMAS))
@FUZZ
def test_nothing_is_surely_valid_that_the_compiled_validator_refuses(made: Any, name: str):
    document = made
    if isinstance(made, bytes):
        with suppress(yaml.YAMLError, ValueError):
            document = yaml.load(made, yaml.CSafeLoader)
    assert not is_surely_valid(document, schema_named(name)) or is_valid_compiled(document, name)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_real_manifests_are_surely_valid(file: Path):
    document = yaml.safe_load(file.read_text())
    name = document.get("$schema", "").rpartition("/")[2].removesuffix(".schema.json") if document else ""
    if name not in SCHEMAS:
        pytest.skip("no manifest")
    assert is_surely_valid(document, schema_named(name))


@pytest.mark.parametrize("value", ["é", "a\n", "a\x1f", 1.5, 1 << 53, {1: "a"}, ("a",), {"a"}, b"a"])
def test_of_what_is_not_plain_it_is_not_known(value):
    anything = {"$defs": {}}
    assert is_surely_valid({"name": "a", "tags": {"b": ["c", 1, True, None]}}, anything)
    assert not is_surely_valid({"name": "a", "tags": {"b": value}}, anything)


def test_the_hundredth_document_is_found_as_the_first():
    good = {"name": "credit", "auth_mode": "key"}
    for _ in range(120):
        assert is_valid(good, "endpoint", "managed")
        assert not is_valid({**good, "auth_mode": "none"}, "endpoint", "managed")


@pytest.mark.parametrize(("documents", "is_loaded"), [(50, False), (51, True)])
def test_the_compiled_validator_is_loaded_for_many_documents_alone(documents: int, is_loaded: bool):
    code = (
        "import sys\nfrom reconciler.load.schema import is_valid\n"
        f"print([is_valid({{'name': 'credit'}}, 'endpoint', 'managed') for _ in range({documents})].count(True))\n"
        "print('jsonschema_rs' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == [str(documents), str(is_loaded)]
