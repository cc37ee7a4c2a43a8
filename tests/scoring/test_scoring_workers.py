"""Several workers behind one socket."""

from __future__ import annotations

import os
import select
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from reconciler.scoring.settings import read_settings
from reconciler.scoring.sockets import FairSocket
from reconciler.scoring.workers import Parent
from tests.ending import has_ended

PID = "def run(data): return os.getpid()\n"
ONE_FIRST = """
def init():
    try:
        os.close(os.open('first', os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        touch('second')
        wait_for('go')
        if os.path.exists('fail'):
            raise RuntimeError('the second cannot')
"""


@pytest.fixture
def pair(start):
    def start_pair(script, **environment):
        return start(script, WORKER_COUNT="2", MLOPS_MAX_CONCURRENT_REQUESTS="2", **environment)

    return start_pair


def test_every_worker_serves(pair):
    server = pair(PID).until_healthy()
    pids = {child.pid for child in server.process.children()}
    assert len(pids) == 2
    server.until(lambda: {reply.result().json for reply in server.ask_in_background(8)} == pids)


def test_nothing_is_accepted_until_every_worker_is_ready(pair):
    server = pair(ONE_FIRST + PID)
    server.until("second")
    assert server.health() == 0
    server.touch("go")
    server.until_healthy()


def test_a_worker_that_cannot_start_ends_the_server(pair):
    server = pair(ONE_FIRST + PID)
    server.until("second")
    children = server.process.children()
    server.touch("fail")
    server.touch("go")
    assert server.exit_code() == 3
    assert "RuntimeError: the second cannot" in server.errors
    assert all(map(has_ended, children))
    assert not server.exists("s")


def test_a_worker_that_dies_is_replaced(pair):
    server = pair(PID).until_healthy()
    server.until(lambda: server.errors.count("ready on") == 2)
    before = {child.pid for child in server.process.children()}
    victim = server.process.children()[0]
    victim.kill()
    after = server.until(lambda: len(now := {c.pid for c in server.process.children()} - {victim.pid}) == 2 and now)
    assert len(before & after) == 1
    server.until(lambda: server.errors.count("ready on") == 3)
    assert server.ask().json in after


def test_a_preloaded_script_is_loaded_once_for_all_workers(pair):
    script = "loaded_by = os.getpid()\ndef run(data): return [os.getpid(), loaded_by]\n"
    server = pair(script, WORKER_PRELOAD="true").until_healthy()
    pids = {child.pid for child in server.process.children()}
    served = server.until(
        lambda: len(found := {tuple(reply.result().json) for reply in server.ask_in_background(8)}) == 2 and found
    )
    assert served == {(pid, server.process.pid) for pid in pids}


def test_a_worker_that_dies_is_replaced_by_one_with_the_preloaded_script(pair):
    script = "loaded_by = os.getpid()\ndef run(data): return [os.getpid(), loaded_by]\n"
    server = pair(script, WORKER_PRELOAD="true").until_healthy()
    server.until(lambda: server.errors.count("ready on") == 2)
    server.process.children()[0].kill()
    server.until(lambda: server.errors.count("ready on") == 3)
    assert server.ask().json[1] == server.process.pid


PRINTS_AS_IT_IS_FORKED = """
import sys, threading
class Slow(str):
    def __radd__(self, begun):
        touch('printing')
        wait_for('forking')
        return begun + str(self)
def init():
    os.register_at_fork(before=lambda: touch('forking'))
    threading.Thread(target=lambda: sys.stdout.write(Slow('by a thread\\n'))).start()
    wait_for('printing')
def run(data):
    print('by run()')
    return os.getpid()
"""


def test_a_worker_prints_whatever_a_thread_was_printing_when_it_was_forked(pair):
    server = pair(PRINTS_AS_IT_IS_FORKED, WORKER_PRELOAD="true").until_healthy()
    server.until(lambda: len({reply.result().json for reply in server.ask_in_background(8)}) == 2)
    assert server.output.count("by a thread") == 1


