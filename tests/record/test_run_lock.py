"""The run lock holds between processes, tells who holds it, and dies with its holder."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import LockHeldError, StateError
from reconciler.record.lock import file_lock
from reconciler.record.sqlite import SqliteStore

HOLD = """
store = SqliteStore(path, "dev", environ={})
with store.lock(HOLDER, timeout_s=5):
    print("held", flush=True)
    sys.stdin.readline()
store.close()
"""

LOOK = """
import time
store = SqliteStore(path, "dev", environ={})
print(flush=True)
while True:
    store.holder()
    time.sleep(0.0005)
"""

STOPPED_LOOK = """
import fcntl
lock = open(path, "a+")
fcntl.flock(lock, fcntl.LOCK_SH)
print(flush=True)
sys.stdin.readline()
"""

FACTS = {"user": "bo", "host": "ci", "pid": 1, "command": "mlops destroy", "started": "2026-02-03T09:00:00+00:00"}


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_another_process_is_excluded_and_told_who_holds_it(
    path: Path, open_at: Callable[..., SqliteStore], start
) -> None:
    holder = start(HOLD, path)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(LockHeldError) as told, open_at(path).lock({}, timeout_s=0.05):
        pass
    assert f"locked by ana@laptop (pid {holder.pid}, mlops apply) since 2026-02-03 12:04:31 UTC" in str(told.value)
    assert told.value.exit_code == 3


def test_a_waiting_run_gets_the_lock_when_the_holder_ends(path: Path, open_at, start) -> None:
    holder = start(HOLD, path)
    holder.stdout.readline()
    store = open_at(path, sleep=lambda _: holder.communicate("end\n"))
    with store.lock({}, timeout_s=10):
        assert holder.returncode == 0


def test_the_lock_of_a_killed_holder_is_free_at_once(path: Path, open_at, start) -> None:
    holder = start(HOLD, path)
    holder.stdout.readline()
    store = open_at(path)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(timeout=60)
    with store.lock({}, timeout_s=0):
        assert store.holder() == {}


def test_a_stopped_holder_keeps_the_lock(path: Path, open_at, start) -> None:
    holder = start(HOLD, path)
    holder.stdout.readline()
    os.kill(holder.pid, signal.SIGSTOP)
    with pytest.raises(LockHeldError), open_at(path).lock({}, timeout_s=0):
        pass


def test_two_targets_of_one_file_do_not_wait_for_each_other(path: Path, open_at) -> None:
    with open_at(path, "dev").lock(FACTS, timeout_s=0), open_at(path, "prod/eu").lock(FACTS, timeout_s=0):
        pass


def test_a_run_that_lost_its_lock_unawares_cannot_write(path: Path, open_at) -> None:
    first, second = open_at(path), open_at(path)
    with first.lock(FACTS, timeout_s=0):
        path.with_name("state.db.dev.lock").unlink()
        with second.lock(FACTS, timeout_s=0):
            pass
        with pytest.raises(StateError, match="the lock of this run was broken or taken over"):
            first.end_run("run-1", "failed", "T9")


def test_waiting_ends_at_the_deadline(tmp_path: Path) -> None:
    clock = Clock()
    with file_lock(tmp_path / "lock", "dev", FACTS, timeout_s=0):
        waiting = file_lock(tmp_path / "lock", "dev", {}, timeout_s=3, sleep=clock.sleep, now=clock.now)
        with (
            pytest.raises(LockHeldError, match=r"bo@ci \(pid 1, mlops destroy\) since 2026-02-03 09:00:00 UTC"),
            waiting,
        ):
            pass
    assert clock.time == pytest.approx(3)


@pytest.mark.parametrize("facts", [b"", b"{", b"[1]", b"\xff\n"])
def test_a_holder_whose_facts_cannot_be_read_is_another_run(tmp_path: Path, facts: bytes) -> None:
    lock = tmp_path / "lock"
    with file_lock(lock, "dev", FACTS, timeout_s=0):
        lock.write_bytes(facts)
        with pytest.raises(LockHeldError, match="target dev is locked by another run"):  # noqa: SIM117 - order matters
            with file_lock(lock, "dev", {}, timeout_s=0):
                pass


def test_facts_of_a_longer_line_before_leave_nothing_behind(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text('{"user": "' + "x" * 500 + '"}\n')
    with file_lock(lock, "dev", FACTS, timeout_s=0), pytest.raises(LockHeldError, match="bo@ci"):  # noqa: SIM117
        with file_lock(lock, "dev", {}, timeout_s=0):
            pass


def test_a_lock_that_cannot_be_opened_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="nowhere/lock: the run lock cannot be opened"):
        file_lock(tmp_path / "nowhere" / "lock", "dev", {}, timeout_s=0).__enter__()


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with pytest.raises(StateError, match=r"/lock: the file system has no file locks .*; keep the state on another"):
        file_lock(tmp_path / "lock", "dev", {}, timeout_s=0).__enter__()


def test_eight_contending_processes_hold_it_one_at_a_time(path: Path, start) -> None:
    count = """
store = SqliteStore(path, "dev", environ={})
for _ in range(5):
    with store.lock(HOLDER, timeout_s=60):
        entry = store.read().entries.get(BLUE)
        store.note(BLUE, Entry({"n": entry.spec["n"] + 1 if entry else 1}))
store.close()
"""
    processes = [start(count, path) for _ in range(8)]
    assert [process.wait(timeout=60) for process in processes] == [0] * 8
    store = SqliteStore(path, "dev", environ={})
    assert store.read().serial == 40
    store.close()


def test_a_killed_holder_holds_nothing_though_its_facts_are_still_there(path: Path, open_at, start) -> None:
    holder = start(HOLD, path)
    holder.stdout.readline()
    store = open_at(path)
    assert dict(store.holder())["pid"] == holder.pid
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(timeout=60)
    assert store.holder() is None


def test_a_run_gets_the_lock_at_once_however_often_others_look(path: Path, open_at, start) -> None:
    looking = start(LOOK, path)
    looking.stdout.readline()
    store = open_at(path)
    for _ in range(50):
        with store.lock(FACTS, timeout_s=0):
            pass
    looking.kill()


def test_a_run_waits_for_whoever_looks_and_is_held_up_and_takes_nobody_for_a_holder(tmp_path: Path, start) -> None:
    lock, waited = tmp_path / "lock", list[float]()
    lock.write_text('{"user": "ana", "pid": 1}\n')  # of one that was killed
    looking = start(STOPPED_LOOK, lock)
    looking.stdout.readline()

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if sum(waited) > 1:
            looking.communicate("go on\n")

    with file_lock(lock, "dev", FACTS, timeout_s=0, sleep=sleep, now=lambda: sum(waited)):
        assert 1 < sum(waited) < 2


def test_whoever_looks_for_ever_is_not_waited_for_without_end(tmp_path: Path, start) -> None:
    lock, clock = tmp_path / "lock", Clock()
    start(STOPPED_LOOK, lock).stdout.readline()
    with pytest.raises(LockHeldError, match="target dev is locked by another run"):
        file_lock(lock, "dev", FACTS, timeout_s=0, sleep=clock.sleep, now=clock.now).__enter__()
    assert clock.time < 30
