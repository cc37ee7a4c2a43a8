"""Appliers contend for one record in PostgreSQL: many at once, killed, stopped, with clocks that are wrong."""

import getpass
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command_line import PATIENCE_S, Repository
from tests.engine.fixtures import lacking
from tests.faults.plugin import plugged
from tests.postgres.fixtures import sql
from tests.waiting import until

DONE, HELD, ERROR = 0, 3, 1
APPLY = ("apply", "--auto-approve")


@pytest.fixture
def repo(tmp_path: Path, postgres_url: str) -> Iterator[Repository]:
    """A repository whose record is in PostgreSQL, and which waits at a gate in its second step, if it is told to."""
    made = Repository(tmp_path / "repo", settings(f"{postgres_url}&lease=2", "gate"))
    yield made
    (made.folder / "go").touch()


def settings(url: str, fault: str = "") -> str:
    faults = f'{{"create deployment/credit/blue": [{fault}]}}' if fault else "{}"
    target = f"provider: scheduled, file: live.jsonl, default: true, state: '{url}', faults: {faults}"
    return f"manifests: manifests\ntargets:\n  dev: {{{target}}}\n"


@pytest.fixture
def plug(tmp_path: Path) -> dict[str, str]:
    return plugged(tmp_path / "plug")


@contextmanager
def at_the_gate(repo: Repository, variables: dict[str, str], *words: str) -> "Iterator[subprocess.Popen[str]]":
    """An apply that is in the middle of a step, and goes on once the gate is open; it does not outlive the test."""
    process = repo.started(*APPLY, *words, **variables)
    try:
        until((repo.folder / "begun").exists)
        yield process
    finally:
        process.kill()
        process.communicate()


def open_gate(repo: Repository) -> None:
    (repo.folder / "go").touch()


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said


def apply(repo: Repository, plug: dict[str, str], *words: str, code: int = DONE) -> str:
    return repo.mlops(*APPLY, *words, code=code, **plug).err


def assert_settled(repo: Repository, plug: dict[str, str]) -> None:
    """The record equals what is live, nothing is under way, and nothing is to do."""
    assert repo.mlops("plan", "--detailed-exitcode", **plug).out.startswith("No changes.")
    assert repo.mlops("drift", "--detailed-exitcode", **plug).out.startswith("No drift.")
    assert repo.mlops("state", "verify", **plug).out.startswith("The record is whole: 4 resources")
    assert repo.live()["deployment/credit/blue"]["instance_count"] == 1


def test_f28_of_eight_applies_at_once_one_runs_and_the_others_name_it(repo: Repository, plug: dict[str, str]) -> None:
    processes = [repo.started(*APPLY, "--lock-timeout", "0.2", **plug) for _ in range(8)]
    try:
        until(lambda: sum(process.poll() is not None for process in processes) == 7)
        open_gate(repo)
        ends = [(process.pid, *ended(process)) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert sorted(code for _, code, _ in ends) == [DONE, *[HELD] * 7]
    (runner,) = [pid for pid, code, _ in ends if code == DONE]
    for _, code, said in ends:
        assert code == DONE or f"mlops: target dev is locked by {holder(runner)}" in said
    assert_settled(repo, plug)


def holder(pid: int) -> str:
    return f"{getpass.getuser()}@{socket.gethostname()} (pid {pid}, mlops apply) since "


def test_f28_appliers_that_wait_run_one_after_the_other(repo: Repository, plug: dict[str, str]) -> None:
    open_gate(repo)
    processes = [repo.started(*APPLY, "--lock-timeout", str(PATIENCE_S), **plug) for _ in range(8)]
    try:
        ends = [ended(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [code for code, _ in ends] == [DONE] * 8, ends
    assert_settled(repo, plug)


def test_f29_after_a_kill_of_the_holder_the_next_takes_over(repo: Repository, plug: dict[str, str]) -> None:
    with at_the_gate(repo, plug) as killed:
        killed.kill()
        killed.wait()
        open_gate(repo)
        apply(repo, plug, "--lock-timeout", "30")
    assert_settled(repo, plug)


def test_f30_a_holder_that_was_stopped_past_its_lease_writes_no_more(
    repo: Repository, plug: dict[str, str], postgres_url: str
) -> None:
    with at_the_gate(repo, plug) as hung:
        apply(repo, plug, code=HELD)
        hung.send_signal(signal.SIGSTOP)
        until(lambda: locks(postgres_url) == 0)
        # Another one, whose steps wait at no gate.
        repo.edit("mlops.yaml", "[gate]", "[]")
        apply(repo, plug)
        before = repo.live()
        open_gate(repo)
        hung.send_signal(signal.SIGCONT)
        code, said = ended(hung)
    assert (code, repo.live()) == (ERROR, before)
    assert "mlops: target dev: the lock of this run was broken or taken over, or lost with its connection" in said
    assert_settled(repo, plug)


def test_a_holder_that_is_alive_keeps_the_lock_for_longer_than_the_lease(
    repo: Repository, plug: dict[str, str], postgres_url: str
) -> None:
    with at_the_gate(repo, plug) as alive:
        ((began,),) = sql(postgres_url, "SELECT extract(epoch FROM now())")
        until(lambda: sql(postgres_url, f"SELECT extract(epoch FROM now()) > {began} + 6") == [(True,)])
        assert locks(postgres_url) == 1
        open_gate(repo)
        assert ended(alive)[0] == DONE
    assert_settled(repo, plug)


def locks(url: str) -> int:
    """How many run locks of the test's own are held."""
    schema = url.partition("schema=")[2]
    query = f"SELECT count(*) FROM pg_locks JOIN {schema}.locks ON backend = pid WHERE locktype = 'advisory'"
    ((found,),) = sql(url, query)
    return int(str(found))


def wrong_clock(by: str) -> dict[str, str]:
    """The variables of a process whose clock is wrong by so much."""
    library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        lacking("clocks are set wrong by Debian's faketime, not installed here", "faketime")
    return {"LD_PRELOAD": str(library), "FAKETIME": by, "FAKETIME_DONT_RESET": "1"}


@pytest.mark.parametrize("by", ["+1h", "-1h"])
def test_f33_nobody_with_a_wrong_clock_steals_the_lock(repo: Repository, plug: dict[str, str], by: str) -> None:
    with at_the_gate(repo, plug) as alive:
        said = apply(repo, plug | wrong_clock(by), code=HELD)
        assert f"target dev is locked by {holder(alive.pid)}" in said
        open_gate(repo)
        assert ended(alive)[0] == DONE
    assert_settled(repo, plug | wrong_clock(by))
