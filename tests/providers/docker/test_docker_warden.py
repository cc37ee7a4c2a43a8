"""A warden has instances restarted that hang, and writes the story of all of them, each line once, whatever ends."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_world import ENDPOINT, World, answering
from wards_yard import LISTENS, QUICK, Relay, Yard

from reconciler.providers.docker.warding import NAME
from reconciler.providers.hosting.processes import Processes
from tests.waiting import until

A, B = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
# Asks a server that had the time to start, and has the time to answer.
PATIENT = {**QUICK, "initial_delay": 5, "timeout": 30}


@pytest.fixture
def yard(tmp_path: Path, engine_host: str, project: str, base_image: str) -> Iterator[Yard]:
    yard = Yard(tmp_path / "target", engine_host, project, base_image)
    yield yard
    yard.end()


@pytest.fixture
def relay(engine_host: str) -> Iterator[Relay]:
    """A way to the engine that can be cut, closed at first. Its path is short, as sockets need it."""
    if not engine_host.startswith("unix://"):
        pytest.skip("the engine has no unix socket")
    folder = Path(tempfile.mkdtemp())
    relay = Relay(folder / "d.sock", engine_host)
    yield relay
    if relay.path.exists():
        relay.cut()
    shutil.rmtree(folder)


def counting(count: int, *, then: str = "") -> str:
    """Prints so many lines, and then does something, or waits for its end."""
    then = then or "time.sleep(1000)"
    return f"import os, sys, time\nfor n in range({count}): print('line', n)\n{then}"


def numbered(count: int, start: int = 0) -> list[str]:
    return [f"line {number}" for number in range(start, count)]


def test_an_instance_that_hangs_is_restarted_and_others_go_on(yard: Yard):
    yard.ward()
    hung, other = yard.instance(A, liveness={**PATIENT, "timeout": 1}), yard.instance(B, liveness=PATIENT)
    until(lambda: yard.printed(A) == ["up"])
    before = yard.state(other)["StartedAt"]
    yard.run_in(hung, "sh", "-c", "printf hang > /tmp/mode")
    until(lambda: yard.events(A).count("Started") == 2)
    assert yard.events(A) == ["Created", "Started", "LivenessProbeFailed", "LivenessProbeFailed", "Killing", "Started"]
    why = "2 failed liveness probes (no answer within 1 s)"
    assert yard.messages("LivenessProbeFailed")[1] == "Liveness probe failed, 2 of 2 in a row: no answer within 1 s"
    assert yard.messages("Killing") == [f"Stopping container C after {why}; it is started again"]
    assert yard.messages("Started")[-1] == "Started container C, restart 1"
    counted = yard.restarts(A)
    assert counted is not None
    assert (counted.restarts, str(counted.last_exit)) == (1, f"killed by signal 15 (Terminated) after {why}")
    assert yard.api.inspect_container(hung)["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert (yard.state(other)["StartedAt"], yard.events(B)) == (before, ["Created", "Started"])


def test_an_instance_that_answers_badly_is_restarted_after_as_many_failures_as_were_asked_for(yard: Yard):
    yard.ward()
    container = yard.instance(A, liveness={**PATIENT, "failure_threshold": 3})
    until(lambda: yard.printed(A) == ["up"])
    yard.run_in(container, "sh", "-c", "printf 500 > /tmp/mode")
    until(lambda: "Killing" in yard.events(A))
    rows = yard.messages("LivenessProbeFailed")
    assert rows == [f"Liveness probe failed, {number} of 3 in a row: HTTP status 500" for number in (1, 2, 3)]


def test_an_instance_on_trial_is_not_asked_until_it_is_kept(yard: Yard):
    yard.ward()
    # Neither ever answers.
    trial, _ = (yard.instance(name, counting(0), kept=kept, liveness=QUICK) for name, kept in ((A, False), (B, True)))
    until(lambda: "Killing" in yard.events(B))
    assert yard.events(A) == ["Created", "Started"]
    yard.api.update_container(trial, restart_policy={"Name": "always"})
    until(lambda: "LivenessProbeFailed" in yard.events(A))


def test_that_an_instance_is_not_ready_any_more_is_told_once(yard: Yard):
    yard.ward()
    container = yard.instance(A, liveness={**PATIENT, "failure_threshold": 5}, readiness=PATIENT)
    until(lambda: yard.printed(A) == ["up"])
    yard.run_in(container, "sh", "-c", "printf 503 > /tmp/mode")
    until(lambda: "Killing" in yard.events(A))
    assert yard.messages("ReadinessProbeFailed") == ["Readiness probe failed, 2 of 2 in a row: HTTP status 503"]


def test_an_instance_that_ends_is_started_again_by_the_engine_and_the_warden_tells(yard: Yard):
    yard.ward()
    told = "while not os.path.exists('/tmp/end'): time.sleep(0.05)\nos.remove('/tmp/end')\nos._exit(7)"
    container = yard.instance(A, f"import os, time\nprint('here')\n{told}")
    for run in (1, 2, 3):
        until(lambda run=run: yard.events(A).count("Started") == run)
        if run < 3:
            yard.run_in(container, "touch", "/tmp/end")
    assert yard.events(A) == ["Created", "Started", "BackOff", "Started", "BackOff", "Started"]
    assert yard.messages("BackOff")[0] == "Is started again by the engine: exit code 7"
    assert yard.messages("Started") == ["Started container C", *(f"Started container C, restart {n}" for n in (1, 2))]
    counted = yard.restarts(A)
    assert counted is not None
    assert str(counted.last_exit) == "exit code 7"
    until(lambda: yard.printed(A)[:3] == ["here"] * 3)


def test_an_instance_that_ends_on_trial_stays_so_and_its_end_is_told(yard: Yard):
    yard.ward()
    yard.instance(A, "raise SystemExit(3)", kept=False)
    until(lambda: "BackOff" in yard.events(A))
    assert yard.messages("BackOff") == ["Ended on trial, and is not started again: exit code 3"]


def test_an_instance_that_outgrows_its_memory_is_told_so(yard: Yard):
    yard.ward()
    script = "import time\ntime.sleep(0.5)\nheld = [bytearray(1 << 20) for _ in range(1000)]"
    yard.instance(A, script, mem_limit="64m", memswap_limit="64m")
    until(lambda: "BackOff" in yard.events(A))
    expected = "Is started again by the engine: killed by signal 9 (Killed) after running out of memory"
    assert yard.messages("BackOff")[0] == expected


def test_what_a_person_kills_stays_dead(yard: Yard):
    yard.ward()
    killed, witness = yard.instance(A, liveness=PATIENT), yard.instance(B, liveness=PATIENT)
    until(lambda: yard.printed(A) == yard.printed(B) == ["up"])
    yard.api.kill(killed)
    yard.run_in(witness, "sh", "-c", "printf 500 > /tmp/mode")
    until(lambda: yard.events(B).count("Started") == 2)
    assert yard.events(A) == ["Created", "Started", "Killing"]
    assert not yard.state(killed)["Running"]
    counted = yard.restarts(A)
    assert counted is not None
    assert (counted.restarts, str(counted.last_exit)) == (0, "killed by signal 9 (Killed)")


def test_an_instance_that_does_not_stop_in_time_is_told_so(yard: Yard):
    yard.ward()
    container = yard.instance(A, "import signal\nsignal.signal(15, lambda *_: print('no'))\n" + counting(1))
    until(lambda: yard.printed(A) == ["line 0"])
    yard.api.stop(container, timeout=1)
    until(lambda: len(yard.messages("Killing")) == 2)
    assert yard.messages("Killing") == ["Stopping container C", "Container C did not stop in time and is killed"]


def test_a_warden_that_is_killed_loses_nothing_and_writes_nothing_twice(yard: Yard):
    yard.ward()
    script = "n = 0\nimport time\nwhile True:\n    print('line', n)\n    n += 1\n    time.sleep(0.002)"
    container = yard.instance(A, script)
    other = yard.instance(B, counting(3))
    until(lambda: yard.printed(B) == numbered(3))
    for restarts in (1, 2):
        count = len(yard.printed(A))
        until(lambda count=count: len(yard.printed(A)) > count + 100)
        yard.kill_warden()
        yard.kill_process(other)
        until(lambda restarts=restarts: yard.api.inspect_container(other)["RestartCount"] == restarts)
        yard.ward()
    yard.api.kill(container)
    written = [line for line in yard.api.logs(container).decode().splitlines() if line]
    until(lambda: len(yard.printed(A)) >= len(written))
    until(lambda: yard.events(B).count("Started") == 3)
    assert yard.printed(A) == written
    until(lambda: yard.printed(B) == numbered(3) * 3)
    assert yard.events(B) == ["Created", "Started", "BackOff", "Started", "BackOff", "Started"]
    counted = yard.restarts(B)
    assert counted is not None
    assert counted.restarts == 2


def test_rows_that_were_written_after_the_last_note_are_read_again_and_not_twice(yard: Yard):
    yard.ward()
    yard.instance(A, counting(3, then="time.sleep(1)"))
    until(lambda: len(yard.printed(A)) >= 3)
    yard.kill_warden()
    known = len(yard.printed(A))
    # As a warden leaves it that is killed between its two writes.
    with yard.layout.console.open("a") as log:
        log.write(log_row := yard.layout.console.read_text().splitlines()[0] + "\n")
        log.write(log_row[:20])
    yard.ward()
    until(lambda: len(yard.printed(A)) >= known + 3)
    assert yard.printed(A)[: known + 3] == (numbered(3) * known)[: known + 3]


def test_a_removed_instances_last_words_are_kept_and_it_is_forgotten(yard: Yard):
    yard.ward()
    farewell = "import sys\ndef bye(*_):\n    for n in range(20_000): print('bye', n)\n    sys.exit()\n"
    script = f"import signal\n{farewell}signal.signal(15, bye)\n{counting(1)}"
    container = yard.instance(A, script)
    until(lambda: yard.printed(A) == ["line 0"])
    yard.api.stop(container, timeout=120)
    yard.api.remove_container(container)
    until(lambda: len(yard.printed(A)) > 20_000)
    assert yard.printed(A) == ["line 0", *(f"bye {number}" for number in range(20_000))]
    until(lambda: yard.restarts(A) is None)


def test_rows_of_the_console_log_have_the_time_of_the_engine_and_long_lines_are_cut(yard: Yard):
    yard.ward()
    container = yard.instance(A, "print('x' * 50_000)\nprint('short', end='')\n")
    until(lambda: len(yard.rows(yard.layout.console)) >= 2)
    first, second = yard.rows(yard.layout.console)[:2]
    assert first["Message"] == "x" * 16_384 + " … [cut: the line has more than 16384 bytes]"
    assert second["Message"] == "short"
    times = [line.partition(b" ")[0].decode() for line in yard.api.logs(container, timestamps=True).splitlines()]
    assert first["TimeGenerated"] == f"{times[0][:23]}Z"
    assert (second["EndpointName"], second["DeploymentName"], second["ContainerName"]) == (
        "credit",
        "blue",
        "inference-server",
    )


def test_two_instances_that_print_much_both_come_through(yard: Yard):
    yard.ward()
    for name in (A, B):
        yard.instance(name, counting(30_000))
    until(lambda: len(yard.printed(A)) == len(yard.printed(B)) == 30_000, patience_s=240)
    assert yard.printed(A) == yard.printed(B) == numbered(30_000)


def test_a_warden_outlives_its_engine_and_makes_up_for_what_it_missed(yard: Yard, relay: Relay):
    yard.ward(relay.host)
    until(lambda: "it is tried again" in yard.said())
    container = yard.instance(A, counting(2))
    relay.open()
    until(lambda: yard.printed(A) == numbered(2))
    for restarts in (1, 2):
        before = yard.said().count(LISTENS)
        relay.cut()
        until(lambda restarts=restarts: yard.said().count("it is tried again") > restarts)
        yard.kill_process(container)
        until(lambda restarts=restarts: yard.api.logs(container).count(b"line 1") > restarts)
        relay.open()
        until(lambda before=before: yard.said().count(LISTENS) > before)
    until(lambda: len(yard.printed(A)) == 6)
    assert yard.printed(A) == numbered(2) * 3
    assert yard.events(A) == ["Created", "Started", "BackOff", "Started", "BackOff", "Started"]


def test_nobody_is_probed_while_there_is_no_engine(yard: Yard, relay: Relay):
    relay.open()
    yard.ward(relay.host)
    container = yard.instance(A, liveness={**QUICK, "timeout": 30, "failure_threshold": 1000})
    until(lambda: yard.printed(A) == ["up"])
    yard.run_in(container, "sh", "-c", "printf 500 > /tmp/mode")
    until(lambda: "LivenessProbeFailed" in yard.events(A))
    relay.cut()
    until(lambda: "it is tried again" in yard.said())
    count = len(yard.messages("LivenessProbeFailed"))
    relay.open()
    # It is asked anew from the start, for the probes before the gap were forgotten.
    first = "Liveness probe failed, 1 of 1000 in a row: HTTP status 500"
    until(lambda: first in yard.messages("LivenessProbeFailed")[count:])


def test_a_warden_ends_with_its_targets_folder(yard: Yard):
    yard.ward()
    until(lambda: LISTENS in yard.said())
    with (yard.layout.folder / "warden.log").open() as log:
        shutil.rmtree(yard.layout.folder)
        assert yard.wardens[-1].wait(60) == 0
        assert "the target's folder is gone" in log.read()
    assert not yard.layout.folder.exists()


def test_a_container_whose_labels_are_no_probe_is_passed_over(yard: Yard):
    yard.ward()
    yard.instance(A, liveness={"period": 0})
    yard.instance(B, counting(1))
    until(lambda: yard.printed(B) == ["line 0"])
    until(lambda: "is not looked after: probe: thresholds are at least 1" in yard.said())
    assert yard.wardens[-1].poll() is None


def rows_of(world: World, table: str) -> str:
    return "".join(path.read_text() for path in world.provider.tables()[table])


def warden(world: World) -> int:
    """The process of a target's warden; 0 where there is none."""
    status = Processes(world.layout).list().get(NAME)
    return (status.pid or 0) if status else 0


