"""F09 to F12 by the real command line: what it prints, its exit code, and what the next apply makes of it."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cli.command_line import PATIENCE_S, Repository
from tests.faults.plugin import plugged, settings

FAILED = 5
CREATE_BLUE = "create deployment/credit/blue"
APPLY = ("apply", "--auto-approve")
# Seconds for every call but one that hangs, also on a busy machine; that one takes all of them.
ENOUGH = "3"
Faulty = Callable[[Mapping[str, list[str]]], Repository]


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    return plugged(tmp_path / "site")


@pytest.fixture
def faulty(tmp_path: Path) -> Faulty:
    """Makes a repository whose target has faults."""
    return lambda faults: Repository(tmp_path / "repo", settings(faults))


def mend(repo: Repository) -> None:
    """Let the platform have no faults from now on."""
    repo.write("mlops.yaml", settings({}))


def assert_settled(repo: Repository, plugin: dict[str, str]) -> None:
    assert repo.mlops("plan", "--detailed-exitcode", **plugin).out.startswith("No changes.")
    assert "No drift." in repo.mlops("drift", "--detailed-exitcode", **plugin).out


def test_f09_a_platform_that_stays_away_fails_the_step_with_5(faulty: Faulty, plugin: dict[str, str]):
    repo = faulty({CREATE_BLUE: ["503"] * 5})
    ran = repo.mlops(*APPLY, code=FAILED, **plugin)
    assert f"#4 {CREATE_BLUE}: 503 Service Unavailable, retrying in 0 s (2 of 5)" in ran.out
    assert f"#4 {CREATE_BLUE}: failed: 503 Service Unavailable; given up after 5 tries" in ran.out
    assert "mlops: a step failed; what was done is recorded, mend the cause and apply again" in ran.err
    mend(repo)
    repo.mlops(*APPLY, **plugin)
    assert_settled(repo, plugin)


def test_f09_ctrl_c_ends_a_long_pause(faulty: Faulty, plugin: dict[str, str]):
    repo = faulty({CREATE_BLUE: ["429 for long"]})
    with repo.started(*APPLY, **plugin) as process:
        assert process.stdout is not None
        assert any("retrying in 100 s (2 of 5)" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "429 Too Many Requests; interrupted before another try" in out
    assert "interrupted; what was done is recorded, apply again to go on" in err


def test_f10_an_answer_that_stays_lost_ends_with_5_and_is_found_done_by_the_next_apply(
    faulty: Faulty, plugin: dict[str, str]
):
    repo = faulty({CREATE_BLUE: ["late", "503", "503", "503", "503"]})
    ran = repo.mlops(*APPLY, code=FAILED, **plugin)
    assert f"#4 {CREATE_BLUE}: unknown: 503 Service Unavailable; given up after 5 tries; it may be done" in ran.out
    assert "nobody knows whether #4 deployment/credit/blue is done" in ran.err
    mend(repo)
    assert "! recover deployment/credit/blue (create of" in repo.mlops("plan", **plugin).out
    assert "create deployment/credit/blue" not in repo.mlops(*APPLY, **plugin).out
    assert_settled(repo, plugin)


def test_f12_a_call_that_hangs_for_ever_keeps_neither_the_process_nor_the_lock(faulty: Faulty, plugin: dict[str, str]):
    repo = faulty({CREATE_BLUE: ["hang"]})
    ran = repo.mlops(*APPLY, "--step-timeout", ENOUGH, code=FAILED, **plugin)
    unknown = f"unknown: no answer within {ENOUGH} s; it may be done, or still come to be done"
    assert f"#4 {CREATE_BLUE}: {unknown}" in ran.out
    assert "#5 route endpoint/credit: skipped: needs #4, of which nobody knows whether it is done" in ran.out
    assert "nobody knows whether #4 deployment/credit/blue is done" in ran.err
    mend(repo)
    assert "! recover deployment/credit/blue (create of" in repo.mlops("plan", **plugin).out
    repo.mlops(*APPLY, **plugin)
    assert_settled(repo, plugin)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("list", "what is live"),
        ("fence deployment/credit/blue", "settling deployment/credit/blue"),
        ("observe deployment/credit/blue", "how deployment/credit/blue is"),
    ],
)
def test_f12_a_platform_that_hangs_before_the_first_step_keeps_neither_the_process_nor_the_lock(
    faulty: Faulty, plugin: dict[str, str], words: str, what: str
):
    repo = faulty({CREATE_BLUE: ["late"] + ["503"] * 4})
    repo.mlops(*APPLY, code=FAILED, **plugin)
    repo.write("mlops.yaml", settings({words: ["hang"]}))
    said = repo.mlops(*APPLY, "--step-timeout", ENOUGH, code=1, **plugin).err
    assert f"mlops: no answer on {what} within {ENOUGH} s; see that the platform is well, and run this again" in said
    mend(repo)
    repo.mlops(*APPLY, **plugin)
    assert_settled(repo, plugin)


def test_f12_a_step_has_an_hour_unless_it_is_told_otherwise(faulty: Faulty, plugin: dict[str, str]):
    for command in ("apply", "destroy"):
        said = " ".join(faulty({}).mlops(command, "--help", **plugin).out.split())
        assert "--step-timeout SECONDS" in said
        assert "[default: 3600" in said