def test_a_script_that_cannot_be_preloaded_ends_the_server(pair):
    server = pair("def init(): open('absent')\n" + PID, WORKER_PRELOAD="true")
    assert server.exit_code() == 3
    assert server.errors.count("init() failed") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_worker_is_replaced_after_its_requests_without_one_lost(start, workers):
    server = start(PID, WORKER_COUNT=workers, MLOPS_MAX_REQUESTS_PER_WORKER="20").until_healthy()
    served, statuses = set(), []

    def ask_until_three_have_served():
        with server.connection() as connection:
            while len(served) <= 3:
                reply = connection.ask("POST", "/score", b"")  # connects anew after an answer that closes
                statuses.append(reply.status)
                served.add(reply.json)

    with ThreadPoolExecutor(4) as clients:
        for client in [clients.submit(ask_until_three_have_served) for _ in range(4)]:
            client.result(60)
    assert set(statuses) == {200}
    server.until(lambda: server.errors.count("has retired") >= 2)
    server.until(lambda: len(server.process.children()) == int(workers))
    assert server.health() == 200


RETIRES_AT_EACH_CONNECTION = (
    PID
    + """
import signal
from reconciler.scoring.sockets import FairSocket
accept = FairSocket.accept
def accept_and_retire(sock):
    connection = accept(sock)
    os.kill(os.getpid(), signal.SIGUSR1)  # handled before accept() returns
    return connection
FairSocket.accept = accept_and_retire
"""
)


def test_a_worker_told_to_retire_as_it_accepts_answers_that_connection(start):
    server = start(RETIRES_AT_EACH_CONNECTION, MLOPS_MAX_REQUESTS_PER_WORKER="1000")
    for count in range(1, 4):
        server.until(lambda count=count: server.errors.count("ready on") == count)
        assert server.ask().status == 200
    assert "Traceback" not in server.errors


@pytest.fixture
def parent(monkeypatch):
    """One without workers, that has none forked."""
    made = Parent(read_settings({"AZUREML_ENTRY_SCRIPT": "score.py"}), FairSocket())
    monkeypatch.setattr(made, "_fork", lambda: pytest.fail("a worker is forked"))
    pipes = (made._alive, made._gate, made._ready, made._tired, made._signals)
    yield made
    made._sock.close()
    for pipe in pipes:
        os.close(pipe.reader)
        pipe.close_writer()


def test_a_worker_that_has_been_replaced_since_it_asked_for_a_successor_gets_no_other(parent):
    parent._tired.tell()
    parent._wait()


def test_a_worker_that_asks_for_a_successor_as_the_server_stops_is_heard_once(parent):
    parent._stop(signal.SIGTERM)
    parent._tired.tell()
    parent._wait()
    assert select.select([parent._tired.reader], [], [], 0)[0] == []


def test_a_retired_worker_calls_shutdown(start):
    script = PID + "def shutdown(): touch('shut-down')\n"
    server = start(script, MLOPS_MAX_REQUESTS_PER_WORKER="1").until_healthy()
    server.ask()
    server.until("shut-down")
    server.until(lambda: server.health() == 200)


def test_requests_at_sigterm_are_answered_by_every_worker(start):
    script = "def run(data):\n    touch('began-' + data)\n    wait_for('go')\n"
    server = start(script, WORKER_COUNT="2", MLOPS_MAX_CONCURRENT_REQUESTS="12").until_healthy()
    replies = [server.ask_in_background(body=b"%d" % number)[0] for number in range(6)]
    server.until(lambda: all(server.exists(f"began-{number}") for number in range(6)))
    server.process.terminate()
    server.until(lambda: server.health() in (0, 503))
    server.touch("go")
    assert [reply.result().status for reply in replies] == [200] * 6
    assert server.exit_code() == 0
    assert not server.exists("s")


def test_no_worker_outlives_a_killed_parent(pair):
    server = pair(PID).until_healthy()
    children = server.process.children()
    assert len(children) == 2
    server.process.kill()
    server.until(lambda: all(map(has_ended, children)))


def test_no_worker_in_init_outlives_a_killed_parent(pair):
    server = pair("def init():\n    touch('began')\n    wait_for('never')\n" + PID)
    server.until("began")
    children = server.until(lambda: len(found := server.process.children()) == 2 and found)
    server.process.kill()
    server.until(lambda: all(map(has_ended, children)))


def test_ids_that_workers_make_differ(pair):
    server = pair(PID).until_healthy()
    replies = []

    def both_have_answered():
        replies.extend(reply.result() for reply in server.ask_in_background(8))
        return len({reply.json for reply in replies}) == 2

    server.until(both_have_answered)
    assert len({reply.headers["x-request-id"] for reply in replies}) == len(replies)
