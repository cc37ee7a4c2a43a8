"""A folder of its own for each flow; what runs for it ends with the test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from replaying import Flow

from tests.engine.fixtures import lacking
from tests.environments import shared_environments


@pytest.fixture(scope="session")
def scripts() -> None:
    """What the scripts call is there."""
    for tool in ("curl", "jq"):
        if not shutil.which(tool):
            lacking(f"the scripts call {tool}", tool)


ENGINE = "targets:\n  local: {provider: docker, default: true, docker: {project: PROJECT}}\n"


@pytest.fixture
def flow_on_engine(tmp_path: Path, engine_host: str, serving_image: str, project: str, scripts: None) -> Iterator[Flow]:
    """The same for containers of an image that has all that the scripts' deployments need."""
    made = Flow(tmp_path / "cli", tmp_path, "docker", DOCKER_HOST=engine_host)
    (made.folder / "mlops.yaml").write_text(ENGINE.replace("PROJECT", project))
    for file in made.folder.glob("online/sample/*-deployment.yml"):
        kept = [line for line in file.read_text().splitlines() if "conda_file" not in line]
        file.write_text("\n".join(f"  image: {serving_image}" if "image:" in line else line for line in kept))
    yield made
    made.end()


@pytest.fixture
def flow(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, scripts: None) -> Iterator[Flow]:
    """The files of the flows without an mlops.yaml."""
    made = Flow(tmp_path / "cli", shared_environments(tmp_path_factory))
    yield made
    made.end()
