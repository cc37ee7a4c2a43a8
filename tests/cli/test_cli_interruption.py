"""Ctrl-C once: what runs is finished and recorded, nothing else is begun, and the next apply goes on."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from command_line import PATIENCE_S, Ran, Repository

from tests.waiting import until

INTERRUPTED = 130
WAITING = """import time
from pathlib import Path


def init():
    Path({begun!r}).touch()
    deadline = time.monotonic() + 60
    while not Path({go!r}).exists() and time.monotonic() < deadline:
        time.sleep(0.02)


def run(raw_data):
    return "blue"
"""


@contextlib.contextmanager
def begun(repo: Repository) -> "Iterator[subprocess.Popen[str]]":
    """An apply whose deployment is being created and waits for a file `go`."""
    files = {name: str(repo.folder / name) for name in ("begun", "go")}
    repo.write("manifests/src/score.py", WAITING.format(**files))
    with repo.started("apply", "--auto-approve") as process:
        try:
            until((repo.folder / "begun").exists)
            yield process
        finally:
            process.kill()


@pytest.fixture
def interrupted(local: Repository) -> Ran:
    """What an apply said that was interrupted while it created the deployment."""
    with begun(local) as process:
        # As a terminal does it: whatever is in the foreground gets it, children too.
        os.killpg(process.pid, signal.SIGINT)
        assert process.stderr is not None
        first = process.stderr.readline() + process.stderr.readline()
        local.write("go", "")
        out, err = process.communicate(timeout=PATIENCE_S)
    return Ran(process.returncode, out, first + err)


def test_f35_ctrl_c_once_finishes_the_running_step_and_leaves_the_rest(local: Repository, interrupted: Ran):
    assert interrupted.code == INTERRUPTED
    assert "#4 create deployment/credit/blue: done in" in interrupted.out
    assert "#5 route endpoint/credit: skipped: the run was interrupted" in interrupted.out
    assert "Interrupted: finishing the steps that run; once more stops at once." in interrupted.err
    assert "mlops: interrupted; what was done is recorded, apply again to go on" in interrupted.err


def test_f35_the_next_apply_goes_on_where_it_stopped(local: Repository, interrupted: Ran):
    assert local.steps() == ["route endpoint/credit"]
    local.apply()
    assert local.mlops("invoke", "credit").out == '"blue"\n'


def test_a_run_that_was_killed_is_settled_by_the_next(local: Repository):
    with begun(local) as process:
        process.kill()
        process.wait(timeout=PATIENCE_S)
    local.write("go", "")
    assert "! recover deployment/credit/blue" in local.mlops("plan", "--detailed-exitcode", code=2).out
    local.apply()
    assert local.mlops("invoke", "credit").out == '"blue"\n'
    assert local.mlops("plan").out.startswith("No changes.")


def test_f35_ctrl_c_twice_stops_at_once(local: Repository):
    with begun(local) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        until(lambda: "once more" in process.stderr.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == INTERRUPTED


def test_f12_a_deployment_that_never_comes_is_left_behind_and_made_by_the_next_apply(local: Repository):
    local.apply("--only", "endpoint/credit")
    files = {name: str(local.folder / name) for name in ("begun", "go")}
    local.write("manifests/src/score.py", WAITING.format(**files))
    ran = local.apply("--step-timeout", "5", code=5)
    assert "create deployment/credit/blue: unknown: no answer within 5 s" in ran.out
    assert "nobody knows whether" in ran.err
    local.write("go", "")
    assert "! recover deployment/credit/blue" in local.mlops("plan").out
    local.apply()
    assert local.mlops("invoke", "credit").out == '"blue"\n'
    assert len(local.mlops("show", "deployment/credit/blue").json["instances"]) == 1
    assert local.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
    assert local.mlops("drift", "--detailed-exitcode").out.startswith("No drift.")
