"""What a user of a docker target reads when something is wrong, and what goes on serving meanwhile."""

import socket

import pytest
from command_line import PATIENCE_S, Ran
from on_engine import OnEngine, begun, let_go, settings

from tests.ports import free_port
from tests.waiting import until


def test_an_init_that_fails_in_a_container_leaves_the_old_deployment_in_service(docker: OnEngine):
    docker.apply()
    (serving,) = docker.containers("blue")
    docker.edit("manifests/src/score.py", 'logging.info("the model is read")', 'raise ValueError("no such model")')
    failed = docker.apply(code=5)
    assert "deployment/credit/blue: init() failed (exit code 3)" in failed.out
    assert "    | ValueError: no such model" in failed.out
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
    assert [container.name for container in docker.containers("blue")] == [serving.name]


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
