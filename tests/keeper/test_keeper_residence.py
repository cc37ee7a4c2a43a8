"""The keeper's own life: started on demand, one a folder, adopting after its death, gone when nothing is left."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import ProviderError
from reconciler.keeper import client as client_module
from reconciler.keeper.client import Keeper, SilentKeeperError, ensure
from reconciler.keeper.values import PROTOCOL, Exit


def test_it_belongs_to_no_terminal_and_not_to_us(house):
    keeper = ensure(house.folder / "kept", house.socket)
    pid = keeper.pid()
    assert os.getsid(pid) == pid or os.getsid(pid) != os.getsid(0)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path(os.devnull)


def test_a_killed_keepers_processes_are_adopted_as_they_run(house):
    house.keeper.put(house.process("a"))
    house.keeper.put(house.process("b"))
    before = {each.name: (each.pid, each.restarts, each.started_at) for each in house.keeper.statuses()}
    house.kill_keeper()
    house.keeper.ensure()
    assert {each.name: (each.pid, each.restarts, each.started_at) for each in house.keeper.statuses()} == before


def test_an_adopted_process_is_restarted_and_removed_like_any(house):
    house.keeper.put(house.process("a"))
    house.kill_keeper()
    house.keeper.ensure()
    os.kill(house.status("a").pid, signal.SIGKILL)
    house.until(lambda: house.status("a").running and house.status("a").restarts == 1)
    house.kill_keeper()
    house.keeper.ensure()
    pid = house.status("a").pid
    house.keeper.remove("a")
    assert house.gone(pid)


def test_what_died_while_no_keeper_was_there_is_started_again(house):
    house.keeper.put(house.process("a"))
    house.keeper.put(house.process("tried"), trial=True)
    pids = [each.pid for each in house.keeper.statuses()]
    house.kill_keeper()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        house.until(lambda pid=pid: house.gone(pid))
    house.keeper.ensure()
    house.until(lambda: house.status("a").running)
    assert house.status("a").last_exit == Exit()
    assert (house.status("tried").running, house.status("tried").trial) == (False, True)


def test_what_ended_before_its_birth_could_be_told_is_not_taken_for_running(house):
    """As a keeper leaves it that is killed between the start of a process that ends at once and its end."""
    house.keeper.put(house.process("a", "exit 1"), trial=True)
    house.until(lambda: not house.status("a").running)
    house.kill_keeper()
    ended = subprocess.Popen(["true"])
    ended.wait()
    path = house.folder / "kept" / "processes.json"
    records = json.loads(path.read_text())
    path.write_text(json.dumps({"a": {**records["a"], "pid": ended.pid, "born": ""}}))
    house.keeper.ensure()
    house.until(lambda: not house.status("a").running)


def test_an_unfinished_stop_is_finished_by_the_next_keeper(house):
    house.keeper.put(house.process("a", "trap '' TERM; echo up; while :; do sleep 0.02; done", stop_timeout_s=1))
    house.keeper.put(house.process("b"))
    house.until(lambda: "up" in house.log("a"))
    pid = house.status("a").pid
    remover = threading.Thread(target=_ignoring_errors(lambda: house.keeper.remove("a")))
    remover.start()
    house.until(lambda: '"stopping": true' in (house.folder / "kept" / "processes.json").read_text())
    house.kill_keeper()
    remover.join()
    house.keeper.ensure()
    house.until(lambda: house.gone(pid))
    house.until(lambda: [each.name for each in house.keeper.statuses()] == ["b"])


def _ignoring_errors(call):
    def run() -> None:
        try:
            call()
        except ProviderError:
            return

    return run


def test_sigterm_ends_the_keeper_alone(house):
    house.keeper.put(house.process("a"))
    pid, keeper = house.status("a").pid, house.keeper.pid()
    os.kill(keeper, signal.SIGTERM)
    house.until(lambda: house.gone(keeper))
    assert not house.gone(pid)
    house.keeper.ensure()
    assert house.status("a").pid == pid


def test_a_shutdown_without_the_processes_leaves_them(house):
    house.keeper.put(house.process("a"))
    pid = house.status("a").pid
    house.keeper.shutdown(stop_processes=False)
    assert not house.socket.exists()
    assert not house.gone(pid)
    house.keeper.ensure()
    assert house.status("a").pid == pid


def test_a_shutdown_with_the_processes_leaves_nothing(house):
    house.keeper.put(house.process("a"))
    house.keeper.put(house.process("b"), trial=True)
    pids = [*(each.pid for each in house.keeper.statuses()), house.keeper.pid()]
    house.keeper.shutdown(stop_processes=True)
    assert all(house.gone(pid) for pid in pids)
    assert house.keeper.statuses() == ()
    house.keeper.shutdown(stop_processes=True)


def test_it_ends_when_the_last_process_is_removed(house):
    house.keeper.put(house.process("a"))
    pid = house.keeper.pid()
    house.keeper.remove("a")
    house.until(lambda: house.gone(pid))
    assert not house.socket.exists()
    house.keeper.put(house.process("a"))
    assert house.status("a").running


def test_one_that_never_had_a_process_ends_after_a_while(house):
    command = [sys.executable, "-m", "reconciler.keeper", str(house.folder / "kept")]
    done = subprocess.run([*command, "--socket", str(house.socket), "--idle", "0.1"], timeout=30, check=False)
    assert done.returncode == 0


def test_a_folder_that_is_deleted_takes_its_processes_with_it(house):
    house.keeper.put(house.process("a"))
    pids = (house.status("a").pid, house.keeper.pid())
    for path in (house.folder / "kept").iterdir():
        path.unlink()
    house.until(lambda: all(house.gone(pid) for pid in pids))


def test_where_a_folder_was_deleted_another_keeper_takes_what_is_put_there_at_once(house):
    house.keeper.put(house.process("a"))
    former = house.keeper.pid()
    for path in (house.folder / "kept").iterdir():
        path.unlink()
    house.keeper.put(house.process("b"))
    assert house.keeper.pid() != former
    assert [each.name for each in house.keeper.statuses()] == ["b"]
    house.until(lambda: house.gone(former))


def test_several_that_ensure_at_once_get_the_same_keeper(house):
    pids: list[int | None] = []
    callers = [
        threading.Thread(target=lambda: pids.append(ensure(house.folder / "kept", house.socket).pid()))
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(pids) == 4
    assert len(set(pids)) == 1
    assert None not in pids


def test_a_stale_socket_is_replaced(house):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(house.socket))
    assert house.keeper.pid() is None
    house.keeper.put(house.process("a"))
    assert house.status("a").running


def test_a_socket_that_was_deleted_is_made_again(house):
    house.keeper.put(house.process("a"))
    pid = house.keeper.pid()
    house.socket.unlink()
    house.until(lambda: house.keeper.pid() == pid)
    assert house.socket.stat().st_mode & 0o777 == 0o600


def test_a_dead_keeper_with_processes_is_an_error_that_names_the_log(house):
    house.keeper.put(house.process("a"))
    house.kill_keeper()
    with pytest.raises(ProviderError, match=r"the keeper of .*kept does not answer; see .*keeper\.log"):
        house.keeper.statuses()
    house.keeper.ensure()


def test_a_folder_that_cannot_be_used_is_an_error(house):
    (house.folder / "file").touch()
    with pytest.raises(ProviderError, match=r"does not start: .*Not a directory"):
        Keeper(house.folder / "file" / "kept", house.socket, timeout_s=1).ensure()


def test_a_socket_path_that_is_too_long_is_an_error(house):
    with pytest.raises(ProviderError, match="longer than 103 bytes"):
        Keeper(house.folder / "kept", house.folder / ("x" * 100)).ensure()


def test_a_keeper_that_cannot_start_is_told_at_once(house):
    (house.folder / "kept").mkdir()
    (house.folder / "kept" / "processes.json").mkdir()
    with pytest.raises(ProviderError, match=r"does not start.*keeper\.log"):
        house.keeper.ensure()
    (house.folder / "kept" / "processes.json").rmdir()


def test_nonsense_on_the_socket_is_answered_and_survived(house):
    house.keeper.put(house.process("a"))
    for nonsense in (b"{\n", b"[]\n", b'{"do": "dance"}\n', b'{"do": "put"}\n', b""):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(house.socket))
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile("rb").readline()
        assert b"error" in answer or nonsense == b""
    assert house.status("a").running


def test_it_is_small(house):
    house.keeper.put(house.process("a"))
    status = Path(f"/proc/{house.keeper.pid()}/status").read_text()
    resident_kb = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    assert resident_kb < 30_000


def test_a_hung_keeper_is_named_with_what_to_do(house):
    house.keeper.put(house.process("a"))
    pid = house.keeper.pid()
    client = Keeper(house.folder / "kept", house.socket, answer_timeout_s=0.3)
    os.kill(pid, signal.SIGSTOP)
    try:
        for ask in (client.statuses, client.ensure, lambda: client.put(house.process("b")), lambda: client.keep("a")):
            with pytest.raises(SilentKeeperError, match=rf"hangs, .* within 0.3 s: end it by `kill -9 {pid}`"):
                ask()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert house.keeper.pid() == pid


def test_a_long_stop_is_waited_for_only_as_long_as_the_keeper_lives(house):
    house.keeper.put(house.process("a", "trap '' TERM; echo up; while :; do sleep 0.02; done", stop_timeout_s=600))
    house.until(lambda: "up" in house.log("a"))
    client = Keeper(house.folder / "kept", house.socket, answer_timeout_s=0.3)
    errors: list[Exception] = []

    def remove() -> None:
        try:
            client.remove("a")
        except ProviderError as error:
            errors.append(error)

    remover = threading.Thread(target=remove)
    remover.start()
    house.until(lambda: '"stopping": true' in (house.folder / "kept" / "processes.json").read_text())
    remover.join(1.0)
    assert remover.is_alive(), "the keeper answers others, so the stop goes on"
    pid = house.keeper.pid()
    os.kill(pid, signal.SIGSTOP)
    remover.join(30)
    os.kill(pid, signal.SIGCONT)
    assert [type(error) for error in errors] == [SilentKeeperError]
    os.kill(house.status("a").pid, signal.SIGKILL)


def test_a_keeper_of_an_earlier_version_gives_way_and_its_processes_go_on(house, monkeypatch):
    house.keeper.put(house.process("a"))
    pid, keeper = house.status("a").pid, house.keeper.pid()
    monkeypatch.setattr(client_module, "PROTOCOL", PROTOCOL + 1)
    with pytest.raises(ProviderError, match="does not"):
        Keeper(house.folder / "kept", house.socket, timeout_s=0.1).ensure()
    house.until(lambda: house.gone(keeper))
    monkeypatch.undo()
    house.keeper.ensure()
    assert house.status("a").pid == pid


def test_a_table_of_an_earlier_version_is_adopted(house):
    house.keeper.put(house.process("a"))
    pid = house.status("a").pid
    house.kill_keeper()
    path = house.folder / "kept" / "processes.json"
    records = json.loads(path.read_text())
    for name in ("liveness", "readiness", "longest_delay_s", "reopen_signal"):
        del records["a"]["process"][name]
    del records["a"]["mark"]
    path.write_text(json.dumps(records))
    house.keeper.ensure()
    assert house.status("a").pid == pid


def test_a_full_disk_refuses_what_is_new_and_keeps_what_runs(house):
    house.keeper.put(house.process("a"))
    pid, keeper = house.status("a").pid, house.keeper.pid()
    _, hard = resource.prlimit(keeper, resource.RLIMIT_FSIZE)
    resource.prlimit(keeper, resource.RLIMIT_FSIZE, (0, hard))
    with pytest.raises(ProviderError, match="File too large"):
        house.keeper.put(house.process("b"))
    with pytest.raises(ProviderError, match="File too large"):
        house.keeper.put(house.process("a", "exec sleep 2000"))
    assert [(each.name, each.pid) for each in house.keeper.statuses()] == [("a", pid)]
    os.kill(pid, signal.SIGKILL)
    house.until(lambda: house.status("a").last_exit == Exit(signal=signal.SIGKILL))
    resource.prlimit(keeper, resource.RLIMIT_FSIZE, (hard, hard))
    house.until(lambda: house.status("a").running)
    house.keeper.put(house.process("b"))
    assert house.keeper.pid() == keeper
    assert set(json.loads((house.folder / "kept" / "processes.json").read_text())) == {"a", "b"}


def test_a_table_that_could_not_be_written_is_written_once_it_can(house):
    house.keeper.put(house.process("a"))
    house.keeper.put(house.process("b"))
    keeper = house.keeper.pid()
    _, hard = resource.prlimit(keeper, resource.RLIMIT_FSIZE)
    resource.prlimit(keeper, resource.RLIMIT_FSIZE, (0, hard))
    house.keeper.remove("a")
    table = house.folder / "kept" / "processes.json"
    assert set(json.loads(table.read_text())) == {"a", "b"}
    resource.prlimit(keeper, resource.RLIMIT_FSIZE, (hard, hard))
    house.until(lambda: set(json.loads(table.read_text())) == {"b"})


def test_a_folder_that_was_moved_is_kept_where_it_is_now(house):
    house.keeper.put(house.process("a"))
    pid, keeper = house.status("a").pid, house.keeper.pid()
    moved = house.folder / "moved"
    (house.folder / "kept").rename(moved)
    house.socket.rename(house.folder / "m.sock")
    client = Keeper(moved, house.folder / "m.sock")
    client.put(house.process("b"))
    before = {each.name: each.pid for each in client.statuses()}
    assert (client.pid(), before["a"]) == (keeper, pid)
    events = moved / "events.jsonl"
    seen = events.stat().st_size
    os.kill(before["b"], signal.SIGKILL)
    house.until(lambda: events.stat().st_size > seen)
    # What is read at a tick shows that one has passed since.
    client.put(replace(house.process("c", "echo here; exec sleep 1000"), name="e/d/c"))
    house.until(lambda: (moved / "console.jsonl").exists() and '"here"' in (moved / "console.jsonl").read_text())
    assert not (house.folder / "kept").exists()
    assert not house.socket.exists()
    client.shutdown(stop_processes=True)
    assert house.gone(pid)
    assert house.gone(keeper)


def test_a_signal_to_a_process_that_was_just_forked_is_none_to_the_keeper(tmp_path):
    script = f"""
import os, signal, socket
from reconciler.keeper.children import release, spawn
from reconciler.keeper.values import Process
reader, writer = socket.socketpair()
reader.setblocking(False), writer.setblocking(False)
signal.set_wakeup_fd(writer.fileno())
signal.signal(signal.SIGTERM, lambda *_: None)
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
pid, opener = spawn(Process("a", ("/bin/sleep", "1000"), {{}}, "/", {str(tmp_path / "log")!r}))
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
try:
    print(reader.recv(1))
except BlockingIOError:
    print("nothing")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["-15", "nothing"]
