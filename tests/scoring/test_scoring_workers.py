"""Several workers behind one socket."""

from __future__ import annotations

import psutil
import pytest

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


def is_gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


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
    assert all(is_gone(child) for child in children)
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


def test_requests_at_sigterm_are_answered_by_every_worker(pair):
    server = pair("def run(data):\n    touch('began')\n    wait_for('go')\n").until_healthy()
    replies = server.ask_in_background(6)
    server.until("began")
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
    server.until(lambda: all(is_gone(child) for child in children))


def test_no_worker_in_init_outlives_a_killed_parent(pair):
    server = pair("def init():\n    touch('began')\n    wait_for('never')\n" + PID)
    server.until("began")
    children = server.until(lambda: len(found := server.process.children()) == 2 and found)
    server.process.kill()
    server.until(lambda: all(is_gone(child) for child in children))
