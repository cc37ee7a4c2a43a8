"""References, inline assets, versions and defaults."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.manifest import Content
from reconciler.core.secret import Secret
from reconciler.core.state import Entry, State
from reconciler.resolve import resolve
from tests.builders import KEY, manifest, model, recorded

ONE = Content("sha256:" + "1" * 64, "model", Path("/somewhere"))
TWO = Content("sha256:" + "2" * 64, "model", Path("/elsewhere"))


def of(*manifests, state=None, **options):
    return resolve(manifests, state or State(), secret_key=KEY, **options)


def spec_of(address, *manifests, **options):
    return {str(r.address): r.spec for r in of(*manifests, **options).resources}[address]


def problems(*manifests, **options):
    return [str(problem) for problem in of(*manifests, **options).problems]


def endpoint(**document):
    return manifest("endpoint", **{"name": "credit", **document})


def blue(**document):
    return manifest("deployment", **{"name": "blue", "endpoint_name": "credit", **document})


def registered(version=None, content=ONE, **document):
    given = {"name": "risk", "path": "model", **document} | ({"version": version} if version else {})
    return replace(manifest("model", file="m.yml", **given), contents={"path": content})


def test_defaults_become_explicit():
    assert spec_of("deployment/credit/blue", endpoint(), blue())["request_settings"] == {
        "request_timeout_ms": 5000,
        "max_concurrent_requests_per_instance": 1,
        "max_queue_wait_ms": 500,
    }


def test_part_of_a_block_keeps_the_defaults_of_the_rest():
    spec = spec_of("deployment/credit/blue", endpoint(), blue(request_settings={"request_timeout_ms": "9"}))
    assert (spec["request_settings"]["request_timeout_ms"], spec["request_settings"]["max_queue_wait_ms"]) == (9, 500)


@pytest.mark.parametrize(
    ("written", "read"),
    [("Key", "key"), ("AADToken", "aad_token"), ("AMLToken", "aml_token"), ("aad_token", "aad_token")],
)
def test_auth_mode_is_read_in_every_spelling_that_the_azure_tools_take(written, read):
    assert spec_of("endpoint/credit", endpoint(auth_mode=written))["auth_mode"] == read


def test_names_are_lowered_as_azure_lowers_them():
    found = of(endpoint(name="Credit"), blue(name="Blue", endpoint_name="CREDIT"))
    assert [str(r.address) for r in found.resources] == ["deployment/credit/blue", "endpoint/credit"]
    assert not found.problems


def test_b51_environment_variables_are_secrets_and_text():
    spec = spec_of("deployment/credit/blue", endpoint(), blue(environment_variables={"N": 2, "ON": True, "NONE": None}))
    values = spec["environment_variables"]
    assert all(isinstance(value, Secret) for value in values.values())
    assert [values[name].reveal() for name in ("N", "ON", "NONE")] == ["2", "true", ""]


def test_shares_of_zero_are_no_traffic():
    assert spec_of("endpoint/credit", endpoint(traffic={"Blue": "100", "green": 0}))["traffic"] == {"blue": 100}


def test_an_anonymous_model_is_known_by_its_content_and_name_not_by_where_it_lies():
    here = replace(blue(model={"path": "../a/model"}), contents={"model.path": ONE})
    there = replace(blue(model={"path": "../b/model"}), contents={"model.path": replace(ONE, location=Path("/x"))})
    assert spec_of("deployment/credit/blue", endpoint(), here) == spec_of("deployment/credit/blue", endpoint(), there)


def test_a_named_inline_model_is_registered_beside_the_deployment():
    inline = replace(blue(model={"name": "risk", "version": 3, "path": "model"}), contents={"model.path": ONE})
    found = of(endpoint(), inline)
    assert "model/risk:3" in [str(r.address) for r in found.resources]
    assert spec_of("deployment/credit/blue", endpoint(), inline)["model"] == "azureml:risk:3"


def test_one_inline_name_and_version_with_two_contents_is_refused():
    inline = {"name": "risk", "version": 3, "path": "model"}
    one = replace(blue(model=inline), contents={"model.path": ONE})
    same = replace(blue(name="green", model=inline), contents={"model.path": ONE})
    other = replace(blue(name="red", model=inline), contents={"model.path": TWO})
    assert problems(endpoint(), one, same) == []
    (said,) = problems(endpoint(), one, same, other)
    assert "E-DUP-RESOURCE: model risk:3 has another path" in said


def test_latest_is_the_version_recorded_last_and_is_pinned():
    old, new = model(version="9"), model(version="2")
    state = State(
        "l", 1, {old.address: Entry(old.spec, created="2026-01-01"), new.address: Entry(new.spec, created="2026-02-01")}
    )
    found = of(endpoint(), blue(model="azureml:risk@latest"), state=state, whole=False)
    assert found.pins == {"model/risk@latest": "model/risk:2"}


def test_latest_is_the_version_that_this_plan_adds():
    state = recorded(model(version="9"))
    found = of(endpoint(), blue(model="azureml:risk@latest"), registered(10), state=state, whole=False)
    assert found.pins == {"model/risk@latest": "model/risk:10"}


def test_a_model_without_a_version_keeps_its_version_while_its_content_stays():
    first = of(registered())
    assert [str(r.address) for r in first.resources] == ["model/risk:1"]
    state = recorded(*first.resources)
    assert [str(r.address) for r in of(registered(), state=state).resources] == ["model/risk:1"]
    assert [str(r.address) for r in of(registered(content=TWO), state=state).resources] == ["model/risk:2"]


def test_inline_models_of_one_name_and_no_version_keep_a_version_for_each_content():
    one = replace(blue(model={"name": "risk", "path": "a"}), contents={"model.path": ONE})
    two = replace(blue(name="green", model={"name": "risk", "path": "b"}), contents={"model.path": TWO})
    first = of(endpoint(), one, two)
    assert [str(r.address) for r in first.resources if r.address.kind == "model"] == ["model/risk:1", "model/risk:2"]
    assert of(endpoint(), one, two, state=recorded(*first.resources)).resources == first.resources


def test_b57_other_content_under_a_registered_version_is_refused():
    state = recorded(*of(registered(3)).resources)
    (said,) = problems(registered(3, TWO), state=state)
    assert said.startswith("m.yml:2:1: E-IMMUTABLE: model risk:3 is registered with another path")
    assert said.endswith("raise the version, or leave it out")


def test_a_reference_that_leads_nowhere_names_the_nearest():
    (said,) = problems(endpoint(), blue(model="azureml:rsk:3"), registered(3))
    assert said == "x.yml:3:1: E-REF: model 'rsk:3' is not defined here nor recorded; did you mean risk:3?"


def test_b28_a_deployment_of_an_unknown_endpoint_names_the_nearest():
    (said,) = problems(endpoint(), blue(endpoint_name="credt"))
    assert said == "x.yml:2:1: E-REF: endpoint 'credt' is not defined here nor recorded; did you mean credit?"


def test_a_single_file_may_name_what_is_recorded():
    from tests.builders import endpoint as recorded_endpoint  # noqa: PLC0415

    assert not problems(blue(), state=recorded(recorded_endpoint()), whole=False)


def test_a_reference_to_a_model_whose_file_is_gone_is_refused_since_it_would_be_deleted():
    (said,) = problems(endpoint(), blue(model="azureml:risk:3"), state=recorded(model(version="3")))
    assert "model/risk:3 is recorded, but its file is gone" in said


def test_what_lies_in_a_registry_is_passed_on_unchanged():
    reference = "azureml://registries/azureml/models/m/versions/1"
    assert spec_of("deployment/credit/blue", endpoint(), blue(model=reference))["model"] == reference


@pytest.mark.parametrize("names", [("credit", "credit"), ("credit", "Credit")])
def test_b26_b27_one_name_given_twice_is_refused(names):
    (said,) = problems(endpoint(name=names[0]), manifest("endpoint", file="y.yml", name=names[1]))
    assert said.startswith("y.yml:1:1: E-DUP-")


def test_a_broken_endpoint_still_exists_for_its_deployments():
    assert not problems(replace(endpoint(), valid=False), blue())
