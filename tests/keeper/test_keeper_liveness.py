"""Liveness probes of real processes: who does not answer is ended and started again."""

import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.keeper.values import Exit, Probe
from tests.ports import free_port


def restarted(house, name: str) -> bool:
    return house.status(name).restarts >= 1


def serve(house, process) -> None:
    """Have a server kept, and probed, once it listens."""
    house.keeper.put(process, trial=True)
    house.until(lambda: "up" in house.log(process.name.replace("/", "-")))
    house.keeper.keep(process.name)


def test_a_hung_process_is_killed_and_started_again(house):
    serve(house, house.server("e/d/a", timeout_s=0.2, initial_delay_s=1.0))
    house.until(lambda: "asked / 200" in house.log("e-d-a"))
    first = house.status("e/d/a").pid
    os.kill(first, signal.SIGSTOP)
    house.until(lambda: restarted(house, "e/d/a"))
    assert house.gone(first)
    cause = "2 failed liveness probes (no answer within 0.2 s)"
    assert house.status("e/d/a").last_exit == Exit(signal=signal.SIGKILL, cause=cause)
    assert str(house.status("e/d/a").last_exit) == f"killed by signal 9 (Killed) after {cause}"
    seen = [name for name in house.events("a") if name != "LivenessProbeFailed"]
    assert seen == ["Created", "Started", "Killing", "Killing", "BackOff", "Created", "Started"]
    assert house.events("a").count("LivenessProbeFailed") == 2


def test_failures_below_the_threshold_are_forgotten_after_a_good_answer(house):
    serve(house, house.server("e/d/a", failure_threshold=1000))
    first = house.status("e/d/a").pid
    for _ in range(2):
        before = house.events("a").count("LivenessProbeFailed")
        house.answer("e/d/a", "503")
        house.until(lambda before=before: house.events("a").count("LivenessProbeFailed") > before)
        house.answer("e/d/a", "200")
        asked = house.log("e-d-a").count("asked / 200")
        house.until(lambda asked=asked: house.log("e-d-a").count("asked / 200") > asked)
    assert (house.status("e/d/a").pid, house.status("e/d/a").restarts) == (first, 0)
    failures = [row["Message"] for row in house.rows("events") if row["Name"] == "LivenessProbeFailed"]
    assert failures.count("Liveness probe failed, 1 of 1000 in a row: HTTP status 503") == 2


@pytest.mark.parametrize(
    ("mode", "timeout_s", "problem"),
    [
        ("503", 60.0, "HTTP status 503"),
        ("close", 60.0, "the connection was closed without an answer"),
        ("talk", 60.0, "no answer of HTTP: b'220 mail.exa'"),
        ("hang", 0.1, "no answer within 0.1 s"),
    ],
)
def test_every_bad_answer_is_told_in_words(house, mode, timeout_s, problem):
    serve(house, house.server("e/d/a", mode, timeout_s=timeout_s))
    house.until(lambda: restarted(house, "e/d/a"))
    messages = [row["Message"] for row in house.rows("events") if row["Name"] == "LivenessProbeFailed"]
    assert messages[:2] == [f"Liveness probe failed, {n} of 2 in a row: {problem}" for n in (1, 2)]


def test_who_does_not_listen_is_started_again(house):
    probe = Probe(str(house.folder / "nobody.sock"), initial_delay_s=0.0, period_s=0.05, failure_threshold=3)
    house.keeper.put(replace(house.process("a"), liveness=probe))
    house.until(lambda: restarted(house, "a"))
    cause = "3 failed liveness probes (no connection: No such file or directory)"
    assert house.status("a").last_exit == Exit(signal=signal.SIGTERM, cause=cause)


def test_a_socket_path_too_long_for_the_system_is_a_failure_and_no_end_of_the_keeper(house):
    probe = Probe("/" + "x" * 200, initial_delay_s=0.0, period_s=0.05, failure_threshold=1000)
    house.keeper.put(replace(house.process("a"), liveness=probe))
    house.until(lambda: house.events("a").count("LivenessProbeFailed") >= 2)
    assert "AF_UNIX path too long" in house.rows("events")[-1]["Message"]


def test_a_server_on_a_port_is_asked_for_its_path(house):
    port = free_port()
    script = (
        "import http.server as h\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers()\n"
        f"h.HTTPServer(('127.0.0.1', {port}), H).serve_forever()"
    )
    probe = Probe(f"127.0.0.1:{port}", "/live", initial_delay_s=0.0, period_s=0.05, failure_threshold=400)
    process = replace(house.process("a"), argv=(sys.executable, "-c", script), liveness=probe)
    house.keeper.put(process)
    house.until(lambda: house.log("a").count('"GET /live HTTP/1.1" 200') >= 3)
    assert house.status("a").restarts == 0


