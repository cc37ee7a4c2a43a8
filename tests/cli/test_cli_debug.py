"""A deployment is debugged: by a client of the protocol that editors speak, in the files of the working tree."""

import json
import shlex
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from command_line import PATIENCE_S, Repository, files_holding
from debugged import Debugged, debugging, free_ports, gone

from reconciler.errors import MlopsError
from reconciler.operate.debug_server import DEBUG_PORT, is_free, ports_of
from tests.waiting import until

SCORE = """import json

import helper


def init():
    global model
    print("initialised")
    model = 40


def run(raw_data):
    value = helper.grown(model, json.loads(raw_data))
    return {"value": value}
"""
HELPER = """def grown(model, by):
    total = model + by
    return total
"""
AT_INIT, AT_RUN, AT_HELPER = 9, 14, 3


@pytest.fixture
def fresh(local: Repository) -> Repository:
    """A repository that was never applied, whose requests may take a second."""
    return with_scripts(local)


def with_scripts(repository: Repository) -> Repository:
    repository.write("manifests/src/score.py", SCORE)
    repository.write("manifests/src/helper.py", HELPER)
    patience = "instance_count: 1\nrequest_settings:\n  request_timeout_ms: 1\n"
    repository.edit("manifests/blue.yml", "instance_count: 1\n", patience)
    return repository


@pytest.fixture(scope="module")
def debugged(
    tmp_path_factory: pytest.TempPathFactory, local_repository: Callable[[Path], Repository]
) -> Iterator[Debugged]:
    """Deployment blue, ready for several debuggers one after another."""
    repository = with_scripts(local_repository(tmp_path_factory.mktemp("debugged") / "repo"))
    with debugging(repository, "credit/blue") as found:
        yield found.until_ready()


def score_of(debugged: Debugged) -> Path:
    """The score.py of the working tree."""
    return debugged.folder / "manifests" / "src" / "score.py"


def test_a_breakpoint_in_run_is_hit_in_the_file_of_the_working_tree_and_the_request_is_answered(debugged: Debugged):
    score = score_of(debugged)
    assert "pathMappings" not in debugged.configuration
    with debugged.attached({score: [AT_RUN]}) as client:
        answer = debugged.asked(b"2")
        stop = client.stopped()
        assert (stop.reason, stop.place) == ("breakpoint", (str(score), AT_RUN, "run"))
        assert stop.variables() == {"raw_data": "'2'", "value": "42"}
        assert stop.evaluate("value * 2") == "84"
        assert not answer.done()
        stop.go_on()
        assert answer.result() == (200, b'{"value": 42}')


def test_a_request_may_stand_at_a_breakpoint_for_longer_than_it_may_take_when_deployed(debugged: Debugged):
    with debugged.attached({score_of(debugged): [AT_RUN]}) as client:
        answer = debugged.asked(b"2")
        stop = client.stopped()
        assert stop.evaluate("__import__('time').sleep(1.5)") == ""
        stop.go_on()
        assert answer.result() == (200, b'{"value": 42}')


def test_a_breakpoint_in_a_module_that_the_script_imports_is_hit(debugged: Debugged):
    helper = score_of(debugged).with_name("helper.py")
    with debugged.attached({helper: [AT_HELPER]}) as client:
        answer = debugged.asked(b"2")
        stop = client.stopped()
        assert stop.place == (str(helper), AT_HELPER, "grown")
        assert [frame["name"] for frame in stop.frames] == ["grown", "run"]
        assert stop.variables() == {"by": "2", "model": "40", "total": "42"}
        stop.go_on()
        assert answer.result()[0] == 200


def test_what_run_raises_stops_where_it_is_raised_if_that_is_asked_for(debugged: Debugged):
    score = score_of(debugged)
    with debugged.attached(exceptions=["userUnhandled"]) as client:
        answer = debugged.asked(b"'2'")
        stop = client.stopped()
        assert (stop.reason, stop.place[:2]) == ("exception", (str(score), AT_RUN - 1))
        stop.go_on()
        assert answer.result()[0] == 500


