"""MLflow models are served without a script: from their own environment, by their signature, behind the gateway."""

import json
import shutil
from pathlib import Path

import pytest
from local_world import DEPLOYMENT, ENDPOINT, World

from reconciler.core.address import Address
from reconciler.providers.hosting.objects import Objects
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.local.environments import Environments
from reconciler.providers.local.supplies import Supplies

BLUE = Address.parse("deployment/credit/blue")
MODEL = Path(__file__).parents[2] / "mlflow-model"
COLUMNS = ["area", "rooms", "city"]
ROW = [50, 3, "Oslo"]
LOADING = f"""import os
import mlflow.pyfunc


def init():
    global model
    model = mlflow.pyfunc.load_model(os.path.join(os.environ["AZUREML_MODEL_DIR"], {MODEL.name!r}))


def run(raw_data):
    import pandas
    return model.predict(pandas.DataFrame([[50.0, *{ROW[1:]!r}]], columns={COLUMNS!r})).tolist()
"""
NAMED = dict(zip(COLUMNS, ROW, strict=True))


@pytest.fixture(scope="module")
def served(tmp_path_factory, environments):
    """A world in which `credit/blue` serves the model of the tests."""
    world = World(tmp_path_factory.mktemp("mlflow"), environments)
    world.do("create", "endpoint/credit", ENDPOINT)
    model = {"path": world.contents.copied(MODEL), "type": "mlflow_model"}
    world.do("create", str(BLUE), {**DEPLOYMENT, "model": model})
    yield world
    world.end()


def ask(world, payload):
    status, answer = world.call("blue", body=json.dumps(payload).encode())
    return status, json.loads(answer)


def log_of(world):
    text = world.layout.initializer_log(BLUE).read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    "payload",
    [
        {"input_data": {"columns": COLUMNS, "index": [0], "data": [ROW]}},
        {"input_data": [ROW]},
        {"input_data": [NAMED]},
        {"input_data": {"area": [50], "rooms": [3], "city": ["Oslo"]}},
        {"inputs": {"area": [50], "rooms": [3], "city": ["Oslo"]}},
        {"instances": [NAMED]},
        {"dataframe_split": {"columns": COLUMNS, "data": [ROW]}},
        {"dataframe_records": [NAMED]},
    ],
    ids=lambda payload: "-".join([*payload, type(next(iter(payload.values()))).__name__]),
)
def test_each_form_of_payload_is_answered_with_a_list_of_predictions(served, payload):
    assert ask(served, payload) == (200, [230.0])


def test_parameters_of_the_signature_are_passed_on(served):
    assert ask(served, {"input_data": [ROW], "params": {"factor": 2.0}}) == (200, [460.0])


def test_what_the_signature_does_not_allow_is_the_models_error(served):
    status, answer = ask(served, {"input_data": {"columns": ["area", "rooms"], "data": [[50, 3]]}})
    assert (status, answer["message"]) == (424, "Model is missing inputs ['city'].")


def test_what_was_laid_down_is_kept_in_the_columns_of_azures_console_log(served):
    rows = log_of(served)
    assert {tuple(row) for row in rows} == {
        ("TimeGenerated", "OperationName", "InstanceId", "EndpointName", "DeploymentName", "ContainerName", "Message")
    }
    assert {(row["EndpointName"], row["DeploymentName"], row["ContainerName"]) for row in rows} == {
        ("credit", "blue", "storage-initializer")
    }
    said = "\n".join(row["Message"] for row in rows)
    assert "+ mlflow-skinny==3.17.2" in said
    assert f"model mlflow-model -> {served.layout.models}" in said


def test_nothing_is_written_beside_what_is_served(served):
    stored = served.contents.path("sha256:mlflow-model")
    names = {path.relative_to(stored) for path in stored.rglob("*") if path.is_file()}
    assert names == {path.relative_to(MODEL) for path in MODEL.rglob("*") if path.is_file()}
    assert [path.name for path in served.layout.runtime.glob("*/*")] == ["reconciler"]


def test_a_script_loads_it_by_mlflow_which_follows_no_link_out_of_it(served):
    model = {"path": {"name": MODEL.name, "digest": f"sha256:{MODEL.name}"}, "type": "mlflow_model"}
    served.do("create", "deployment/credit/green", served.deployment(LOADING, model=model))
    assert served.score("green") == [230.0]


def test_a_model_one_folder_deeper_is_found(served, tmp_path):
    shutil.copytree(MODEL, tmp_path / "artifacts" / "model")
    model = {"path": served.contents.copied(tmp_path / "artifacts"), "type": "mlflow_model"}
    environments = Environments(served.layout.environments)
    sources = Sources(Objects(served.layout.folder), served.contents, "local")
    supplies = Supplies(served.layout, sources, environments)
    launch = supplies.launch(BLUE, {**DEPLOYMENT, "model": model}, {}, served.reports.append)
    assert launch.model is not None
    assert (launch.model / launch.mlflow_folder / "MLmodel").is_file()
