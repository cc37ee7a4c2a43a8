"""A run() that never ends: it is answered, told of, and in the end costs the worker that it has made useless."""

from __future__ import annotations

import asyncio
from queue import SimpleQueue

import pytest

from reconciler.scoring.messages import OVERFLOW, Request
from reconciler.scoring.overtime import Overtime
from reconciler.scoring.runners import CLIENT_GONE, LoopRunner, ThreadRunner, Ticket
from reconciler.scoring.settings import read_settings

HANGING = """
import threading
def hang():
    threading.Event().wait()
def run(data):
    if data == 'hang':
        hang()
    if data == 'wait':
        wait_for('go')
    return os.getpid()
"""
HUNG = 4
# So long that a test is sure to look between the limit of a run() and the end of its worker, and that a run() which
# only answers is sure to be within it.
LONG = {"SCORING_TIMEOUT_MS": "5000"}


def test_a_run_over_its_time_is_answered(start):
    server = start(HANGING, SCORING_TIMEOUT_MS="200").until_healthy()
    reply = server.ask(body=b"hang")
    assert (reply.status, reply.json) == (500, {"message": "Scoring timeout after 200 ms"})
    assert reply.headers["x-ms-run-function-failed"] == "True"


def test_a_run_that_takes_longer_than_a_worker_may_hang_is_over_its_time(start):
    server = start(HANGING, WORKER_TIMEOUT="5").until_healthy()
    assert server.ask(body=b"hang").json == {"message": "Scoring timeout after 5000 ms"}
    assert server.exit_code() == HUNG


def test_a_server_whose_only_slot_hangs_says_so_and_ends(start):
    server = start(HANGING, **LONG).until_healthy()
    (hung,) = server.ask_in_background(body=b"hang")
    server.until(lambda: server.health() == 503)
    assert hung.result().status == 500
    refused = server.ask(body=b"next")
    assert (refused.status, refused.headers["ms-azureml-model-error-reason"]) == (429, "too_many_pending_request")
    assert "every slot is held by a run() that is over its time" in server.errors
    assert "in hang\n    threading.Event().wait()" in server.errors
    assert server.exit_code() == HUNG


def test_a_refusal_waits_for_the_body_where_the_connection_ends_with_it(start):
    server = start(HANGING, **LONG).until_healthy()
    server.ask_in_background(body=b"hang")
    server.until(lambda: server.health() == 503)
    with server.connection() as connection:
        connection.putrequest("POST", "/score")
        connection.putheader("content-length", "4")
        connection.endheaders()
        connection.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.sock.recv(1)
        connection.sock.settimeout(30)
        connection.send(b"next")
        assert connection.getresponse().status == 429


def test_what_waits_behind_a_hung_run_is_handed_to_another_instance(start):
    server = start(HANGING, **LONG).until_healthy()
    (hung, *waiting) = server.ask_in_background(body=b"hang") + server.ask_in_background(3, body=b"hang")
    assert hung.result().status in (429, 500)
    statuses = sorted(one.result().status for one in (hung, *waiting))
    assert statuses == [429, 429, 429, 500]
    assert server.exit_code() == HUNG


def test_a_server_is_well_again_when_a_late_run_ends(start):
    server = start(HANGING, **LONG).until_healthy()
    (late,) = server.ask_in_background(body=b"wait")
    server.until(lambda: server.health() == 503)
    server.touch("go")
    assert late.result().status == 500
    server.until(lambda: server.health() == 200)
    assert server.ask(body=b"next").json == server.process.pid


def test_a_server_with_a_slot_left_serves_on(start):
    server = start(HANGING, MLOPS_MAX_CONCURRENT_REQUESTS="2", **LONG).until_healthy()
    assert server.ask(body=b"hang").status == 500
    assert {server.ask(body=b"next").json for _ in range(20)} == {server.process.pid}
    assert server.health() == 200


@pytest.fixture
def overtime():
    """Of a worker with two slots whose run()s may take 5 s."""
    two = {"MLOPS_MAX_CONCURRENT_REQUESTS": "2", "SCORING_TIMEOUT_MS": "5000"}
    settings = read_settings({"AZUREML_ENTRY_SCRIPT": "s", **two})
    return Overtime(ThreadRunner(lambda _request: OVERFLOW, settings.slots, lambda _ticket, _answer: None), settings)


def late(started):
    loop = asyncio.new_event_loop()
    ticket = Ticket(Request("POST", "/score", b"", (), b"", ""), loop.create_future(), asyncio.Event().wait)
    loop.close()
    ticket.started = started
    return ticket


