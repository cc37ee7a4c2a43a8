"""F35 and F36: Ctrl-C, a CI's SIGTERM and the cancelling of a GitHub job, by real signals to the real command line."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.record.opening import DEFAULT_LOCATION, open_store
from reconciler.record.store import Run
from tests.cli.command_line import PATIENCE_S, Ran, Repository
from tests.faults.plugin import plugged, settings
from tests.waiting import until

INTERRUPTED = 130
KILLED = -signal.SIGKILL
SLOW = "create deployment/credit/blue"
CANCEL = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5), (signal.SIGKILL, PATIENCE_S))
"""What a GitHub runner sends to a job that is cancelled, and how long it waits behind each."""


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    return plugged(tmp_path / "site")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository whose deployment is created once there is a file `go`."""
    return Repository(tmp_path / "repo", settings({SLOW: ["gate"]}))


@contextmanager
def applying(repo: Repository, plugin: dict[str, str]) -> "Iterator[subprocess.Popen[str]]":
    """An apply whose deployment is being created."""
    with repo.started("apply", "--auto-approve", **plugin) as process:
        try:
            until((repo.folder / "begun").exists)
            yield process
        finally:
            process.kill()


def interrupted(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Send a signal to the whole group, as a terminal and a runner do, and wait until it was taken note of."""
    os.killpg(process.pid, number)
    assert process.stderr is not None
    until(lambda: "once more stops at once" in process.stderr.readline())


def ended(process: "subprocess.Popen[str]") -> Ran:
    out, err = process.communicate(timeout=PATIENCE_S)
    return Ran(process.returncode, out, err)


def cancelled(process: "subprocess.Popen[str]") -> int:
    """Cancel as GitHub does, and give the exit code."""
    for number, patience_s in CANCEL:
        os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(timeout=patience_s)
    raise AssertionError("nothing ends it")


def last_run(repo: Repository) -> tuple[Run, Sequence[str]]:
    """The last run of the record, and the addresses of its operations that have no end."""
    store = open_store(DEFAULT_LOCATION, root=repo.folder, target="dev")
    try:
        return store.runs(limit=1)[0], [str(intent.address) for intent in store.unfinished()]
    finally:
        store.close()


def assert_recoverable(repo: Repository, plugin: dict[str, str]) -> None:
    """The plan tells what was cut off; one more apply, without hands, leaves nothing to do."""
    assert "! recover deployment/credit/blue (create of" in repo.mlops("plan", **plugin).out
    repo.write("go", "")
    assert f"{SLOW}: done in" in repo.mlops("apply", "--auto-approve", **plugin).out
    assert_settled(repo, plugin)


def assert_settled(repo: Repository, plugin: dict[str, str]) -> None:
    assert last_run(repo)[1] == []
    assert repo.mlops("plan", "--detailed-exitcode", **plugin).out.startswith("No changes.")
    assert "No drift." in repo.mlops("drift", "--detailed-exitcode", **plugin).out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_f35_one_signal_finishes_the_running_step_and_journals_it(
    repo: Repository, plugin: dict[str, str], number: signal.Signals
):
    with applying(repo, plugin) as process:
        interrupted(process, number)
        repo.write("go", "")
        ran = ended(process)
    assert ran.code == INTERRUPTED
    assert f"{SLOW}: done in" in ran.out
    assert "route endpoint/credit: skipped: the run was interrupted" in ran.out
    assert (last_run(repo)[0].outcome, last_run(repo)[1]) == ("interrupted", [])
    again = repo.mlops("apply", "--auto-approve", **plugin).out
    assert SLOW not in again
    assert "route endpoint/credit: done in" in again
    assert_settled(repo, plugin)


@pytest.mark.parametrize(
    "second", [pytest.param(signal.SIGINT, id="ctrl-c twice"), pytest.param(signal.SIGTERM, id="ctrl-c, then SIGTERM")]
)
def test_f35_a_second_signal_stops_at_once_and_the_next_apply_recovers(
    repo: Repository, plugin: dict[str, str], second: signal.Signals
):
    with applying(repo, plugin) as process:
        interrupted(process, signal.SIGINT)
        os.killpg(process.pid, second)
        ran = ended(process)
    assert ran.code == INTERRUPTED
    assert "Interrupted again: stopped. The next apply settles what was under way." in ran.err
    assert last_run(repo)[1] == ["deployment/credit/blue"]
    assert_recoverable(repo, plugin)


def test_f36_a_cancelled_job_whose_step_ends_in_time_is_interrupted_in_order(repo: Repository, plugin: dict[str, str]):
    with applying(repo, plugin) as process:
        interrupted(process, CANCEL[0][0])
        repo.write("go", "")
        assert ended(process).code == INTERRUPTED
    assert (last_run(repo)[0].outcome, last_run(repo)[1]) == ("interrupted", [])
    repo.mlops("apply", "--auto-approve", **plugin)
    assert_settled(repo, plugin)


def test_f36_a_cancelled_job_whose_step_takes_longer_is_recovered(repo: Repository, plugin: dict[str, str]):
    with applying(repo, plugin) as process:
        assert cancelled(process) in (INTERRUPTED, KILLED)
    assert_recoverable(repo, plugin)


def test_f36_a_cancelled_job_that_hears_nothing_is_killed_and_recovered(repo: Repository, plugin: dict[str, str]):
    with applying(repo, plugin) as process:
        process.send_signal(signal.SIGSTOP)
        assert cancelled(process) == KILLED
    assert last_run(repo)[0].outcome == ""
    assert_recoverable(repo, plugin)


@pytest.mark.parametrize("look", ["fence", "observe"])
def test_f07_a_platform_that_cannot_be_asked_stops_the_apply_before_anything(
    repo: Repository, plugin: dict[str, str], look: str
):
    with applying(repo, plugin) as process:
        process.kill()
        process.wait(timeout=PATIENCE_S)
    repo.write("mlops.yaml", settings({f"{look} deployment/credit/blue": ["quota"]}))
    before = repo.live()
    refused = repo.mlops("apply", "--auto-approve", code=1, **plugin)
    assert "quota exceeded" in refused.err
    assert (repo.live(), last_run(repo)[1]) == (before, ["deployment/credit/blue"])
    repo.write("mlops.yaml", settings({}))
    assert_recoverable(repo, plugin)
