"""What the local target says it cannot do, before anything is touched."""

import pytest
from local_world import DEPLOYMENT, ENDPOINT

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource
from reconciler.providers.local.objections import objections

CODE = {"code": {"name": "code", "digest": "sha256:1"}, "scoring_script": "score.py"}


def resource(text, spec):
    address = Address.parse(text)
    return Resource(address, spec, Manifest(f"{address.name}.yml", address.kind, "managed", {}, {}, {}))


def objected(*resources, registered=None):
    return [str(problem) for problem in objections(resources, (registered or {}).get)]


def blue(**fields):
    return resource("deployment/credit/blue", {**DEPLOYMENT, "code_configuration": CODE, **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"environment": {"image": "any", "conda_file": {}}},
        {"environment": {"image": "any", "inference_config": {}}},
        {"model": {"path": {"name": "m", "digest": "sha256:2"}, "type": "mlflow_model"}},
        {"type": "kubernetes", "instance_type": "gpu"},
    ],
)
def test_a_deployment_with_a_scoring_script_is_served(fields):
    assert objected(blue(**fields)) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "azureml://registries/r/models/m/versions/1"}, "E-REGISTRY: local cannot fetch"),
        ({"model": "azureml:/subscriptions/s/models/m/versions/1"}, "E-REGISTRY: local cannot fetch"),
        ({"model": {"path": "azureml://datastores/d/paths/m", "type": "custom_model"}}, "give a path"),
        ({"environment": "azureml:AzureML-sklearn-1.5:1"}, "give image and conda_file"),
        ({"model": {"path": "data/on/a/datastore.pkl"}}, "E-REGISTRY: local cannot fetch"),
        ({"environment": {"build": {"path": "."}}}, "E-UNSUPPORTED: local builds no images"),
        (
            {"code_configuration": {"code": {"name": "src", "digest": "x"}, "scoring_script": "plumber.R"}},
            "E-UNSUPPORTED: local runs Python scripts, and plumber.R is none",
        ),
        ({"code_configuration": None}, "add code_configuration"),
        ({"code_configuration": None, "model": {"type": "mlflow_model"}}, "MLflow"),
        ({"code_configuration": None, "model": {"type": "triton_model"}}, "Triton"),
        ({"code_configuration": None, "environment": {"inference_config": {}}}, "docker target"),
    ],
)
def test_what_needs_azure_or_an_image_is_refused_with_advice(fields, said):
    (problem,) = objected(blue(**fields))
    assert said in problem


def test_an_environment_that_is_registered_is_looked_into():
    wanted = resource("environment/built:1", {"build": {"path": "."}})
    assert "builds no images" in objected(blue(environment="azureml:built:1"), wanted)[0]
    held = {Address.parse("environment/built:1"): {"build": {"path": "."}}}
    assert "builds no images" in objected(blue(environment="azureml:built:1"), registered=held)[0]


@pytest.mark.parametrize("fields", [{"auth_mode": "aml_token"}, {"mirror_traffic": {"blue": 10}}])
def test_an_endpoint_that_needs_what_local_lacks_is_refused(fields):
    (problem,) = objected(resource("endpoint/credit", {**ENDPOINT, **fields}))
    assert "E-UNSUPPORTED" in problem
