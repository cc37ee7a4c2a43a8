"""An MLflow model is served without a script, in an image that is made of the environment that it was logged with."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_world import BLUE, ENDPOINT, World

from tests.hosted_world import DEPLOYMENT

MODEL = Path(__file__).parents[2] / "mlflow-model"


@pytest.fixture
def served(tmp_path: Path, engine_host: str, project: str, base_image: str) -> Iterator[World]:
    """A target in which `credit/blue` serves the registered model of the tests, and no more is said."""
    world = World(tmp_path, engine_host, project, base_image, docker={"base_image": base_image})
    try:
        world.do("create", "endpoint/credit", ENDPOINT)
        model = {"path": world.contents.copied(logged_anywhere(tmp_path / "model")), "type": "mlflow_model"}
        world.do("create", "model/price:1", {**model, "flavors": {"python_function": {}}, "by_command": True})
        world.do("create", str(BLUE), {**DEPLOYMENT, "model": "azureml:price:1"})
        yield world
    finally:
        world.end()


def logged_anywhere(folder: Path) -> Path:
    """The model, logged without saying by which Python: where no registry is, there is the image's and no other."""
    shutil.copytree(MODEL, folder)
    conda = folder / "conda.yaml"
    conda.write_text(conda.read_text().replace("- python=3.11.7\n", ""))
    return folder


def test_a_model_that_says_how_it_is_served_needs_no_environment(served):
    payload = {"input_data": {"columns": ["area", "rooms", "city"], "index": [0], "data": [[50, 3, "Oslo"]]}}
    status, answer = served.call("blue", body=json.dumps(payload).encode())
    assert (status, json.loads(answer)) == (200, [230.0])
