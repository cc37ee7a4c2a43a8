"""A deployment is debugged: by a client of the protocol that editors speak, in the files of the working tree."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Repository
from debugged import Debugged, debugging, gone

from tests.waiting import until

SCORE = """import json

import helper


def init():
    global model
    model = 40


def run(raw_data):
    value = helper.grown(model, json.loads(raw_data))
    return {"value": value}
"""
HELPER = """def grown(model, by):
    total = model + by
    return total
"""
AT_INIT, AT_RUN, AT_HELPER = 8, 13, 3


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


def test_with_wait_breakpoints_in_init_are_hit(fresh: Repository):
    score = fresh.folder / "manifests" / "src" / "score.py"
    with debugging(fresh, "deployment/credit/blue", "--wait") as debugged:
        assert "the script is loaded once one has" in debugged.said
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
