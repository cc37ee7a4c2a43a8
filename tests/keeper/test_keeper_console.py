"""The console log and the event log, seen through the real keeper."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

COUNTING = 'n=0; while [ $n -lt %d ]; do n=$((n+1)); echo "line $n"; done; exec sleep 1000'


def instance(house, name: str, script: str, **spec: object):
    """An instance of a deployment that a shell runs."""
    return replace(house.process(name, script, **spec), name=f"e/d/{name}")


def test_what_an_instance_prints_is_in_the_console_log_and_what_others_print_is_not(house):
    house.keeper.put(instance(house, "a", "echo hello; echo >&2 world; exec sleep 1000"))
    house.keeper.put(house.process("gateway", "echo not me; exec sleep 1000"))
    house.until(lambda: house.printed("a") == ["hello", "world"])
    row = house.rows("console")[0]
    assert (row["EndpointName"], row["DeploymentName"], row["ContainerName"]) == ("e", "d", "inference-server")
    house.until(lambda: house.log("gateway"))
    assert {row["InstanceId"] for row in house.rows("console")} == {"a"}
    assert (house.folder / "kept" / "console.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_last_words_of_a_crash_are_kept_with_those_of_its_successor(house):
    first = "touch again; echo Traceback; printf 'Killed here'; kill -9 $$"
    script = f"test -e again && {{ echo second; exec sleep 1000; }}; {first}"
    house.keeper.put(instance(house, "a", script))
    house.until(lambda: house.printed("a") == ["Traceback", "Killed here", "second"])


def test_a_removed_instances_lines_are_all_there_when_the_answer_comes(house):
    house.keeper.put(
        instance(
            house,
            "a",
            "trap 'echo bye; printf end; exit 0' TERM; "
            + (COUNTING % 20_000)[:-16]
            + "echo up; while :; do sleep 0.02; done",
        )
    )
    house.until(lambda: "up" in house.log("a"))
    house.keeper.remove("e/d/a")
    assert house.printed("a") == [*(f"line {n}" for n in range(1, 20_001)), "up", "bye", "end"]


def test_a_killed_keeper_is_continued_and_no_line_is_lost(house):
    script = 'n=0; while :; do n=$((n+1)); echo "line $n"; sleep 0.002; done'
    house.keeper.put(instance(house, "a", script))
    for _ in range(2):
        count = len(house.printed("a"))
        house.until(lambda count=count: len(house.printed("a")) > count)
        house.kill_keeper()
        lines = house.log("a").count("\n")
        house.until(lambda lines=lines: house.log("a").count("\n") > lines)
        house.keeper.ensure()
    house.keeper.remove("e/d/a")
    printed = list(dict.fromkeys(house.printed("a")))
    assert printed == [f"line {n}" for n in range(1, len(printed) + 1)]
    assert len(printed) == house.log("a").count("\n")


def test_a_keeper_that_was_told_to_end_repeats_no_line(house):
    house.keeper.put(instance(house, "a", COUNTING % 500))
    house.until(lambda: len(house.printed("a")) == 500)
    house.keeper.shutdown(stop_processes=False)
    house.keeper.ensure()
    house.keeper.put(instance(house, "b", "echo there; exec sleep 1000"))
    house.until(lambda: house.printed("b") == ["there"])
    assert len(house.printed("a")) == 500


def test_a_log_that_is_cut_under_its_instance_loses_no_line(house):
    script = 'n=0; while [ $n -lt 30000 ]; do n=$((n+1)); echo "line $n"; done; echo done; exec sleep 1000'
    house.keeper.put(instance(house, "a", script, log_max_bytes=200_000))
    house.until(lambda: house.printed("a")[-1:] == ["done"])
    assert house.printed("a") == [*(f"line {n}" for n in range(1, 30_001)), "done"]
    house.until(lambda: (house.folder / "a.log").stat().st_size < 210_000)
    assert not Path(f"{house.folder}/a.log.1").exists()


def test_bytes_that_are_no_text_nul_and_a_megabyte_in_a_line_go_through(house):
    script = (
        "import os, time\n"
        "os.write(1, b'\\xff\\x00\\xfe\\n' + b'x' * (1 << 20) + b'\\n\\n' + b'end\\n')\n"
        "time.sleep(1000)\n"
    )
    house.keeper.put(replace(instance(house, "a", ""), argv=(sys.executable, "-S", "-c", script)))
    house.until(lambda: house.printed("a")[-1:] == ["end"])
    first, long, empty, _ = house.printed("a")
    assert (first, empty) == ("\ufffd\x00\ufffd", "")
    assert long.startswith("x" * 16_384 + " … [cut")
    assert len(long) < 16_500


def test_a_chatty_instance_starves_nobody(house):
    house.keeper.put(instance(house, "loud", "while :; do echo noise; done"))
    kept = house.folder / "kept"
    house.until(lambda: (kept / "console.jsonl").exists() and (kept / "console.jsonl").stat().st_size > 1_000_000)
    for n in range(20):
        house.keeper.put(instance(house, f"q{n}", f"echo quiet {n}; exec sleep 1000"))
    house.until(lambda: any(b'"quiet 19"' in path.read_bytes() for path in kept.glob("console.jsonl*")))
    house.keeper.remove("e/d/loud")
    assert len(house.keeper.statuses()) == 20


def test_the_event_log_tells_a_life_from_creation_to_removal(house):
    house.keeper.put(instance(house, "a", "test -e again || { touch again; exit 3; }; exec sleep 1000"))
    house.until(lambda: house.status("e/d/a").restarts == 1)
    house.keeper.remove("e/d/a")
    rows = [row for row in house.rows("events") if row["InstanceId"] == "a"]
    assert [row["Name"] for row in rows] == ["Created", "Started", "BackOff", "Created", "Started", "Killing"]
    assert rows[2]["Message"] == "Is started again in 0.1 s: exit code 3"
    assert rows[4]["Message"].endswith(", restart 1")
    assert {(row["EndpointName"], row["DeploymentName"], row["OperationName"]) for row in rows} == {
        ("e", "d", "AmlOnlineEndpointEventLog")
    }
    assert list(rows[0]) == [
        *("TimeGenerated", "OperationName", "InstanceId", "EndpointName", "DeploymentName", "Name", "Message")
    ]


def test_others_than_instances_have_events_without_a_deployment(house):
    house.keeper.put(house.process("gateway", "exit 1"), trial=True)
    house.until(lambda: "BackOff" in house.events("gateway"))
    row = house.rows("events")[-1]
    assert (row["EndpointName"], row["DeploymentName"], row["InstanceId"]) == ("", "", "gateway")
    assert row["Message"] == "Ended on trial, and is not started again: exit code 1"


def test_a_process_told_to_reopen_its_logs_loses_no_line_to_rotation(house):
    own = house.folder / "own.log"
    script = """
