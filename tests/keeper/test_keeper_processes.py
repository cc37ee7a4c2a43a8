"""What the keeper does for its processes, seen through the real one."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.errors import ProviderError
from reconciler.keeper.values import Exit


def test_a_process_is_started_with_exactly_what_it_was_given(house):
    house.keeper.put(house.process("a", "env; pwd; exec sleep 1000", env={"ONLY": "this"}))
    house.until(lambda: str(house.folder) in house.log("a"))
    lines = {line for line in house.log("a").splitlines() if not line.startswith(("PWD=", "_=", "SHLVL=", "OLDPWD="))}
    assert lines == {"ONLY=this", str(house.folder)}
    status = house.status("a")
    assert (status.running, status.restarts, status.last_exit, status.log) == (True, 0, None, f"{house.folder}/a.log")
    assert os.getsid(status.pid) == status.pid


def test_a_killed_process_comes_back_and_is_counted(house):
    house.keeper.put(house.process("a"))
    first = house.status("a").pid
    os.kill(first, signal.SIGKILL)
    house.until(lambda: house.status("a").running and house.status("a").restarts == 1)
    status = house.status("a")
    assert status.pid != first
    assert status.last_exit == Exit(signal=signal.SIGKILL)
    house.keeper.acknowledge("a")
    assert house.status("a").restarts == 0


def test_a_process_that_ends_well_is_restarted_too(house):
    house.keeper.put(house.process("a", "echo round"))
    house.until(lambda: house.log("a").count("round") >= 3)
    assert house.status("a").last_exit == Exit(code=0)


def test_an_equal_process_is_left_alone(house):
    process = house.process("a")
    house.keeper.put(process)
    first = house.status("a")
    house.keeper.put(process)
    assert house.status("a") == first


def test_another_description_replaces_the_process(house):
    house.keeper.put(house.process("a"))
    first = house.status("a").pid
    house.keeper.put(house.process("a", "echo second; exec sleep 1000"))
    assert house.gone(first)
    assert house.status("a").running
    house.until(lambda: "second" in house.log("a"))


def left_to_itself(house, name):
    """An instance that starts a process in a session of its own, which nobody waits for."""
    script = "setsid sh -c 'echo $$ >> left; exec sleep 1000' & exec sleep 1000"
    return replace(house.process(name.replace("/", "-"), script), name=name)


def left(house):
    """The pids of those processes, the oldest first."""
    path = house.folder / "left"
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


def test_what_an_instance_started_in_a_session_of_its_own_ends_with_it(house):
    house.keeper.put(left_to_itself(house, "credit/blue/one"))
    house.until(lambda: len(left(house)) == 1)
    house.keeper.put(left_to_itself(house, "credit/blue/two"))
    house.until(lambda: len(left(house)) == 2)
    first, second = left(house)
    house.keeper.remove("credit/blue/one")
    # What was killed is gone a moment later.
    house.until(lambda: house.gone(first))
    assert not house.gone(second)
    os.kill(house.status("credit/blue/two").pid, signal.SIGKILL)
    house.until(lambda: len(left(house)) == 3)
    house.until(lambda: house.gone(second))
    house.keeper.shutdown(stop_processes=True)
    house.until(lambda: house.gone(left(house)[-1]))


def test_an_instance_ends_without_one_of_the_same_name_in_another_folder(house, other_house):
    for each in (house, other_house):
        each.keeper.put(left_to_itself(each, "credit/blue/one"))
        each.until(lambda each=each: len(left(each)) == 1)
    before = other_house.status("credit/blue/one")
    house.keeper.remove("credit/blue/one")
    house.until(lambda: house.gone(left(house)[0]))
    assert not other_house.gone(left(other_house)[0])
    assert other_house.status("credit/blue/one") == before


def test_an_exit_on_trial_is_final_and_told(house):
    house.keeper.put(house.process("a", "echo Traceback >&2; exit 3"), trial=True)
    house.until(lambda: house.status("a").last_exit == Exit(code=3))
    status = house.status("a")
    assert (status.running, status.trial, status.restarts) == (False, True, 0)
    assert house.log("a") == "Traceback\n"


def test_a_trial_that_ended_can_be_tried_again(house):
    process = house.process("a", "test -e ready || exit 3; exec sleep 1000")
    house.keeper.put(process, trial=True)
    house.until(lambda: house.status("a").last_exit == Exit(code=3))
    (house.folder / "ready").touch()
    house.keeper.put(process, trial=True)
    assert house.status("a").running


def test_after_its_trial_a_process_is_kept(house):
    house.keeper.put(house.process("a"), trial=True)
    first = house.status("a")
    house.keeper.keep("a")
    assert house.status("a") == replace(first, trial=False)
    os.kill(first.pid, signal.SIGKILL)
    house.until(lambda: house.status("a").running and house.status("a").restarts == 1)


def test_a_program_that_is_not_there_is_told_in_the_log(house):
    house.keeper.put(replace(house.process("a"), argv=("/no/such/program",)), trial=True)
    house.until(lambda: house.status("a").last_exit == Exit(code=127))
    assert "cannot start /no/such/program: [Errno 2]" in house.log("a")


def test_a_process_whose_folder_is_gone_ends_and_is_seen_to_like_any(house):
    folder = house.folder / "folder"
    folder.mkdir()
    house.keeper.put(house.process("a", cwd=str(folder)))
    folder.rmdir()
    house.keeper.put(house.process("tried", cwd=str(folder)), trial=True)
    house.until(lambda: house.status("tried").last_exit == Exit(code=127))
    assert "cannot start /bin/sh: [Errno 2]" in house.log("tried")
    os.kill(house.status("a").pid, signal.SIGKILL)
    house.until(lambda: house.status("a").restarts >= 3)
    folder.mkdir()
    house.until(lambda: house.status("a").running and house.log("a"))
    house.until(lambda: children_of(house.keeper.pid()) == [house.status("a").pid])


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_removing_waits_until_the_process_is_gone(house):
    house.keeper.put(house.process("a", "trap 'echo stopped; exit 0' TERM; echo up; while :; do sleep 0.02; done"))
    house.until(lambda: "up" in house.log("a"))
    pid = house.status("a").pid
    house.keeper.remove("a")
    assert house.gone(pid)
    assert "stopped" in house.log("a")
    assert house.keeper.statuses() == ()


def test_a_process_that_does_not_stop_is_killed_with_all_it_started(house):
    script = "trap '' TERM; sleep 1000 & echo child $!; while :; do sleep 0.02; done"
    house.keeper.put(house.process("a", script, stop_timeout_s=0.2))
    house.until(lambda: "child" in house.log("a"))
    child = int(house.log("a").split()[1])
    pid = house.status("a").pid
    house.keeper.remove("a")
    assert house.gone(pid)
    house.until(lambda: house.gone(child))


def test_what_a_dead_process_leaves_of_its_group_goes_before_the_restart(house):
    house.keeper.put(house.process("a", "sleep 1000 & echo child $!; exec sleep 1000"))
    house.until(lambda: "child" in house.log("a"))
    child = int(house.log("a").split()[1])
    os.kill(house.status("a").pid, signal.SIGKILL)
    house.until(lambda: house.gone(child))


def test_a_slow_stop_holds_up_nobody_else(house):
    house.keeper.put(house.process("slow", "trap '' TERM; echo up; while :; do sleep 0.02; done", stop_timeout_s=60))
    house.keeper.put(house.process("other"))
    house.until(lambda: "up" in house.log("slow"))
    hurried = house.process("slow", "exec sleep 1000")
    pid = house.status("slow").pid
    waiting = os.fork()
    if waiting == 0:
        house.keeper.put(hurried)
        os._exit(0)
    house.until(lambda: '"stopping": true' in (house.folder / "kept" / "processes.json").read_text())
    house.keeper.remove("other")
    assert [each.pid for each in house.keeper.statuses()] == [pid]
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(waiting, 0)[1]) == 0
    assert house.status("slow").running


def test_logs_are_rotated_while_their_writer_goes_on(house):
    script = 'n=0; while :; do n=$((n+1)); echo "line $n"; echo "own $n" >>own.log; sleep 0.001; done'
    own = str(house.folder / "own.log")
    house.keeper.put(house.process("a", script, other_logs=(own,), log_max_bytes=2000, log_files=2))
    pid = house.status("a").pid
    house.until(lambda: Path(f"{house.folder}/a.log.2").exists() and Path(f"{own}.2").exists())
    house.until(lambda: house.log("a").startswith("line "))
    assert house.status("a").pid == pid
    assert not Path(f"{house.folder}/a.log.3").exists()
    assert Path(f"{house.folder}/a.log.1").stat().st_mode & 0o777 == 0o600


def test_the_table_and_the_logs_are_private(house):
    house.keeper.put(house.process("a", env={"PATH": os.environ["PATH"], "TOKEN": "hunter2"}))
    kept = house.folder / "kept"
    assert (kept / "processes.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((kept / "processes.json").read_text())["a"]["process"]["env"]["TOKEN"] == "hunter2"
    assert kept.stat().st_mode & 0o777 == 0o700
    assert house.socket.stat().st_mode & 0o777 == 0o600
    house.until((house.folder / "a.log").exists)
    assert (house.folder / "a.log").stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in (kept / "keeper.log").read_text()
    assert "hunter2" not in repr(house.process("a", env={"TOKEN": "hunter2"}))


def test_an_unknown_process_is_refused_by_name(house):
    house.keeper.put(house.process("a"))
    with pytest.raises(ProviderError, match="no process b is kept"):
        house.keeper.keep("b")
    house.keeper.remove("b")
