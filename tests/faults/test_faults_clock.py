"""F33 by the real command line: a client whose clock is wrong, or jumps during an apply, under libfaketime."""

import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.command_line import PATIENCE_S, Ran
from tests.engine.fixtures import lacking
from tests.faults.contending import APPLY, Contended

HELD = 3
# libfaketime refuses to sleep by a clock that it leaves alone.
SLEEP = "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
WRONG = ["+1h", "-1h"]


@pytest.fixture
def repo(tmp_path: Path) -> Contended:
    return Contended(tmp_path)


@pytest.fixture(scope="session")
def library() -> str:
    """What the command `faketime` loads into a process."""
    if not shutil.which("faketime"):
        lacking("faketime is not installed", "faketime")
    argv = ["faketime", "-f", "+0", "printenv", "LD_PRELOAD"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clock(library: str, repo: Contended, tmp_path: Path) -> "Clock":
    (tmp_path / "site" / "sitecustomize.py").write_text(SLEEP)
    return Clock(library, tmp_path / "clock")


class Clock:
    """The clock of a process, which a file moves; the monotonic one goes on as ever, as that of a machine does."""

    def __init__(self, library: str, file: Path) -> None:
        self._file = file
        self.jump("+0")
        self.variables = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def jump(self, to: str) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(to + "\n")
        fresh.replace(self._file)


def assert_no_time_is_negative(ran: Ran) -> None:
    outcomes = json.loads(ran.out)["outcomes"]
    assert outcomes
    assert all(0 <= outcome["seconds"] < PATIENCE_S for outcome in outcomes)


@pytest.mark.parametrize("wrong", WRONG)
def test_f33_an_apply_by_a_wrong_clock_steals_no_lock(repo: Contended, clock: Clock, wrong: str) -> None:
    with repo.held() as holder:
        clock.jump(wrong)
        said = repo.run(*APPLY, "--lock-timeout", "0.5", code=HELD, **clock.variables).err
        assert f"(pid {holder.pid}, mlops apply)" in said
        assert repo.let_end(holder).code == 0
    repo.run(*APPLY, **clock.variables)
    repo.assert_settled()


@pytest.mark.parametrize("jump", WRONG)
def test_f33_a_clock_that_jumps_during_an_apply_loses_no_lock_and_makes_no_time_negative(
    repo: Contended, clock: Clock, jump: str
) -> None:
    with repo.held("--format", "json", **clock.variables) as holder:
        clock.jump(jump)
        repo.run(*APPLY, "--lock-timeout", "0.5", code=HELD)
        repo.run(*APPLY, "--lock-timeout", "0.5", code=HELD, **clock.variables)
        ended = repo.let_end(holder)
    assert ended.code == 0
    assert_no_time_is_negative(ended)
    repo.assert_settled()


def test_f33_the_history_is_in_the_order_of_the_runs_whatever_their_times(repo: Contended, clock: Clock) -> None:
    repo.let_go()
    for number, offset in enumerate(["+0", "+1h", "-1h", "+0"], start=2):
        clock.jump(offset)
        repo.edit("manifests/blue.yml", f"instance_count: {number - 1}", f"instance_count: {number}")
        assert_no_time_is_negative(repo.run(*APPLY, "--format", "json", **clock.variables))
    started = [run.started for run in repo.history()]
    assert [earlier < later for earlier, later in pairwise(started)] == [True, False, True]
    assert repo.live()["deployment/credit/blue"]["instance_count"] == 5
    assert repo.status()["last_run"]["started"] == started[-1]
    backups = sorted(file.name for file in (repo.folder / ".mlops").glob("state.db.backup-*"))
    assert backups == [f"state.db.backup-{n}" for n in range(1, 5)]
    repo.assert_settled()


@pytest.mark.parametrize("wrong", WRONG)
def test_f33_a_run_of_a_wrong_clock_that_was_killed_is_settled_as_ever(
    repo: Contended, clock: Clock, wrong: str
) -> None:
    clock.jump(wrong)
    with repo.held(**clock.variables) as holder:
        holder.kill()
        holder.wait(timeout=PATIENCE_S)
    repo.run(*APPLY)
    repo.assert_settled()
