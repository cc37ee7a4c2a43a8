"""A project on an engine is of one state, and what a target holds runs in one mode; anything else is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from on_engine import OnEngine, settings

from tests.engine.sweeping import sweep


@pytest.fixture
def other(tmp_path: Path, engine_host: str, serving_image: str, project: str) -> Iterator[OnEngine]:
    """A second repository of the same project, with an endpoint and assets of other names."""
    repository = OnEngine(tmp_path / "other", engine_host, project, serving_image)
    for name in ("endpoint", "blue"):
        repository.edit(f"manifests/{name}.yml", "name: credit", "name: debit")
    for file, asset in (("risk-1", "risk"), ("sklearn", "sklearn")):
        repository.edit(f"manifests/{file}.yml", f"name: {asset}", f"name: {asset}-2")
        repository.edit("manifests/blue.yml", f"azureml:{asset}:", f"azureml:{asset}-2:")
    yield repository
    repository.end()
    sweep(engine_host, f"{project}-2")


def owned(docker: OnEngine) -> dict[str, set[str]]:
    return {kind: set(names) for kind, names in docker.things().items()}


def test_a_project_of_another_repository_is_refused_and_goes_on(docker: OnEngine, other: OnEngine):
    docker.apply()
    things, keys = owned(docker), docker.mlops("credentials", "credit").out
    lineage = docker.mlops("status", "--format", "json").json["lineage"]
    refused = other.apply(code=5).out
    assert f"project {docker.project} on this engine belongs to another state (lineage {lineage})" in refused
    assert "set `docker: project` of the target to another name" in refused
    assert owned(docker) == things
    # What the second one read of the first is gone with the project that was not its own.
    other.write("mlops.yaml", settings(f"{docker.project}-2"))
    other.apply()
    assert other.mlops("invoke", "debit").out == '"blue"\n'
    assert other.mlops("credentials", "debit").out != keys
    assert owned(docker) == things
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
    assert docker.mlops("plan").out.startswith("No changes.")


def test_another_mode_is_refused_before_anything_is_stranded(docker: OnEngine):
    docker.apply()
    (serving,) = docker.containers("blue")
    belonging = docker.layout.folder / "belongs.json"
    ours = belonging.read_text()
    belonging.write_text(ours.replace('"containers"', '"swarm"'))
    assert "set mode: swarm again and run `mlops destroy` first" in docker.mlops("plan", code=1).err
    assert "runs in mode: swarm" in docker.mlops("destroy", "--auto-approve", code=5).out
    (still,) = docker.containers("blue")
    assert (still.id, still.status) == (serving.id, "running")
    belonging.write_text(ours)
    docker.mlops("destroy", "--auto-approve")
    assert docker.containers() == []