def test_a_target_has_a_warden_from_its_first_deployment_to_its_end(world: World):
    world.do("create", "endpoint/credit", ENDPOINT)
    assert warden(world) == 0
    world.do("create", "deployment/credit/blue", world.deployment(answering("blue")))
    first = warden(world)
    assert first
    until(lambda: "init of blue" in rows_of(world, "AmlOnlineEndpointConsoleLog"))
    until(lambda: '"Started"' in rows_of(world, "AmlOnlineEndpointEventLog"))
    world.do("scale", "deployment/credit/blue", world.deployment(answering("blue"), instance_count=2))
    assert warden(world) == first
    os.kill(first, signal.SIGKILL)
    until(lambda: warden(world) not in (0, first))
    world.do("delete", "deployment/credit/blue")
    world.do("delete", "endpoint/credit")
    assert Processes(world.layout).list() == {}


def test_a_look_after_a_restart_of_the_machine_has_the_warden_run_again(world: World):
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", "deployment/credit/blue", world.deployment(answering("blue")))
    keeper, first = Processes(world.layout), warden(world)
    pid = keeper._keeper.pid()
    assert pid
    for each in (pid, first):
        os.kill(each, signal.SIGKILL)
    until(lambda: keeper.seen() is None)
    world.provider.list()
    until(lambda: warden(world) not in (0, first))
