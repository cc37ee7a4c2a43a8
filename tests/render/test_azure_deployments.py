"""Deployments as the Azure CLI prints them."""

import json
from typing import Any

from reconciler.core.secret import Secret
from reconciler.core.state import Entry, Live
from reconciler.render.azure_deployments import deployment_document, deployment_row
from tests.builders import KEY, blue

HASH = "1" * 64
CODE = {"code": {"name": "src", "digest": f"sha256:{HASH}"}, "scoring_script": "score.py"}


def document(**fields: Any) -> dict[str, Any]:
    resource = blue(**fields)
    live = Live(resource.address, {**resource.spec, **{k: v for k, v in fields.items() if k == "code_configuration"}})
    return deployment_document(live, Entry(resource.spec, created="2026-01-01T00:00:00Z"), "dev")


def test_it_has_the_keys_of_azure_in_their_order():
    shown = document(model="azureml:risk:3", environment="azureml:sklearn:1", code_configuration=CODE)
    assert list(shown) == [
        "app_insights_enabled",
        "code_configuration",
        "creation_context",
        "endpoint_name",
        "environment",
        "environment_variables",
        "id",
        "instance_count",
        "instance_type",
        "liveness_probe",
        "model",
        "name",
        "properties",
        "provisioning_state",
        "readiness_probe",
        "request_settings",
        "resourceGroup",
        "scale_settings",
        "tags",
        "type",
    ]
    assert list(shown["liveness_probe"]) == [
        "failure_threshold",
        "initial_delay",
        "period",
        "success_threshold",
        "timeout",
    ]
    assert shown["id"] == "/targets/dev/onlineEndpoints/credit/deployments/blue"


def test_assets_and_code_have_ids_whose_last_part_is_the_version():
    shown = document(model="azureml:risk:3", environment="azureml:sklearn:1", code_configuration=CODE)
    assert shown["model"] == "azureml:/targets/dev/models/risk/versions/3"
    assert shown["environment"] == "azureml:/targets/dev/environments/sklearn/versions/1"
    assert shown["code_configuration"] == {
        "code": f"/targets/dev/codes/{HASH}/versions/1",
        "scoring_script": "score.py",
    }


def test_assets_without_a_name_are_known_by_their_content():
    one = document(model={"path": "a"}, environment={"image": "img:1"})
    other = document(model={"path": "b"}, environment={"image": "img:2"})
    assert one["environment"].startswith("azureml:/targets/dev/environments/CliV2AnonymousEnvironment/versions/")
    assert one["model"].startswith("azureml:/targets/dev/models/")
    assert one["model"].endswith("/versions/1")
    assert one["environment"] != other["environment"]
    assert one["model"] != other["model"]
    assert one["model"] == document(model={"path": "a"})["model"]


def test_assets_of_elsewhere_are_as_they_are_written():
    registry = "azureml://registries/azureml/models/gpt/versions/1"
    assert document(model=registry, environment="azureml:AzureML-sklearn@latest")["model"] == registry


def test_variables_are_veiled_and_so_is_whatever_else_is_secret():
    shown = document(environment_variables={"A": "canary"}, tags={"url": "https://ana:canary@host/x"})
    assert shown["environment_variables"] == {"A": "(secret 1)"}
    assert "canary" not in json.dumps(shown)


def test_what_azure_does_not_know_is_not_told():
    resource = blue()
    spec = {**resource.spec, "autoscale": {"minimum": 1, "maximum": 2}, "lost_instances": ["x"]}
    shown = deployment_document(Live(resource.address, spec, status="Updating"), None, "dev")
    assert not {"autoscale", "lost_instances", "description"} & shown.keys()
    assert (shown["provisioning_state"], "creation_context" in shown) == ("Updating", False)


def test_variables_of_which_only_digests_are_recorded_are_shown_as_numbers():
    resource = blue()
    variables = {"A": Secret("x"), "B": Secret("x"), "C": Secret.of("3", KEY)}
    shown = deployment_document(Live(resource.address, {"environment_variables": variables}), None, "dev")
    assert shown["environment_variables"] == {"A": "(secret 1)", "B": "(secret 1)", "C": "(secret 2)"}


def test_a_table_has_its_own_columns():
    assert deployment_row(document(instance_count=3)) == {
        "name": "blue",
        "endpoint_name": "credit",
        "provisioning_state": "Succeeded",
        "instance_type": "Standard_DS3_v2",
        "instance_count": 3,
    }
