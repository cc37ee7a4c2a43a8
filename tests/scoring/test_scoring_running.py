"""How many run()s run at a time, for how long, and what is heard of them."""

from __future__ import annotations

import pytest

COUNTING = """
import threading, asyncio
lock, now, most = threading.Lock(), 0, 0
def enter():
    global now, most
    with lock:
        now += 1
        most = max(most, now)
        if now == 3:
            touch('full')
def leave():
    global now
    with lock:
        now -= 1
def run(data):
    enter(); wait_for('full'); leave()
    return most
"""
COUNTING_ASYNC = (
    COUNTING.split("def run", maxsplit=1)[0]
    + """
async def run(data):
    enter()
    while not os.path.exists('full'):
        await asyncio.sleep(0.005)
    leave()
    return most
"""
)
WAITING = "def run(data):\n    touch('began-' + data)\n    wait_for('go')\n    return data\n"


@pytest.mark.parametrize("script", [COUNTING, COUNTING_ASYNC], ids=["plain", "async"])
def test_as_many_run_at_a_time_as_the_deployment_allows(start, script):
    server = start(script, MLOPS_MAX_CONCURRENT_REQUESTS="3").until_healthy()
    assert {reply.result().status for reply in server.ask_in_background(9)} == {200}
    assert server.ask().json == 3


@pytest.mark.parametrize("kind", ["", "async "], ids=["plain", "async"])
def test_health_answers_while_run_blocks(start, kind):
    server = start(kind + WAITING).until_healthy()
    (reply,) = server.ask_in_background(body=b"x")
    server.until("began-x")
    assert server.health() == 200
    server.touch("go")
    assert reply.result().json == "x"


def test_an_async_run_over_its_time_is_cancelled_and_frees_its_slot(start):
    script = "import asyncio\nasync def run(data):\n    await asyncio.sleep(float(data))\n"
    server = start(script, SCORING_TIMEOUT_MS="5000").until_healthy()
    assert server.ask(body=b"1000").status == 500
    assert server.ask(body=b"0").status == 200


def test_a_request_whose_client_leaves_the_queue_is_not_run(start):
    server = start(WAITING).until_healthy()
    (first,) = server.ask_in_background(body=b"first")
    server.until("began-first")
    with server.connection() as connection:
        connection.request("POST", "/score", b"left")
    server.until(lambda: "the client has gone before its turn" in server.errors)
    server.touch("go")
    assert first.result().json == "first"
    assert server.ask(body=b"third").json == "third"
    assert not server.exists("began-left")


def test_a_run_that_never_ends_does_not_keep_the_server(start):
    environment = {"MLOPS_MAX_CONCURRENT_REQUESTS": "2", "MLOPS_DRAIN_GRACE_SECONDS": "0"}
    server = start(WAITING, SCORING_TIMEOUT_MS="100", **environment).until_healthy()
    assert server.ask(body=b"x").status == 500
    server.process.terminate()
    assert server.exit_code() == 0
    assert "run() is still running and is cut off" in server.errors


def test_requests_are_not_logged_one_by_one(start):
    server = start("def run(data): return data\n").until_healthy()
    server.ask()
    assert [line.split(": ", 1)[1] for line in server.errors.splitlines()] == [f"ready on {server.socket}"]


def test_an_object_that_is_called_as_async_is_awaited(start):
    script = "class Run:\n    async def __call__(self, data): return 'awaited'\ndef run(data): pass\nrun = Run()\n"
    server = start(script).until_healthy()
    assert server.ask().json == "awaited"