import os, signal, sys, time
path, state = sys.argv[1], {}
def reopen(*_):
    state["file"] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
signal.signal(signal.SIGUSR1, reopen)
reopen()
n = 0
while not os.path.exists(path + ".5"):
    os.write(state["file"], b"line %d\\n" % n)
    n += 1
    time.sleep(0.0005)
print("wrote", n, flush=True)
time.sleep(1000)
"""
    process = replace(
        house.process("gateway", other_logs=(str(own),), log_max_bytes=3000, log_files=9, reopen_signal=signal.SIGUSR1),
        argv=(sys.executable, "-S", "-c", script, str(own)),
    )
    house.keeper.put(process)
    house.until(lambda: "wrote" in house.log("gateway"))
    count = int(house.log("gateway").split()[1])
    paths = [*(Path(f"{own}.{n}") for n in range(9, 0, -1)), own]
    text = "".join(path.read_text() for path in paths if path.exists())
    assert sorted(text.splitlines(), key=lambda line: int(line.split()[1])) == [f"line {n}" for n in range(count)]


def test_a_log_that_nobody_may_read_is_no_end_of_the_keeper(house):
    house.keeper.put(instance(house, "a", "echo one; exec sleep 1000"))
    house.until(lambda: house.printed("a") == ["one"])
    (house.folder / "a.log").unlink()
    (house.folder / "a.log").mkdir()
    house.keeper.put(instance(house, "b", "echo two; exec sleep 1000"))
    house.until(lambda: house.printed("b") == ["two"])
    os.kill(house.status("e/d/b").pid, signal.SIGKILL)
    house.until(lambda: house.printed("b") == ["two", "two"])
