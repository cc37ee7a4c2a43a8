"""`mlops state unlock`: the lock that a user saw, and no other, is taken from a run that hangs."""

import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from command_line import MLOPS, PATIENCE_S, Repository, environ

from tests.waiting import until

HELD, REFUSED = 3, 4
HANG = """
import os, sys
from pathlib import Path
from reconciler.errors import StateError
from reconciler.record.opening import DEFAULT_LOCATION, open_store
holder = {"id": "3f9a61c2", "user": "ana", "host": "laptop", "pid": os.getpid(), "command": "mlops apply"}
holder["started"] = "2026-02-03T12:04:31Z"
store = open_store(DEFAULT_LOCATION, root=Path.cwd(), target="dev")
with store.lock(holder, timeout_s=0):
    entries = store.read().entries
    print("held", flush=True)
    sys.stdin.readline()
    try:
        store.note(next(iter(entries)), None)
    except StateError as error:
        print(error)
store.close()
"""
HOLDER = "ana@laptop (pid {}, mlops apply) since 2026-02-03 12:04:31 UTC"


@pytest.fixture
def hung(applied: Repository) -> "Iterator[subprocess.Popen[str]]":
    """A stopped process that holds the target; once it goes on and reads a line it tries to write."""
    argv, pipe = [sys.executable, "-c", HANG], subprocess.PIPE
    with subprocess.Popen(argv, cwd=applied.folder, env=environ(), stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            process.send_signal(signal.SIGSTOP)
            yield process
        finally:
            process.kill()


def test_f30_status_and_the_refusal_name_the_lock_of_a_hung_run(
    applied: Repository, hung: "subprocess.Popen[str]"
) -> None:
    command = "`mlops state unlock 3f9a61c2 --target dev`"
    assert applied.apply(code=HELD).err.endswith(f"or break its lock: {command}\n")
    assert f"in progress by {HOLDER.format(hung.pid)}; if that run hangs, break its lock: {command}\n" in (
        applied.mlops("status").out
    )
    assert applied.mlops("status", "--format", "json").json["lock"]["id"] == "3f9a61c2"


def test_f30_a_hung_run_that_lost_its_lock_writes_no_more(applied: Repository, hung: "subprocess.Popen[str]") -> None:
    said = applied.mlops("state", "unlock", "3f9a61c2", "--auto-approve").out
    assert f"Lock 3f9a61c2 of target dev is held by {HOLDER.format(hung.pid)}.\nIt is broken" in said
    assert applied.mlops("status", "--format", "json").json["lock"] is None
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.apply()
    before = applied.mlops("status", "--format", "json").json
    hung.send_signal(signal.SIGCONT)
    told, _ = hung.communicate("\n", timeout=PATIENCE_S)
    assert told.startswith("target dev: the lock of this run was broken or taken over")
    assert "so it writes nothing more; the next apply settles what was under way" in told
    assert applied.mlops("status", "--format", "json").json == before
    assert applied.steps() == []


def test_f30_a_hung_run_is_refused_also_before_anybody_else_comes(
    applied: Repository, hung: "subprocess.Popen[str]"
) -> None:
    applied.mlops("state", "unlock", "3f9a61c2", "--auto-approve")
    hung.send_signal(signal.SIGCONT)
    assert "it writes nothing more" in hung.communicate("\n", timeout=PATIENCE_S)[0]
    assert applied.steps() == []


@pytest.mark.parametrize("lock_id", ["3f9a61c3", "3f9a"])
def test_another_id_breaks_nothing(applied: Repository, hung: "subprocess.Popen[str]", lock_id: str) -> None:
    said = applied.mlops("state", "unlock", lock_id, "--auto-approve", code=REFUSED).err
    assert f"lock {lock_id} is not held; the lock is 3f9a61c2, of {HOLDER.format(hung.pid)}" in said
    applied.apply(code=HELD)


def test_the_lock_of_a_run_that_has_ended_is_no_lock(applied: Repository, hung: "subprocess.Popen[str]") -> None:
    hung.kill()
    hung.wait(timeout=PATIENCE_S)
    said = applied.mlops("state", "unlock", "3f9a61c2", "--auto-approve", code=REFUSED).err
    assert said == "mlops: target dev is not locked; there is nothing to break\n"


def test_nobody_at_the_terminal_is_refused(applied: Repository, hung: "subprocess.Popen[str]") -> None:
    assert "--auto-approve" in applied.mlops("state", "unlock", "3f9a61c2", code=REFUSED).err
    applied.apply(code=HELD)


@pytest.mark.parametrize(("answer", "code"), [(b"no\n", 1), (b"yes\n", 0)])
def test_it_asks_first(applied: Repository, hung: "subprocess.Popen[str]", answer: bytes, code: int) -> None:
    ours, theirs = pty.openpty()
    argv = [MLOPS, "state", "unlock", "3f9a61c2"]
    pipe = subprocess.PIPE
    with (
        open(ours, "wb", buffering=0) as terminal,  # noqa: PTH123 - a descriptor
        open(theirs, "rb", buffering=0) as stdin,  # noqa: PTH123
        subprocess.Popen(argv, cwd=applied.folder, env=environ(), stdin=stdin, stdout=pipe, stderr=pipe) as asking,
    ):
        terminal.write(answer)
        out, err = asking.communicate(timeout=PATIENCE_S)
    assert b"Break it? Only `yes` is taken for a yes: " in err
    assert (asking.returncode, b"Nothing was changed." in out) == (code, code == 1)
    applied.apply(code=HELD if code else 0)


def test_of_two_that_break_a_lock_at_once_one_does(applied: Repository, hung: "subprocess.Popen[str]") -> None:
    words = ("state", "unlock", "3f9a61c2", "--auto-approve")
    both = [applied.started(*words) for _ in range(2)]
    try:
        assert sorted(each.wait(timeout=PATIENCE_S) for each in both) == [0, REFUSED]
    finally:
        for each in both:
            each.kill()
            each.communicate()
    applied.apply()


def test_a_run_that_waits_for_a_lock_gets_it_when_that_is_broken(
    applied: Repository, hung: "subprocess.Popen[str]"
) -> None:
    with applied.started("apply", "--auto-approve", "--lock-timeout", str(PATIENCE_S)) as waiting:
        try:
            until(lambda: any(".lock" in file.path for file in psutil.Process(waiting.pid).open_files()))
            applied.mlops("state", "unlock", "3f9a61c2", "--auto-approve")
            assert waiting.wait(timeout=PATIENCE_S) == 0
        finally:
            waiting.kill()
            waiting.communicate()


def test_a_lock_is_broken_although_the_platform_cannot_be_reached(
    applied: Repository, hung: "subprocess.Popen[str]"
) -> None:
    applied.edit("mlops.yaml", "provider: memory, file: live.jsonl", "provider: docker, docker: {host: 'unix:///no'}")
    applied.mlops("state", "unlock", "3f9a61c2", "--auto-approve")
