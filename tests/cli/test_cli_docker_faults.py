"""What a user of a docker target reads when something is wrong, and what goes on serving meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from command_line import PATIENCE_S, Ran
from docker.errors import NotFound
from docker.models.images import Image
from on_engine import OnEngine, begun, engine, let_go, settings

from tests.ports import free_port
from tests.waiting import until


def test_f13_an_init_that_fails_in_a_container_leaves_the_old_in_service_and_a_mended_one_converges(docker: OnEngine):
    docker.apply()
    (serving,) = docker.containers("blue")
    docker.edit("manifests/src/score.py", 'logging.info("the model is read")', 'raise ValueError("no such model")')
    failed = docker.apply(code=5)
    assert "deployment/credit/blue: init() failed (exit code 3)" in failed.out
    assert "    | ValueError: no such model" in failed.out
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
    assert [container.name for container in docker.containers("blue")] == [serving.name]
    docker.edit("manifests/src/score.py", 'raise ValueError("no such model")', "pass")
    docker.apply()
    assert_converged(docker)


def assert_converged(docker: OnEngine) -> None:
    """The record is what is live, nothing is left to do, and there is one container, which runs."""
    docker.mlops("drift", "--detailed-exitcode", code=0)
    docker.mlops("plan", "--detailed-exitcode", code=0)
    assert [container.status for container in docker.containers()] == ["running"]


def test_f13_a_bad_image_leaves_the_traffic_where_it_is_and_a_mended_one_converges(docker: OnEngine):
    docker.apply()
    (serving,) = docker.containers("blue")
    former = docker.read("manifests/sklearn.yml")
    absent = f"127.0.0.1:{free_port()}/absent:1"
    docker.write("manifests/sklearn.yml", _version(former, 2).replace(docker.image, absent))
    docker.edit("manifests/blue.yml", "azureml:sklearn:1", "azureml:sklearn:2")
    failed = docker.apply(code=5)
    assert f"image {absent} cannot be pulled" in failed.out
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
    assert [container.name for container in docker.containers()] == [serving.name]
    docker.write("manifests/sklearn.yml", _version(former, 3))
    docker.edit("manifests/blue.yml", "azureml:sklearn:2", "azureml:sklearn:3")
    docker.apply()
    assert_converged(docker)


def _version(environment: str, number: int) -> str:
    return environment.replace("version: 1", f"version: {number}")


def test_a_build_that_fails_shows_its_last_lines_and_changes_nothing_live(docker: OnEngine, serving_image: str):
    docker.apply()
    (serving,) = docker.containers("blue")
    docker.write("manifests/context/Dockerfile", f"FROM {serving_image}\nRUN echo no such compiler >&2; exit 7\n")
    docker.edit("manifests/sklearn.yml", "version: 1", "version: 2")
    docker.edit("manifests/sklearn.yml", f"image: {serving_image}", "build: {path: context}")
    docker.edit("manifests/blue.yml", "azureml:sklearn:1", "azureml:sklearn:2")
    failed = docker.apply(code=5)
    assert "no such compiler" in failed.out
    assert "Traceback" not in failed.out
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
    assert [container.name for container in docker.containers("blue")] == [serving.name]


@pytest.fixture
def building(docker: OnEngine) -> Iterator[OnEngine]:
    """A repository whose images, which any project would share, are removed in the end."""
    yield docker
    docker.mlops("destroy", "--auto-approve")
    with engine(docker.host) as client:
        steps = {image.id: _steps(image, docker.project) for image in client.images.list("mlops/env")}
        ours = [image for image, count in steps.items() if count]
        for image in sorted(ours, key=lambda image: -steps[image]):  # One that is made of another goes before it.
            with suppress(NotFound):
                client.images.remove(image, force=True)


def _steps(image: Image, project: str) -> int:
    """How many steps made an image of the project's; of any other, or one that is gone, none."""
    with suppress(NotFound):
        made = image.history()
        return len(made) if any(project in step["CreatedBy"] for step in made) else 0
    return 0


