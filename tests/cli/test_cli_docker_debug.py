"""A deployment of a docker target is debugged in a container of its image, which ends with the command."""

from pathlib import Path

from debugged import debugging, free_ports
from on_engine import OnEngine, engine

from tests.waiting import until

SCORE = """def init():
    pass


def run(raw_data):
    value = len(raw_data)
    return {"value": value}
"""
AT_RUN = 7


def boxes(repo: OnEngine) -> list[str]:
    """The containers in which something is debugged."""
    labels = [f"mlops.project={repo.project}", "mlops.kind=debugged"]
    with engine(repo.host) as client:
        return [each.id for each in client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)]


def test_a_breakpoint_of_the_working_tree_is_hit_in_the_container(docker: OnEngine):
    docker.write("manifests/src/score.py", SCORE)
    score = docker.folder / "manifests" / "src" / "score.py"
    with debugging(docker, "credit/blue", "--container", DOCKER_HOST=docker.host) as debugged:
        [mapping] = debugged.configuration["pathMappings"]
        assert mapping == {"localRoot": str(score.parent), "remoteRoot": "/var/azureml-app/src"}
        with debugged.until_ready().attached({score: [AT_RUN]}) as client:
            answer = debugged.asked(b"123")
            stop = client.stopped()
            assert (stop.place, stop.evaluate("value")) == ((str(score), AT_RUN, "run"), "3")
            assert stop.evaluate("__import__('os').environ['AZUREML_MODEL_DIR']").startswith("'/var/azureml-app/")
            stop.go_on()
            assert answer.result() == (200, b'{"value": 3}')
            client.break_at(score)
            score.write_text(SCORE.replace("len(raw_data)", "raw_data"))
            until(lambda: debugged.ask(b"123") == (200, b'{"value": "123"}'))
        assert debugged.end() == 0
        assert boxes(docker) == []


# Fails where anything answers at one of the addresses that are its arguments.
KNOCK = """import socket, sys
for address in sys.argv[1:]:
    try:
        socket.create_connection(address.split(":"), timeout=2)
    except OSError:
        continue
    sys.exit(address + " is open")
"""


def test_no_other_container_reaches_what_listens_in_the_container(docker: OnEngine):
    docker.write("manifests/src/score.py", SCORE)
    with (
        debugging(docker, "credit/blue", "--container", DOCKER_HOST=docker.host) as debugged,
        engine(docker.host) as client,
    ):
        debugged.until_ready()
        [box] = boxes(docker)
        found = client.containers.get(box).attrs
        [(network, place)] = found["NetworkSettings"]["Networks"].items()
        scoring, debugger = (port.partition("/")[0] for port in found["Config"]["ExposedPorts"])
        knock = [found["Path"], "-c", KNOCK, *(f"{place['IPAddress']}:{port}" for port in (scoring, debugger))]
        for neighbour in (network, "bridge"):
            client.containers.run(found["Image"], entrypoint=knock, network=neighbour, remove=True)


def test_no_container_outlives_a_command_that_is_killed_at_a_breakpoint(docker: OnEngine):
    docker.write("manifests/src/score.py", SCORE)
    score: Path = docker.folder / "manifests" / "src" / "score.py"
    with (
        debugging(docker, "credit/blue", "--container", DOCKER_HOST=docker.host) as debugged,
        debugged.until_ready().attached({score: [AT_RUN]}) as client,
    ):
        answer = debugged.asked(b"123")
        client.stopped()
        assert len(boxes(docker)) == 1
        debugged.process.kill()
        until(lambda: boxes(docker) == [])
        client.await_end()
        assert answer.exception() is not None


def test_an_init_that_fails_in_the_container_ends_the_command_with_an_error(docker: OnEngine):
    docker.write("manifests/src/score.py", SCORE.replace("    pass", "    open('nowhere')"))
    with docker.started("debug", "credit/blue", "--container", *free_ports()) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "No such file or directory: 'nowhere'" in errors
    assert errors.endswith("deployment/credit/blue cannot be served, see above; correct it and start again\n")
    assert boxes(docker) == []
