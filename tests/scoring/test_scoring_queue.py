"""How many requests an instance holds, and what becomes of one too many."""

from __future__ import annotations

import pytest

from reconciler.scoring.settings import read_settings

WAITING = "def run(data):\n    touch('began-' + data)\n    wait_for('go')\n    return data\n"
WAITING_ASYNC = (
    "import asyncio\nasync def run(data):\n    touch('began-' + data)\n"
    "    while not os.path.exists('go'): await asyncio.sleep(0.005)\n    return data\n"
)


@pytest.fixture(params=[WAITING, WAITING_ASYNC], ids=["plain", "async"])
def bounded(request, start):
    """A server whose only slot is taken, with places for two that wait."""
    server = start(request.param, MLOPS_MAX_QUEUED_REQUESTS="2").until_healthy()
    (first,) = server.ask_in_background(body=b"first")
    server.until("began-first")
    return server, first


def test_what_exceeds_the_queue_is_refused_at_once_as_azures_gateway_does(bounded):
    server, first = bounded
    waiting = server.ask_in_background(2, body=b"next")
    server.until(lambda: server.held() == 3)
    reply = server.ask(body=b"late")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (429, b"", "text/plain")
    assert reply.headers["ms-azureml-model-error-reason"] == "too_many_pending_request"
    assert server.health() == 200
    server.touch("go")
    assert [one.result().status for one in (first, *waiting)] == [200] * 3
    assert server.ask(body=b"after").json == "after"
    assert not server.exists("began-late")


def test_of_a_burst_as_many_are_served_as_there_are_places(bounded):
    server, _ = bounded
    burst = server.ask_in_background(12, body=b"next")
    server.until(lambda: sum(one.done() for one in burst) == 10)
    server.touch("go")
    assert sorted(one.result().status for one in burst) == [200] * 2 + [429] * 10


def test_a_connection_that_is_refused_serves_on(bounded):
    server, _ = bounded
    server.ask_in_background(2, body=b"next")
    server.until(lambda: server.held() == 3)
    with server.connection() as connection:
        assert connection.ask("POST", "/score", b"x" * 200_000).status == 429
        server.touch("go")
        server.until(lambda: server.held() == 0)
        assert connection.ask("POST", "/score", b"again").json == "again"


def test_a_client_that_leaves_makes_room(bounded):
    server, _ = bounded
    with server.connection() as one, server.connection() as other:
        one.request("POST", "/score", b"left")
        other.request("POST", "/score", b"left")
        server.until(lambda: server.held() == 3)
    server.until(lambda: server.held() == 1)
    server.touch("go")
    assert server.ask(body=b"third").json == "third"
    assert not server.exists("began-left")


def test_a_run_over_its_time_keeps_its_place(start):
    two = {"MLOPS_MAX_CONCURRENT_REQUESTS": "2", "MLOPS_MAX_QUEUED_REQUESTS": "0"}
    server = start(WAITING, SCORING_TIMEOUT_MS="5000", **two).until_healthy()
    assert server.ask(body=b"slow").status == 500
    assert server.held() == 1
    server.touch("go")
    server.until(lambda: server.held() == 0)
    assert server.ask(body=b"next").status == 200


def test_an_async_run_over_its_time_gives_its_place_back(start):
    script = "import asyncio\nasync def run(data):\n    await asyncio.sleep(float(data))\n"
    server = start(script, MLOPS_MAX_QUEUED_REQUESTS="0", SCORING_TIMEOUT_MS="5000").until_healthy()
    assert server.ask(body=b"1000").status == 500
    server.until(lambda: server.held() == 0)
    assert server.ask(body=b"0").status == 200


def test_without_a_number_as_many_wait_as_come(start):
    server = start(WAITING).until_healthy()
    waiting = server.ask_in_background(30, body=b"x")
    server.until(lambda: server.held() == 30)
    server.touch("go")
    assert {one.result().status for one in waiting} == {200}


@pytest.mark.parametrize(
    ("concurrent", "queued", "workers", "bound"),
    [("1", "", "1", None), ("1", "0", "1", 1), ("2", "3", "1", 5), ("5", "5", "2", 6)],
)
def test_every_worker_has_its_share_of_the_queue(concurrent, queued, workers, bound):
    environment = {"MLOPS_MAX_CONCURRENT_REQUESTS": concurrent, "MLOPS_MAX_QUEUED_REQUESTS": queued}
    assert read_settings({"AZUREML_ENTRY_SCRIPT": "s", "WORKER_COUNT": workers, **environment}).bound == bound


def test_a_model_cannot_pass_for_an_instance_that_is_full(start):
    """The gateway asks another instance where nothing was run; here something was."""
    script = (
        "from azureml_inference_server_http.api.aml_response import AMLResponse\n"
        "def run(data):\n    answer = AMLResponse('busy', 429)\n"
        "    answer.headers['ms-azureml-model-error-reason'] = 'too_many_pending_request'\n    return answer\n"
    )
    reply = start(script).until_healthy().ask(body=b"x")
    assert reply.status == 429
    assert "ms-azureml-model-error-reason" not in reply.headers
