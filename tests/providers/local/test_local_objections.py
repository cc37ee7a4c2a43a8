"""What the local target says it cannot do, before anything is touched."""

from dataclasses import replace
from pathlib import Path

import pytest
from local_world import DEPLOYMENT, ENDPOINT

from reconciler.core.address import Address
from reconciler.core.manifest import Content, Manifest, Resource
from reconciler.providers.hosting.options import Certificate, Issuer, Options
from reconciler.providers.local.objections import objections
from reconciler.providers.local.options import LocalOptions

DEFAULTS = LocalOptions()
MODEL = Path(__file__).parents[2] / "mlflow-model"
CODE = {"code": {"name": "code", "digest": "sha256:1"}, "scoring_script": "score.py"}


def resource(text, spec):
    address = Address.parse(text)
    return Resource(address, spec, Manifest(f"{address.name}.yml", address.kind, "managed", {}, {}, {}))


def objected(*resources, registered=None, options=DEFAULTS):
    return [str(problem) for problem in objections(resources, (registered or {}).get, options)]


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


def test_an_endpoint_opened_by_tokens_of_an_unknown_issuer_is_refused():
    (problem,) = objected(resource("endpoint/credit", {**ENDPOINT, "auth_mode": "aad_token"}))
    assert "E-UNSUPPORTED: local does not know who issues the tokens" in problem


def test_the_keys_of_an_issuer_are_read_before_anything_is_touched(tmp_path):
    opened = resource("endpoint/credit", {**ENDPOINT, "auth_mode": "aad_token"})
    named = LocalOptions(Options(issuer=Issuer("me", "ml", tmp_path / "keys.json")))
    (problem,) = objected(opened, options=named)
    assert "E-UNSUPPORTED: target option tokens: jwks_file:" in problem
    (tmp_path / "keys.json").write_text('{"keys": [{"kty": "RSA", "n": "a", "e": "AQAB"}]}')
    assert objected(opened, options=named) == []


@pytest.mark.parametrize("fields", [{}, {"auth_mode": "aml_token"}, {"mirror_traffic": {"blue": 10}}])
def test_an_endpoint_that_local_can_serve_is_not_refused(fields):
    assert objected(resource("endpoint/credit", {**ENDPOINT, **fields})) == []


def mlflow(folder, **fields):
    """A deployment of the MLflow model in a folder, without a script."""
    content = Content("sha256:2", "model", folder)
    made = blue(model={"path": {"name": "model", "digest": "sha256:2"}, "type": "mlflow_model"}, **fields)
    manifest = replace(made.manifest, contents={"model.path": content}, positions={"model": (4, 1)})
    return Resource(made.address, {**made.spec, "code_configuration": None}, manifest)


def conda(*lines):
    return {"image": "any", "conda_file": {"dependencies": [{"pip": list(lines)}]}}


def test_an_mlflow_model_needs_no_script_and_no_environment():
    assert objected(mlflow(MODEL)) == []


def test_an_mlflow_model_that_is_registered_needs_none_either():
    folder = Content("sha256:2", "model", MODEL)
    model = {"path": {"name": "model", "digest": "sha256:2"}, "type": "mlflow_model"}
    registered = resource("model/risk:1", model)
    named = Resource(registered.address, model, replace(registered.manifest, contents={"path": folder}))
    wanted = blue(code_configuration=None, model="azureml:risk:1")
    assert objected(wanted, named) == []
    assert objected(wanted, registered={named.address: model}) == []


def test_an_environment_without_mlflow_is_told_to_have_it():
    (problem,) = objected(mlflow(MODEL, environment=conda("scikit-learn")))
    assert problem.endswith(
        "E-UNSUPPORTED: the environment lacks mlflow, which serves an MLflow model without a script; "
        "add mlflow to its conda file"
    )
    assert objected(mlflow(MODEL, environment=conda("mlflow-skinny", "pandas"))) == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"MLmodel": "flavors: {onnx: {}}"}, "MLmodel of model has no python_function flavor"),
        ({"MLmodel": "a: [b"}, "MLmodel of the MLflow model is not YAML"),
        ({"MLmodel": "flavors: {python_function: {}}"}, "names no environment"),
        ({"MLmodel": "flavors: {python_function: {env: conda.yaml}}"}, "conda.yaml of the MLflow model cannot be read"),
        (
            {"MLmodel": "flavors: {python_function: {env: c}}", "c": "dependencies: [mlflow, 'a=1|2']"},
            "'a=1|2' cannot be installed with pip",
        ),
        ({"MLmodel": "flavors: {python_function: {env: c}}", "c": "dependencies: [numpy]"}, "lacks mlflow"),
    ],
)
def test_what_an_mlflow_model_lacks_is_told_at_its_place(tmp_path, files, said):
    folder = tmp_path / "model"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    (problem,) = objected(mlflow(folder))
    assert problem.startswith("blue.yml:4:1: E-UNSUPPORTED: ")
    assert said in problem


def test_every_entry_of_a_conda_file_that_pip_cannot_be_told_is_told_before_anything_is_touched():
    environment = {"image": "any", "conda_file": {"dependencies": ["numpy=1|2", "joblib", {"pip": ["-r r.txt"]}]}}
    assert [problem.rpartition(": ")[2][:20] for problem in objected(blue(environment=environment))] == [
        "'numpy=1|2' cannot b",
        "pip line '-r r.txt' ",
    ]


def test_the_server_of_azure_must_be_in_the_environment_of_a_script():
    azureml = LocalOptions(server="azureml")
    (problem,) = objected(blue(environment=conda("joblib")), options=azureml)
    assert "the environment lacks azureml-inference-server-http" in problem
    assert objected(blue(environment=conda("azureml_inference_server_http==1.4.1")), options=azureml) == []
    assert objected(blue(environment=conda("azureml-defaults")), options=azureml) == []
    assert objected(mlflow(MODEL), options=azureml) == []


def test_a_certificate_that_the_gateway_could_not_show_is_told_by_every_plan(tmp_path):
    broken = tmp_path / "tls.pem"
    broken.write_text("no certificate")
    found = objected(
        resource("endpoint/credit", ENDPOINT), options=LocalOptions(Options(tls=Certificate(broken, broken)))
    )
    assert len(found) == 1
    assert f"target option gateway: tls: cert_file: {broken}" in found[0]


@pytest.mark.parametrize(("enabled", "count"), [("true", 1), ("false", 0)])
def test_data_that_would_be_collected_in_azure_is_warned_of(enabled, count):
    collector = {"collections": {"model_inputs": {"enabled": enabled}}, "sampling_rate": 0.5}
    problems = objected(blue(data_collector=collector))
    assert len(problems) == count
    for problem in problems:
        assert "W-UNSUPPORTED: local collects no data and sets no AZUREML_MDC_CONFIG_PATH" in problem
