"""The example in manifests/ and the Azure sample in containers, their packages installed from the conda files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from on_engine import NOTHING, OnEngine, settings
from test_cli_sample import SAMPLES, SCORE

ROOT = Path(__file__).resolve().parents[2]
# What the models answer to the request beside the manifests, wherever they run.
PRICES = {"blue": [411510.5, 178500.91], "green": [422233.54, 149080.05]}


@pytest.fixture
def emptied(docker: OnEngine) -> OnEngine:
    """The repository without manifests."""
    shutil.rmtree(docker.folder / "manifests")
    return docker


@pytest.mark.timeout(900)
def test_the_demo_of_the_docker_target_prices_houses_and_takes_itself_away(
    emptied: OnEngine, base_image: str, project: str
):
    shutil.copytree(ROOT / "manifests", emptied.folder / "manifests")
    shutil.copy(ROOT / "mlops.yaml", emptied.folder)
    emptied.edit("mlops.yaml", "{provider: docker}", f"{{provider: docker, docker: {{project: {project}}}}}")
    shown = _demo(emptied, "up", base_image)
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "blue 90 % 1 of 1 ready Succeeded" in lines
    assert "green 10 % 1 of 1 ready Succeeded" in lines
    for deployment, prices in PRICES.items():
        request = "manifests/house-prices/sample-request.json"
        asked = ("--target", "docker", "--deployment", deployment, "--request-file", request)
        assert emptied.mlops("invoke", "house-prices", *asked).json == prices
    # What it says of a plan to try holds: nothing has changed since.
    again = shown.rpartition("mlops plan ")[2].partition("`")[0]
    assert emptied.mlops("plan", *again.split()).out.startswith("No changes.")
    _demo(emptied, "down", "")
    assert emptied.things() == NOTHING


@pytest.mark.timeout(900)
@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the Azure samples are not at {SAMPLES}")
def test_the_azure_sample_predicts_in_a_container_what_it_predicts_in_azure(
    emptied: OnEngine, base_image: str, project: str
):
    shutil.copytree(SAMPLES / "managed" / "sample", emptied.folder / "online" / "managed" / "sample")
    shutil.copytree(SAMPLES / "model-1", emptied.folder / "online" / "model-1")
    emptied.write("online/model-1/onlinescoring/score.py", SCORE)
    # The Python that the base image has: another would have to be downloaded.
    emptied.edit("online/model-1/environment/conda.yaml", "python=3.12", "python=3")
    image = f"overrides: {{deployment/my-endpoint/blue: {{environment.image: '{base_image}'}}}}"
    emptied.write("mlops.yaml", settings(project, image))
    sample = "online/managed/sample"
    emptied.apply(f"{sample}/endpoint.yml", f"{sample}/blue-deployment.yml")
    request = "online/model-1/sample-request.json"
    answer = emptied.mlops("invoke", "my-endpoint", "--deployment", "blue", "--request-file", request)
    assert answer.json == [11055.977245525679, 4503.079536107787]


def _demo(repo: OnEngine, action: str, image: str) -> str:
    """What the demo prints, as `make demo` and `make demo-down` call it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "DOCKER_HOST": repo.host}
    command = ("sh", "manifests/demo.sh", action, "docker", *filter(None, [image]))
    done = subprocess.run(
        command, cwd=repo.folder, env=env, input="", capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
