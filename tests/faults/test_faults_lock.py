"""F28 to F30 by the real command line: several applies at one target, of which one is killed or hangs."""

import signal
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cli.command_line import PATIENCE_S
from tests.faults.contending import APPLY, CREATE_BLUE, Contended

ERROR, HELD = 1, 3
BLUE = "deployment/credit/blue"


@pytest.fixture
def repo(tmp_path: Path) -> Contended:
    return Contended(tmp_path)


def test_f28_of_eight_applies_one_runs_and_the_others_end_with_3_and_name_it(repo: Contended) -> None:
    with repo.held() as holder:
        others = [repo.started(*APPLY, "--lock-timeout", "0.5", **repo.plugin) for _ in range(7)]
        told = [other.communicate(timeout=PATIENCE_S)[1] for other in others]
        assert [other.returncode for other in others] == [HELD] * 7
        assert all(f"(pid {holder.pid}, mlops apply)" in each for each in told), told
        assert repo.let_end(holder).code == 0
    assert [run.pid for run in repo.history()] == [holder.pid]
    repo.assert_settled()


def test_f28_eight_applies_that_wait_run_one_after_the_other_and_none_starves(repo: Contended) -> None:
    with repo.held() as holder:
        words = [
            (*APPLY, "--lock-timeout", str(PATIENCE_S), "--set", f"{BLUE}.instance_count={n}") for n in range(2, 9)
        ]
        others = [repo.started(*each, **repo.plugin) for each in words]
        assert repo.let_end(holder).code == 0
        told = [other.communicate(timeout=PATIENCE_S)[1] for other in others]
        assert [other.returncode for other in others] == [0] * 7, told
    runs = repo.history()
    assert sorted(run.pid for run in runs) == sorted([holder.pid, *(other.pid for other in others)])
    assert all(earlier.finished <= later.started for earlier, later in pairwise(runs))
    assert {run.outcome for run in runs} == {"succeeded"}
    repo.run(*APPLY)
    repo.assert_settled()


def test_f29_the_lock_of_an_apply_that_was_killed_is_free(repo: Contended) -> None:
    with repo.held() as holder:
        holder.kill()
        holder.wait(timeout=PATIENCE_S)
    assert f"! recover {BLUE}" in repo.run("plan").out
    repo.run(*APPLY)
    repo.assert_settled()


def unlocked(repo: Contended, holder: "subprocess.Popen[str]") -> None:
    """Stop the holder and break its lock, as a user would who was refused."""
    holder.send_signal(signal.SIGSTOP)
    lock = repo.status()["lock"]
    assert lock["pid"] == holder.pid
    assert f"`mlops state unlock {lock['id']} --target dev`" in repo.run(*APPLY, code=HELD).err
    repo.run("state", "unlock", lock["id"], "--auto-approve")


def test_f30_an_apply_that_hung_while_another_took_over_does_no_harm(repo: Contended) -> None:
    with repo.held() as holder:
        unlocked(repo, holder)
        repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
        assert f"{CREATE_BLUE}: done" in repo.run(*APPLY).out
        before = repo.live(), repo.status()
        holder.send_signal(signal.SIGCONT)
        ended = repo.let_end(holder)
    assert ended.code == ERROR
    assert ended.err.startswith("mlops: target dev: the lock of this run was broken or taken over")
    assert (repo.live(), repo.status()) == before
    assert repo.live()[BLUE]["instance_count"] == 2
    repo.assert_settled()


def test_f30_what_a_hung_apply_does_before_anybody_takes_over_is_found_by_the_next(repo: Contended) -> None:
    with repo.held() as holder:
        unlocked(repo, holder)
        holder.send_signal(signal.SIGCONT)
        assert repo.let_end(holder).code == ERROR
    assert f"! recover {BLUE}" in repo.run("plan").out
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    assert CREATE_BLUE not in repo.run(*APPLY).out
    repo.assert_settled()
    assert repo.live()[BLUE]["instance_count"] == 2


def test_f30_a_hung_apply_keeps_others_out_until_its_lock_is_broken(repo: Contended) -> None:
    with repo.held() as holder:
        holder.send_signal(signal.SIGSTOP)
        repo.run(*APPLY, "--lock-timeout", "0.5", code=HELD)
        holder.send_signal(signal.SIGCONT)
        assert repo.let_end(holder).code == 0
    repo.assert_settled()
