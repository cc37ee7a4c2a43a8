"""How the server ends: nobody who has been let in is sent away."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

WAITING = """
def run(data):
    touch('began')
    wait_for('go')
    return data
def shutdown():
    touch('shut-down')
"""
ECHO = "def run(data): return data\n"


def test_what_runs_and_what_is_queued_at_sigterm_is_answered(start):
    server = start(WAITING).until_healthy()
    replies = server.ask_in_background(5, body=b"x")
    server.until(lambda: server.held() == 5)
    server.process.terminate()
    server.until(lambda: server.health() == 503)
    server.touch("go")
    assert [reply.result().status for reply in replies] == [200] * 5
    assert server.exit_code() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_under_load_nothing_is_lost_on_clients_that_stop_when_health_says_so(start, workers):
    server = start(ECHO, WORKER_COUNT=workers, MLOPS_MAX_CONCURRENT_REQUESTS="2").until_healthy()
    told, statuses = threading.Event(), []

    def ask_until_told():
        with server.connection() as connection:
            while not told.is_set():
                statuses.append(connection.ask("POST", "/score", b"x").status)

    def watch_health():
        server.until(lambda: server.ask("GET", "/").status == 503)
        told.set()

    with ThreadPoolExecutor(9) as clients:
        waiting = [clients.submit(ask_until_told) for _ in range(8)]
        server.until(lambda: len(statuses) > 200)
        waiting.append(clients.submit(watch_health))
        server.process.terminate()
        for client in waiting:
            client.result(60)
    assert set(statuses) == {200}
    assert server.exit_code() == 0


def test_requests_are_still_taken_while_draining(start):
    server = start(WAITING).until_healthy()
    server.ask_in_background()
    server.until("began")
    server.process.terminate()
    server.until(lambda: server.health() == 503)
    (late,) = server.ask_in_background(body=b"late")
    server.touch("go")
    assert late.result().json == "late"
    assert late.result().headers["connection"] == "close"


def test_a_request_within_the_grace_is_taken(start):
    server = start(ECHO, MLOPS_DRAIN_GRACE_SECONDS="60", MLOPS_DRAIN_SECONDS="60").until_healthy()
    server.process.terminate()
    server.until(lambda: server.health() == 503)
    assert server.ask(body=b"1").status == 200


STANDS_STILL = (
    ECHO
    + """
from reconciler.scoring.server import Server
handle_exit = Server.handle_exit
def handle_and_stand_still(server, number, frame):
    handle_exit(server, number, frame)
    touch('told')
    wait_for('go')
    time.sleep(0.2)  # the grace is over
Server.handle_exit = handle_and_stand_still
"""
)


def test_requests_that_come_while_a_draining_server_stands_still_are_taken(start):
    server = start(STANDS_STILL, MLOPS_DRAIN_GRACE_SECONDS="0.1").until_healthy()
    with ExitStack() as stack:
        kept, *others = (stack.enter_context(server.connection()) for _ in range(4))
        assert kept.ask("POST", "/score", b"1").status == 200
        server.process.terminate()
        server.until("told")
        for connection in (kept, *others):
            connection.request("POST", "/score", b"1")
        server.touch("go")
        assert [connection.getresponse().status for connection in (kept, *others)] == [200] * 4
    assert server.exit_code() == 0


TOLD_AS_IT_ACCEPTS = (
    ECHO
    + """
import select, signal
from reconciler.scoring.sockets import FairSocket
accept = FairSocket.accept
def accept_and_be_told(sock):
    connection = accept(sock)
    select.select([connection[0]], [], [])
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.2)  # the next tick is due
    return connection
FairSocket.accept = accept_and_be_told
"""
)


def test_a_request_that_was_accepted_before_the_server_is_told_to_stop_now_is_answered(start):
    server = start(TOLD_AS_IT_ACCEPTS)
    server.until(lambda: "ready on" in server.errors)
    assert server.ask(body=b"1").status == 200
    assert server.exit_code() == 0


def test_a_drain_without_requests_is_short(start):
    server = start(ECHO, MLOPS_DRAIN_SECONDS="1000", MLOPS_DRAIN_GRACE_SECONDS="0.1").until_healthy()
    server.process.terminate()
    assert server.exit_code() == 0


def test_shutdown_is_called_after_the_last_request(start):
    server = start(WAITING).until_healthy()
    (reply,) = server.ask_in_background()
    server.until("began")
    server.process.terminate()
    server.until(lambda: server.health() == 503)
    assert not server.exists("shut-down")
    server.touch("go")
    assert reply.result().status == 200
    assert server.exit_code() == 0
    assert server.exists("shut-down")


TOLD_WHEN_UVICORN_HAS_ENDED = """
import signal
from reconciler.scoring.server import Server
serve = Server.serve
async def serve_and_be_told(server, sockets=None):
    await serve(server, sockets)
    os.kill(os.getpid(), signal.SIGTERM)
Server.serve = serve_and_be_told
"""


def test_shutdown_is_called_also_if_the_server_is_told_to_stop_just_before(start):
    server = start(WAITING + TOLD_WHEN_UVICORN_HAS_ENDED, MLOPS_DRAIN_GRACE_SECONDS="0").until_healthy()
    server.process.terminate()
    assert server.exit_code() == 0
    assert server.exists("shut-down")


def test_an_error_in_shutdown_is_logged(start):
    server = start(ECHO + "def shutdown(): open('absent')\n", MLOPS_DRAIN_GRACE_SECONDS="0").until_healthy()
    server.process.terminate()
    assert server.exit_code() == 0
    assert "shutdown() failed\nTraceback" in server.errors


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]], ids=["int", "term-twice"])
def test_told_to_stop_now_it_takes_nothing_new_but_ends_what_runs(start, signals):
    server = start(WAITING, MLOPS_DRAIN_SECONDS="30", MLOPS_DRAIN_GRACE_SECONDS="30").until_healthy()
    (reply,) = server.ask_in_background()
    server.until("began")
    for number in signals:
        server.process.send_signal(number)
        server.until(lambda: server.health() != 200)
    server.until(lambda: server.health() == 0)
    server.touch("go")
    assert reply.result().status == 200
    assert server.exit_code() == 0


def test_a_drain_ends_at_its_time_even_if_run_does_not(start):
    server = start(WAITING, MLOPS_DRAIN_SECONDS="0.2").until_healthy()
    server.ask_in_background()
    server.until("began")
    server.process.terminate()
    assert server.exit_code() == 0
    assert server.exists("shut-down")
