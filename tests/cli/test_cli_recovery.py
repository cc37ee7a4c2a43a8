"""What plan and status say of an operation without an end: while its run is at work, and once that was cut off."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from command_line import PATIENCE_S, Repository, environ

CUT = """
import os, sys
from pathlib import Path
from reconciler.apply import Journal
from reconciler.core.plan import Action, Step
from reconciler.core.address import Address
from reconciler.providers.memory import MemoryProvider
from reconciler.record.opening import DEFAULT_LOCATION, open_store
from reconciler.record.store import Run
holder = {"user": "ana", "host": "laptop", "pid": os.getpid(), "command": "mlops apply"}
holder["started"] = "2026-02-03T12:04:31Z"
store = open_store(DEFAULT_LOCATION, root=Path.cwd(), target="dev")
with store.lock(holder, timeout_s=0):
    store.begin_run(Run("run", "apply", "dev", "2026-02-03T12:04:31Z", host="laptop", pid=os.getpid()))
    blue = Address.parse("deployment/credit/blue")
    before = store.read().entries[blue].spec
    step = Step(1, Action.SCALE, blue, "", (), before, {**before, "instance_count": 2})
    operation = Journal(store, "run").intend(step, print)
    if "done" in sys.argv:
        MemoryProvider(Path("live.jsonl")).scale(step, operation)
    print("under way", flush=True)
    sys.stdin.read()
"""


@contextmanager
def scaling(repo: Repository, *, done: bool) -> "Iterator[subprocess.Popen[str]]":
    """A run that has begun to scale blue, or has just done so."""
    argv, pipe = [sys.executable, "-c", CUT, "done" if done else "not done"], subprocess.PIPE
    with subprocess.Popen(argv, cwd=repo.folder, env=environ(), stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "under way\n"
            yield process
        finally:
            process.kill()


def test_while_a_run_is_at_work_plan_and_status_say_whose_and_at_what(applied: Repository):
    with scaling(applied, done=False) as process:
        who = f"in progress by ana@laptop (pid {process.pid}, mlops apply) since 2026-02-03 12:04:31 UTC"
        planned, status = applied.mlops("plan").out, applied.mlops("status").out
        told = applied.mlops("plan", "--format", "json").json
        (running, *_) = applied.mlops("history", "--format", "json").json["runs"]
    assert (running["id"], running["outcome"]) == ("run", "in progress")
    assert f"! {who}: scale deployment/credit/blue\n" in planned
    assert f"{who}: scale deployment/credit/blue" in status
    assert "recover" not in planned + status
    assert (told["recovery"], told["in_progress"]["pid"]) == ([], process.pid)
    assert [item["address"] for item in told["in_progress"]["operations"]] == ["deployment/credit/blue"]


@pytest.mark.parametrize(("done", "found"), [(False, "it was not done"), (True, "it was done")])
def test_once_it_was_cut_off_plan_says_what_apply_will_find_and_apply_finds_it(
    applied: Repository, done: bool, found: str
):
    with scaling(applied, done=done) as process:
        process.kill()
        process.wait(timeout=PATIENCE_S)
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    planned = applied.mlops("plan", "--detailed-exitcode", code=2).out
    assert "! recover deployment/credit/blue (scale of " in planned
    assert f"has no end; apply looks at what is there first; as it looks, {found})\n" in planned
    assert "       instance_count  1 -> 2\n" in planned
    assert ("#1 ~ scale deployment/credit/blue" in planned) is not done
    assert "as it looks" not in applied.mlops("plan", "--no-refresh").out
    assert "cut off: scale deployment/credit/blue; the next apply looks at what became of it" in (
        applied.mlops("status").out
    )
    assert "  cut off  mlops apply by " in applied.mlops("history").out
    assert "apply looks at what is there first" in applied.mlops("plan", "--format", "markdown").out
    assert ("1 succeeded" in applied.apply().out) is not done
    assert applied.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
    assert applied.live()["deployment/credit/blue"]["instance_count"] == 2


def test_drift_tells_who_is_at_work_and_expects_what_is_half_done(applied: Repository):
    with scaling(applied, done=True) as process:
        found = applied.mlops("drift", "--detailed-exitcode", code=0)
        told = applied.mlops("drift", "--format", "json").json
    assert f"! in progress by ana@laptop (pid {process.pid}, mlops apply)" in found.out
    assert "= deployment/credit/blue: expected (a run is at work on it)" in found.out
    assert (told["drift"], told["in_progress"]["pid"], told["recovery"]) == (False, process.pid, [])
    found = applied.mlops("drift", "--detailed-exitcode", code=2)
    assert "! recover deployment/credit/blue (scale of " in found.out
    assert "~ deployment/credit/blue: changed" in found.out
    assert "recover" in applied.mlops("drift", "--format", "markdown").out
