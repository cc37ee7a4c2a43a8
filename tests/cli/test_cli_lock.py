"""One run at a time for a target: another is told who holds it."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from command_line import PATIENCE_S, Repository, environ

from tests.waiting import until

HELD = 3
HOLD = """
import os, sys
from pathlib import Path
from reconciler.record.opening import DEFAULT_LOCATION, open_store
holder = {"id": "3f9a61c2", "user": "ana", "host": "laptop", "pid": os.getpid(), "command": "mlops apply"}
holder["started"] = "2026-02-03T12:04:31Z"
store = open_store(DEFAULT_LOCATION, root=Path.cwd(), target="dev")
with store.lock(holder, timeout_s=0):
    print("held", flush=True)
    sys.stdin.read()
store.close()
"""


@pytest.fixture
def holder(applied: Repository) -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds the target until its standard input ends."""
    argv, pipe = [sys.executable, "-c", HOLD], subprocess.PIPE
    with subprocess.Popen(argv, cwd=applied.folder, env=environ(), stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_run_is_told_who_holds_the_target(applied: Repository, holder: "subprocess.Popen[str]"):
    assert applied.apply(code=HELD).err == (
        f"mlops: target dev is locked by ana@laptop (pid {holder.pid}, mlops apply) since 2026-02-03 12:04:31 UTC; "
        "wait with --lock-timeout, end that process, or break its lock: `mlops state unlock 3f9a61c2 --target dev`\n"
    )


@pytest.mark.parametrize("words", [["destroy", "--auto-approve"], ["apply", "--refresh-only"]])
def test_whatever_writes_wants_the_lock(applied: Repository, holder: "subprocess.Popen[str]", words: list[str]):
    applied.mlops(*words, code=HELD)


@pytest.mark.parametrize("words", [["plan"], ["status"]])
def test_whatever_looks_needs_no_lock(applied: Repository, holder: "subprocess.Popen[str]", words: list[str]):
    applied.mlops(*words)


def test_a_wait_ends_with_its_time(applied: Repository, holder: "subprocess.Popen[str]"):
    applied.apply("--lock-timeout", "0.1", code=HELD)


def test_a_waiting_run_goes_on_when_the_lock_is_free(applied: Repository, holder: "subprocess.Popen[str]"):
    with applied.started("apply", "--auto-approve", "--lock-timeout", str(PATIENCE_S)) as waiting:
        try:
            until(lambda: any(".lock" in file.path for file in psutil.Process(waiting.pid).open_files()))
            holder.communicate(timeout=PATIENCE_S)
            out, _ = waiting.communicate(timeout=PATIENCE_S)
        finally:
            waiting.kill()
    assert (waiting.returncode, out[:11]) == (0, "No changes.")


def test_the_lock_of_a_killed_run_is_free(applied: Repository, holder: "subprocess.Popen[str]"):
    holder.kill()
    holder.wait(timeout=PATIENCE_S)
    applied.apply()


def test_a_run_that_waits_for_the_lock_can_be_interrupted(applied: Repository, holder: "subprocess.Popen[str]"):
    with applied.started("apply", "--auto-approve", "--lock-timeout", "600") as waiting:
        # It waits once its own handler for Ctrl-C, if it had one, would be in place: after the state was opened.
        until(lambda: str(applied.folder / ".mlops") in " ".join(_open_files(waiting.pid)))
        waiting.send_signal(signal.SIGINT)
        _, err = waiting.communicate(timeout=PATIENCE_S)
    assert (waiting.returncode, err.splitlines()[-1][:18]) == (130, "mlops: interrupted")


def _open_files(pid: int) -> list[str]:
    try:
        return [file.path for file in psutil.Process(pid).open_files()]
    except psutil.Error:
        return []