def test_a_worker_with_a_slot_left_is_never_lost(overtime):
    overtime.add(late(100))
    overtime.look(1e6)
    assert (overtime.is_stuck, overtime.is_lost) == (False, False)


def test_a_worker_is_lost_once_the_last_of_its_late_runs_had_twice_its_time(overtime):
    overtime.add(late(100))
    overtime.add(late(103))
    overtime.look(112.9)
    assert (overtime.is_stuck, overtime.is_lost) == (True, False)
    overtime.look(113)
    assert (overtime.is_stuck, overtime.is_lost) == (True, True)


def test_a_worker_is_well_as_soon_as_a_late_run_has_ended(overtime):
    first, last = late(100), late(103)
    overtime.add(first)
    overtime.add(last)
    overtime.look(110)
    overtime.discard(first)
    assert not overtime.is_stuck
    overtime.look(1e6)
    assert (overtime.is_stuck, overtime.is_lost) == (False, False)


def test_a_worker_that_hangs_is_replaced_and_the_other_serves_on(start):
    environment = {"WORKER_COUNT": "2", "MLOPS_MAX_CONCURRENT_REQUESTS": "2", **LONG}
    server = start(HANGING, **environment).until_healthy()
    server.until(lambda: server.errors.count("ready on") == 2)
    before = {child.pid for child in server.process.children()}
    assert server.ask(body=b"hang").status == 500
    server.until(lambda: server.errors.count("ready on") == 3)
    after = {child.pid for child in server.process.children()}
    assert f"ended with {HUNG} and is replaced" in server.errors
    assert (len(after), len(before & after)) == (2, 1)
    server.until(lambda: {reply.result().json for reply in server.ask_in_background(8)} == after)


def test_an_async_run_that_is_cancelled_before_its_first_step_gives_its_slot_back(monkeypatch):
    async def call(_request):
        await asyncio.Event().wait()

    back = SimpleQueue()
    runner = LoopRunner(call, 1, lambda ticket, answer: back.put((ticket, answer)))
    loop = runner._loop
    ticket, create_task = late(0), loop.create_task

    def create_task_late(coroutine):
        runner.cancel(ticket)
        return create_task(coroutine)

    monkeypatch.setattr(loop, "create_task", create_task_late)
    runner.take(ticket)
    assert back.get(timeout=30) == (ticket, CLIENT_GONE)
    assert runner.is_idle()
    loop.call_soon_threadsafe(loop.stop)
    runner.threads[0].join()
    loop.close()


BLOCKING = "import time\nasync def run(data):\n    touch('began')\n    time.sleep(60)\n"
CLINGING = """
import asyncio
async def run(data):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass
"""


@pytest.mark.parametrize(("script", "slots"), [(BLOCKING, "4"), (CLINGING, "1")], ids=["blocks", "clings"])
def test_an_async_run_that_cannot_be_cancelled_costs_the_worker_too(start, script, slots):
    server = start(script, MLOPS_MAX_CONCURRENT_REQUESTS=slots, SCORING_TIMEOUT_MS="300").until_healthy()
    assert server.ask(body=b"x").status == 500
    assert server.exit_code() == HUNG


def test_a_run_that_lets_no_other_thread_in_costs_the_worker(start):
    script = "import ctypes\ndef run(data):\n    ctypes.PyDLL(None).sleep(60)\n"
    server = start(script, WORKER_TIMEOUT="1").until_healthy()
    server.ask_in_background(body=b"x")
    assert server.exit_code() == 1
    assert "Timeout (0:00:02)!" in server.errors
    assert "score.py" in server.errors


@pytest.mark.parametrize(
    ("given", "limit_s", "hung_after_s"),
    [
        ({}, 300, 300),
        ({"SCORING_TIMEOUT_MS": "5000"}, 5, 10),
        ({"SCORING_TIMEOUT_MS": "200000"}, 200, 300),
        ({"SCORING_TIMEOUT_MS": "5000", "WORKER_TIMEOUT": "2"}, 2, 2),
        ({"SCORING_TIMEOUT_MS": "5000", "AZUREML_DEBUG_PORT": "5678"}, 5, float("inf")),
        ({"MLOPS_DEBUGGER": '{"port": 5678, "package": "/debugpy", "python": ""}'}, 300, float("inf")),
    ],
)
def test_a_run_has_twice_its_time_but_never_more_than_a_worker_may_hang(given, limit_s, hung_after_s):
    settings = read_settings({"AZUREML_ENTRY_SCRIPT": "s", **given})
    assert (settings.run_limit_s, settings.hung_after_s) == (limit_s, hung_after_s)
