"""Whatever a manifest can hold comes back from the record as it was wanted, so that a plan after an apply is empty."""

import tempfile
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.state import Entry, State
from reconciler.load import load
from reconciler.record.codec import entries_of, entry_text, from_text, to_text
from reconciler.resolve import resolve

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    ["NO", "1.10", "010", "2024-01-02", "12:30", "0x1F", "~", "null", "=", "<<", "$secret", "$$secret", "{{", "1e3"]
)
SCALARS = TEXT | st.integers(-(10**12), 10**12) | st.booleans() | st.none() | st.floats(-1e6, 1e6).map(float)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)

DEPLOYMENT = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json",
    "name": "blue",
    "endpoint_name": "credit",
    "environment": {"image": "any"},
    "instance_type": "Standard_DS3_v2",
}


@settings(deadline=None, max_examples=150)
@given(
    st.dictionaries(TEXT, VALUES, max_size=3),
    st.dictionaries(TEXT, VALUES, max_size=3),
    st.dictionaries(NAMES, SCALARS),
)
def test_a_spec_comes_back_from_the_record_as_it_was(tags, properties, variables):
    document = {**DEPLOYMENT, "tags": tags, "properties": properties, "environment_variables": variables}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "blue.yml")
        file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        loaded = load(str(file))
    for resource in resolve(loaded.manifests, State(), secret_key=b"k", linked=False).resources:
        assert from_text(to_text(resource.spec)) == resource.spec


def test_entries_with_equal_specs_come_back_with_their_own_facts_and_one_spec():
    labelled = {"model": "latest"}
    entries = [
        Entry({"a": {"b": 1}}, number, f"op-{number}", "then", labelled if number < 2 else {}) for number in range(4)
    ]
    found = entries_of([(entry_text(each), each.generation, each.operation, each.created) for each in entries])
    assert found == entries
    assert found[2].spec is found[3].spec
