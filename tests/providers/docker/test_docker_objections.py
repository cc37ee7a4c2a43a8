"""What the docker target says it cannot do, before anything is touched; no engine is asked unless GPUs are wanted."""

import pytest

from reconciler.core.address import Address
from reconciler.core.manifest import Manifest, Resource
from reconciler.kinds import KINDS
from reconciler.providers.docker import DockerProvider
from reconciler.providers.docker.objections import objections
from reconciler.providers.hosting.options import Issuer, Options
from reconciler.providers.provider import Setting

ENDPOINT = KINDS["endpoint"].defaults["managed"]
DEPLOYMENT = KINDS["deployment"].defaults["managed"]
CODE = {"code": {"name": "code", "digest": "sha256:1"}, "scoring_script": "score.py"}
ROUTE = {"port": 8501, "path": "/"}
OWN_SERVER = dict.fromkeys(("liveness_route", "readiness_route", "scoring_route"), ROUTE)
MLFLOW = {"path": {"name": "m", "digest": "sha256:2"}, "type": "mlflow_model"}


def resource(text, spec):
    address = Address.parse(text)
    return Resource(address, spec, Manifest(f"{address.name}.yml", address.kind, "managed", {}, {}, {}))


def blue(**fields):
    spec = {**DEPLOYMENT, "code_configuration": CODE, "environment": {"image": "any"}, **fields}
    return resource("deployment/credit/blue", {name: value for name, value in spec.items() if value is not None})


def objected(*resources, registered=None, options=None, gpus=False):
    found = objections(resources, (registered or {}).get, options or Options(), lambda: gpus)
    return [str(problem) for problem in found]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"environment": {"image": "any", "conda_file": {}}},
        {"environment": {"build": {"path": {"name": "context", "digest": "sha256:3"}}}},
        {"environment": {"image": "any", "os_type": "linux"}},
        {"environment": {"image": "triton", "inference_config": OWN_SERVER}, "code_configuration": None},
        {"environment": None, "code_configuration": None, "model": MLFLOW},
        {"instance_type": "Standard_DS3_v2"},
        {"type": "kubernetes", "resources": {"limits": {"cpu": "0.5", "memory": "1Gi"}}},
        {"environment": "azureml:not-known-here:1"},
    ],
)
def test_what_an_engine_can_run_is_not_objected_to(fields):
    assert objected(blue(**fields)) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "azureml://registries/r/models/m/versions/1"}, "E-REGISTRY: docker cannot fetch"),
        (
            {"model": {"path": "azureml://datastores/d/paths/m", "type": "custom_model"}},
            "give a path in the repository",
        ),
        ({"environment": "azureml:AzureML-sklearn-1.5:1"}, "lies in Azure; give image or build"),
        ({"environment": None}, "E-UNSUPPORTED: docker needs an image to run; add an environment with image or build"),
        ({"environment": {"conda_file": {}}}, "docker needs an image to run; add image or build"),
        ({"environment": {"image": "any", "os_type": "windows"}}, "docker runs Linux containers alone"),
        (
            {"code_configuration": {**CODE, "scoring_script": "plumber.R"}},
            "docker's own server runs Python scripts, and plumber.R is none; give the image's inference_config",
        ),
        ({"code_configuration": None}, "there is nothing to serve; add code_configuration"),
        (
            {"code_configuration": None, "model": {"path": MLFLOW["path"], "type": "triton_model"}},
            "docker runs Triton where an image brings it; add an environment with a Triton image",
        ),
        ({"resources": {"limits": {"cpu": "much"}}}, "'much' is no quantity; write one such as 0.5, 500m or 1Gi"),
    ],
)
def test_what_an_engine_cannot_run_is_refused_with_advice(fields, said):
    (problem,) = objected(blue(**fields))
    assert said in problem


def test_a_registered_environment_is_looked_into_where_it_is_written():
    environment = resource("environment/old:1", {"image": "any", "os_type": "Windows"})
    (problem,) = objected(environment, blue(environment="azureml:old:1"))
    assert problem.startswith("old.yml")
    assert "docker runs Linux containers alone" in problem


def test_a_registered_environment_with_a_server_of_its_own_needs_no_script():
    held = {Address.parse("environment/own:1"): {"image": "any", "inference_config": OWN_SERVER}}
    assert objected(blue(environment="azureml:own:1", code_configuration=None), registered=held) == []


def test_limits_that_the_engine_would_refuse_are_refused_by_the_plan_in_a_line_each():
    resources = {"requests": {"cpu": "2", "memory": "1Mi"}, "limits": {"cpu": "0", "memory": "100m"}}
    problems = objected(blue(type="kubernetes", resources=resources))
    assert [problem.partition("E-UNSUPPORTED: ")[2] for problem in problems] == [
        "resources.limits.cpu is less than the engine's least; write 10m or more, or leave it out",
        "resources.limits.memory is 0 bytes, less than the engine's least; write 6Mi or more, or leave it out",
        "resources.requests.memory is 1048576 bytes, less than the engine's least; write 6Mi or more, or leave it out",
        "resources.requests.cpu is more than its limit; write at most what resources.limits.cpu says",
        "resources.requests.memory is more than its limit; write at most what resources.limits.memory says",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"instance_type": "Standard_NC4as_T4_v3"},
        {"type": "kubernetes", "resources": {"limits": {"nvidia.com/gpu": "1"}}},
    ],
)
def test_gpus_are_refused_where_the_engine_has_none(fields):
    (problem,) = objected(blue(**fields))
    assert (
        "E-UNSUPPORTED: the engine has no GPUs to give: it names neither a runtime `nvidia` nor a CDI device" in problem
    )
    assert objected(blue(**fields), gpus=True) == []


def test_a_size_with_gpus_is_refused_by_a_real_engine_that_has_none(tmp_path, engine_host, project):
    setting = Setting("dev", tmp_path, None, {"docker": {"host": engine_host, "project": project}})
    provider = DockerProvider.open(setting)
    try:
        (problem,) = provider.objections([blue(instance_type="Standard_NC4as_T4_v3")])
        assert "no GPUs" in str(problem)
    finally:
        provider.close()


def test_without_gpus_no_engine_is_asked(tmp_path):
    provider = DockerProvider.open(Setting("dev", tmp_path, None, {"docker": {"host": "unix:///nowhere.sock"}}))
    assert list(provider.objections([blue(), resource("endpoint/credit", ENDPOINT)])) == []


@pytest.mark.parametrize(("enabled", "count"), [("true", 1), ("false", 0)])
def test_data_that_would_be_collected_in_azure_is_warned_of(enabled, count):
    collector = {"collections": {"model_inputs": {"enabled": enabled}}, "sampling_rate": 0.5}
    problems = objected(blue(data_collector=collector))
    assert len(problems) == count
    for problem in problems:
        assert "W-UNSUPPORTED: docker collects no data and sets no AZUREML_MDC_CONFIG_PATH" in problem


def test_an_endpoint_opened_by_tokens_needs_an_issuer():
    wanted = resource("endpoint/credit", {**ENDPOINT, "auth_mode": "aad_token"})
    (problem,) = objected(wanted)
    assert "E-UNSUPPORTED: docker does not know who issues the tokens" in problem
    issuer = Issuer("https://issuer", "audience", jwks_uri="https://issuer/keys")
    assert objected(wanted, options=Options(issuer=issuer)) == []