def test_nobody_is_probed_on_trial(house):
    process = house.server("e/d/a", "503", initial_delay_s=0.0)
    house.keeper.put(process, trial=True)
    house.keeper.put(house.server("e/d/b", initial_delay_s=0.0, failure_threshold=1000))
    house.until(lambda: house.log("e-d-b").count("asked") >= 10)
    assert "asked" not in house.log("e-d-a")
    house.keeper.keep("e/d/a")
    house.until(lambda: restarted(house, "e/d/a"))


def test_nobody_is_probed_while_stopping(house):
    process = house.server("e/d/a", initial_delay_s=0.0, failure_threshold=1000)
    script = process.argv[3].replace(
        "import pathlib", "import signal; signal.signal(15, signal.SIG_IGN); import pathlib"
    )
    house.keeper.put(replace(process, argv=(*process.argv[:3], script, process.argv[4]), stop_timeout_s=1.5))
    house.until(lambda: "asked" in house.log("e-d-a"))
    house.answer("e/d/a", "503")
    house.keeper.remove("e/d/a")
    told = house.events("a")
    assert "LivenessProbeFailed" not in told[told.index("Killing") :]
    assert told[told.index("Killing") :] == ["Killing", "Killing"]


def test_the_first_probe_waits_for_the_initial_delay_of_the_process(house):
    house.keeper.put(house.server("e/d/late", "503", initial_delay_s=1000.0))
    house.keeper.put(house.server("e/d/soon", failure_threshold=1000))
    house.until(lambda: house.log("e-d-soon").count("asked") >= 10)
    assert "asked" not in house.log("e-d-late")


def test_an_adopted_process_is_probed_on(house):
    serve(house, house.server("e/d/a"))
    house.until(lambda: "asked" in house.log("e-d-a"))
    house.kill_keeper()
    house.keeper.ensure()
    house.answer("e/d/a", "500")
    house.until(lambda: restarted(house, "e/d/a"))


def test_many_that_hang_hold_up_neither_each_other_nor_clients(house):
    names = [f"e/d/{n}" for n in range(8)]
    for name in names:
        house.keeper.put(house.server(name, "hang", timeout_s=0.5))
    serve(house, house.server("e/d/well", failure_threshold=1000))
    house.until(lambda: all(restarted(house, name) for name in names))
    asked = house.log("e-d-well").count("asked / 200")
    house.until(lambda: house.log("e-d-well").count("asked / 200") > asked)


def test_a_process_that_ends_together_with_its_probe_is_no_end_of_the_keeper(house):
    # A child holds the connection, so the end of the process is seen first and closes the probe, then the probe's own.
    process = house.server("e/d/a", "hang", timeout_s=1000.0)
    fork = "import os, time\n    if os.fork() == 0:\n        time.sleep(1000)\n    if mode"
    script = process.argv[3].replace("if mode", fork, 1)
    process = replace(process, argv=(*process.argv[:3], script, process.argv[4]))
    serve(house, process)
    house.until(lambda: "asked" in house.log("e-d-a"))
    keeper, pid = house.keeper.pid(), house.status("e/d/a").pid
    child = child_of(house, pid)
    os.kill(keeper, signal.SIGSTOP)
    os.kill(pid, signal.SIGKILL)
    house.until(lambda: house.gone(pid))
    os.kill(child, signal.SIGKILL)
    house.until(lambda: house.gone(child))
    os.kill(keeper, signal.SIGCONT)
    house.until(lambda: restarted(house, "e/d/a"))
    assert house.keeper.pid() == keeper


def child_of(house, pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    house.until(children.read_text)
    return int(children.read_text().split()[0])


def test_a_liveness_that_is_none_is_refused():
    for wrong in ("localhost:80", "1.2.3.4", "1.2.3.4:http", "relative.sock", "[::1]:"):
        with pytest.raises(ValueError, match="neither the path of a socket nor IP:PORT"):
            Probe(wrong)
    for path in ("score", "/a b", "/\r\nHost: x"):
        with pytest.raises(ValueError, match="no path of HTTP"):
            Probe("/s", path)
    for wrong in ({"failure_threshold": 0}, {"success_threshold": 0}, {"period_s": 0.0}, {"timeout_s": 0.0}):
        with pytest.raises(ValueError, match="at least 1"):
            Probe("/s", **wrong)
    assert Probe("[::1]:80").place == (socket.AF_INET6, ("::1", 80))