def test_when_a_debugger_leaves_in_mid_request_it_is_answered_and_another_may_come(debugged: Debugged):
    score = score_of(debugged)
    with debugged.attached({score: [AT_RUN]}) as client:
        answer = debugged.asked(b"2")
        client.stopped()
        client.leave()
        assert answer.result()[0] == 200
    assert debugged.ask(b"3") == (200, b'{"value": 43}')
    with debugged.attached({score: [AT_RUN]}) as client:
        answer = debugged.asked(b"4")
        stop = client.stopped()
        assert stop.variables()["value"] == "44"
        stop.go_on()
        assert answer.result()[0] == 200


def test_a_debugger_that_hangs_up_at_once_keeps_no_other_from_coming(debugged: Debugged):
    for _ in range(20):
        hang_up(debugged.configuration["connect"]["port"])
    with debugged.attached({score_of(debugged): [AT_RUN]}) as client:
        answer = debugged.asked(b"2")
        client.stopped().go_on()
        assert answer.result()[0] == 200


def hang_up(port: int) -> None:
    """Come and go before a word can be said."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        reset_at_once = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_at_once)


def test_with_wait_breakpoints_in_init_are_hit(fresh: Repository):
    score = fresh.folder / "manifests" / "src" / "score.py"
    with debugging(fresh, "deployment/credit/blue", "--wait") as debugged:
        until(lambda: "the script is loaded once one has" in debugged.said)
        with debugged.attached({score: [AT_INIT]}) as client:
            stop = client.stopped()
            assert stop.place == (str(score), AT_INIT, "init")
            assert "ready on" not in debugged.said
            stop.go_on()
            assert debugged.until_ready().ask(b"1") == (200, b'{"value": 41}')


def test_ctrl_c_ends_it_also_before_a_debugger_has_come(fresh: Repository):
    with debugging(fresh, "credit/blue", "--wait") as debugged:
        family = debugged.family()
        assert family
        assert debugged.end(signal.SIGINT) == 130
        assert gone(family)


def test_sigterm_ends_it_in_order_and_shutdown_of_the_script_is_called(fresh: Repository):
    fresh.write("manifests/src/score.py", SCORE + "\n\ndef shutdown():\n    print('shut down')\n")
    with debugging(fresh, "credit/blue") as debugged:
        family = debugged.until_ready().family()
        assert debugged.end(signal.SIGTERM) == 0
        assert "shut down" in debugged.said
        assert gone(family)


CHILD = """import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
"""


def test_nothing_outlives_it_when_it_is_killed_while_a_request_stands_at_a_breakpoint(fresh: Repository):
    fresh.write("manifests/src/helper.py", HELPER + CHILD)
    with debugging(fresh, "credit/blue") as debugged:
        debugged.until_ready()
        with debugged.attached({fresh.folder / "manifests/src/score.py": [AT_RUN]}) as client:
            answer = debugged.asked(b"2")
            client.stopped()
            family = debugged.family()
            assert any("time.sleep(600)" in " ".join(each.cmdline()) for each in family)
            debugged.process.kill()
            until(lambda: gone(family))
            client.await_end()
            assert answer.exception() is not None


def test_an_edit_of_a_function_counts_from_the_next_request_on_without_another_init(debugged: Debugged):
    helper = score_of(debugged).with_name("helper.py")
    with debugged.attached():
        assert debugged.ask(b"2") == (200, b'{"value": 42}')
        helper.write_text(HELPER.replace("model + by", "model * by"))
        until(lambda: debugged.ask(b"2") == (200, b'{"value": 80}'))
        helper.write_text(HELPER)
        until(lambda: debugged.ask(b"2") == (200, b'{"value": 42}'))
    assert debugged.said.count("initialised") == 1


def test_what_is_recorded_stops_at_the_lines_of_the_working_tree(served: Repository):
    score = served.folder / "manifests" / "green" / "score.py"
    with debugging(served, "credit/green", "--recorded") as debugged:
        until(lambda: "it runs as it is recorded" in debugged.said)  # which is told after the configuration
        [mapping] = debugged.configuration["pathMappings"]
        assert mapping["localRoot"] == str(score.parent)
        assert mapping["remoteRoot"].startswith(str(served.folder / ".mlops" / "assets"))
        with debugged.until_ready().attached({score: [4]}) as client:
            answer = debugged.asked()
            stop = client.stopped()
            assert stop.place == (str(score), 4, "run")
            stop.go_on()
            assert answer.result() == (200, b'"green"')


def test_a_secret_is_the_script_s_alone(fresh: Repository):
    variables = "instance_count: 1\nenvironment_variables:\n  DB: ${{secret:db}}\n"
    fresh.edit("manifests/blue.yml", "instance_count: 1\n", variables)
    fresh.write("manifests/src/score.py", "import os\ndef init(): pass\ndef run(raw_data): return os.environ['DB']\n")
    with debugging(fresh, "credit/blue", MLOPS_SECRET_DB="canary-5d1f") as debugged:  # pragma: allowlist secret
        assert debugged.until_ready().ask() == (200, b'"canary-5d1f"')
        with debugged.attached():
            others = [each for each in debugged.family() if "reconciler.scoring" not in each.cmdline()]
            assert len(others) == 2  # the reaper and the adapter
            assert [each for each in others if "canary-5d1f" in str(each.environ())] == []
            assert [each for each in debugged.family() if "canary-5d1f" in str(each.cmdline())] == []
        assert "canary-5d1f" not in debugged.said + json.dumps(debugged.configuration)
        assert files_holding("canary-5d1f", [fresh.folder]) == []


def test_an_init_that_fails_ends_it_with_an_error(fresh: Repository):
    fresh.edit("manifests/src/score.py", "    model = 40", "    model = open('nowhere')")
    with fresh.started("debug", "credit/blue", *free_ports()) as process:
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "No such file or directory: 'nowhere'" in errors
    assert errors.endswith("deployment/credit/blue cannot be served, see above; correct it and start again\n")


def test_an_environment_that_cannot_be_built_ends_it_with_what_uv_says(fresh: Repository):
    conda = "conda_file: {dependencies: [{pip: [--no-index, no-such-package==1]}]}\n"
    fresh.edit("manifests/sklearn.yml", "version: 1\n", f"version: 1\n{conda}")
    told = fresh.mlops("debug", "credit/blue", code=1)
    assert "no-such-package was not found" in told.err
    assert "the Python environment cannot be built" in told.err


def test_what_a_person_is_told_can_be_pasted(fresh: Repository):
    fresh.write("manifests/sample-request.json", "2")
    ports = free_ports()
    with fresh.started("debug", "credit/blue", *ports) as process:
        try:
            assert process.stdout is not None
            lines = list(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)
    curl = next(line for line in lines if line.lstrip().startswith("curl "))
    assert shlex.split(curl)[-1] == "@manifests/sample-request.json"
    document = json.loads("".join(lines[lines.index("{\n") : lines.index("}\n") + 1]))
    [configuration] = document["configurations"]
    assert configuration["connect"] == {"host": "127.0.0.1", "port": int(ports[3])}


def test_a_port_that_is_taken_is_refused_where_it_was_asked_for_and_else_another_one_is_found():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(MlopsError, match=f"--port: somebody listens on port {port} already"):
            ports_of(port, None)
        with pytest.raises(MlopsError, match="--debug-port: somebody listens"):
            ports_of(None, port)
    with socket.create_server(("127.0.0.1", DEBUG_PORT)) if is_free(DEBUG_PORT) else nullcontext():
        assert ports_of(None, None).debugger != DEBUG_PORT