def test_what_a_build_prints_is_seen_and_kept_and_an_environment_is_built_once(building: OnEngine, serving_image: str):
    docker = building
    # A word of the project's own: what the engine has built before it does not run again.
    docker.write(
        "manifests/context/Dockerfile", f"FROM {serving_image}\nRUN echo compiled $((6 * 7)) {docker.project}\n"
    )
    docker.edit("manifests/sklearn.yml", f"image: {serving_image}", "build: {path: context}")
    printed = f"compiled 42 {docker.project}"
    assert f"create deployment/credit/blue: {printed}\n" in docker.apply().out
    kept = ("logs", "deployment/credit/blue", "--container", "storage-initializer")
    assert printed in docker.mlops(*kept).out.splitlines()
    docker.edit("manifests/src/score.py", '"blue"', '"bluer"')
    again = docker.apply().out
    assert "roll_out deployment/credit/blue: 1 of 1 instances ready" in again
    assert printed not in again
    assert "build" not in again.lower()
    assert docker.mlops("invoke", "credit").out == '"bluer"\n'


def test_an_image_that_cannot_be_had_fails_its_step_in_one_line(docker: OnEngine, serving_image: str):
    absent = f"127.0.0.1:{free_port()}/absent:1"
    docker.edit("manifests/sklearn.yml", serving_image, absent)
    failed = docker.apply(code=5)
    (line,) = {line.split(": failed: ")[1] for line in failed.out.splitlines() if ": failed: " in line}
    assert absent in line
    assert docker.containers() == []


def test_a_port_that_is_taken_is_said_and_nothing_is_deployed(docker: OnEngine):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        docker.write("mlops.yaml", settings(docker.project, f"gateway: {{port: {port}}}"))
        failed = docker.apply(code=5)
    assert f"port {port} " in failed.out
    assert docker.containers() == []


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:{port}"])
@pytest.mark.parametrize("words", [("plan",), ("apply", "--auto-approve"), ("drift",), ("status",)])
def test_without_an_engine_one_line_says_which_was_asked(served_by_engine: OnEngine, words: tuple[str, ...], host: str):
    address = host.format(port=free_port())
    refused = served_by_engine.mlops(*words, code=1, DOCKER_HOST=address)
    (line,) = refused.err.splitlines()
    assert line.startswith("mlops: ")
    assert address in line


def test_a_run_that_was_killed_leaves_no_container_twice(docker: OnEngine):
    with begun(docker) as process:
        process.kill()
        process.wait(timeout=PATIENCE_S)
    assert "! recover deployment/credit/blue" in docker.mlops("plan", "--detailed-exitcode", code=2).out
    with docker.started("apply", "--auto-approve") as again:
        until(lambda: let_go(docker) or again.poll() is not None, patience_s=PATIENCE_S)
        out, err = again.communicate()
    assert Ran(again.returncode, "", err) == Ran(0, "", ""), out
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
    assert [container.status for container in docker.containers()] == ["running"]
    assert docker.mlops("plan").out.startswith("No changes.")


def test_a_container_that_nothing_names_is_drift_and_is_removed_by_an_apply_of_no_change(docker: OnEngine):
    docker.apply()
    (serving,) = docker.containers("blue")
    with engine(docker.host) as client:
        labels = {**serving.labels, "mlops.instance": "0123456789ab"}
        client.containers.create(serving.image.id, ["true"], labels=labels)
    assert "stray_instances: 1" in docker.mlops("drift", "--detailed-exitcode", code=2).out
    planned = docker.mlops("plan", "--detailed-exitcode", code=2).out
    assert "scale deployment/credit/blue (instances run that are not in service)" in planned
    docker.apply()
    assert [container.name for container in docker.containers()] == [serving.name]
    docker.mlops("drift", "--detailed-exitcode", code=0)
