"""What a client gets for what it sends."""

from __future__ import annotations

import json
import uuid

import pytest

SCRIPT = """
def run(data, request_headers):
    if data == "raise":
        raise RuntimeError("no such luck")
    if data == "exit":
        raise SystemExit(1)
    if data == "set":
        return {1, 2}
    if data == "nothing":
        return None
    if data == "headers":
        return [type(request_headers).__mro__[1].__name__, request_headers["x-colour"], dict(request_headers)]
    return data
"""
FAILED = {"message": "An unexpected error occurred in scoring script. Check the logs for more info."}


@pytest.fixture(scope="module")
def echo(start_shared):
    return start_shared(SCRIPT, MLOPS_MAX_BODY_BYTES="100000").until_healthy()


def test_health_is_plain_text(echo):
    reply = echo.ask("GET", "/")
    assert (reply.status, reply.body, reply.headers["content-type"]) == (200, b"Healthy", "text/plain; charset=utf-8")


def test_run_gets_the_body_as_text_and_its_text_is_dumped_again(echo):
    reply = echo.ask(body='{"ä": 1}'.encode())
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json == '{"ä": 1}'


def test_no_result_is_an_empty_object(echo):
    assert echo.ask(body=b"nothing").body == b"{}"


def test_the_query_of_a_get_is_a_json_object(echo):
    reply = echo.ask("GET", "/score?a=1&b=[1,2]&c=a%20b&d=null&e=x&e=2&f=")
    assert json.loads(reply.json) == {"a": 1, "b": [1, 2], "c": "a b", "d": None, "e": ["x", 2], "f": ""}


def test_a_body_that_is_not_utf8_is_refused(echo):
    reply = echo.ask(body=b"\xff\xfe")
    assert reply.status == 400
    assert reply.json["message"].startswith("Input cannot be decoded as UTF-8")


@pytest.mark.parametrize("body", [b"raise", b"exit", b"set"])
def test_an_error_in_run_is_a_500_that_tells_nothing(echo, body):
    reply = echo.ask(body=body)
    assert (reply.status, reply.json) == (500, FAILED)
    assert reply.headers["x-ms-run-function-failed"] == "True"


def test_an_error_in_run_is_logged_from_the_users_frame_on_with_the_request_id(echo):
    echo.ask(body=b"raise", x_request_id="find-me")
    first, second, third = [line for line in echo.errors.splitlines() if line.startswith("[find-me] ")][:3]
    assert first.endswith("Z ERROR mlops.scoring: run() failed")
    assert second == "[find-me] Traceback (most recent call last):"
    assert f'File "{echo.folder}/score.py"' in third


def test_a_result_that_json_cannot_hold_is_logged(echo):
    echo.ask(body=b"set", x_request_id="a-set")
    assert "[a-set] TypeError: Object of type set is not JSON serializable" in echo.errors


def test_the_time_and_success_of_run_are_headers(echo):
    reply = echo.ask()
    assert 0 <= float(reply.headers["x-ms-run-fn-exec-ms"]) < 30_000
    assert reply.headers["x-ms-run-function-failed"] == "False"


def test_request_headers_are_a_dict_found_in_any_case(echo):
    base, colour, headers = echo.ask(body=b"headers", X_COLOUR="red").json
    assert (base, colour, headers["X-Colour"]) == ("dict", "red", "red")


def test_an_id_is_made_when_none_is_sent(echo):
    reply = echo.ask()
    assert uuid.UUID(reply.headers["x-request-id"]).version == 4
    assert reply.headers["x-ms-request-id"] == reply.headers["x-request-id"]


def test_ids_are_echoed(echo):
    reply = echo.ask(x_request_id="a", x_ms_request_id="b", x_ms_client_request_id="c" * 100)
    assert (reply.headers["x-request-id"], reply.headers["x-ms-request-id"]) == ("a", "b")
    assert reply.headers["x-ms-client-request-id"] == "c" * 100


def test_a_trace_id_is_echoed(echo):
    assert echo.ask(TraceId="t").headers["traceid"] == "t"


def test_the_legacy_id_stands_in_for_the_clients(echo):
    assert echo.ask(x_ms_request_id="b").headers["x-ms-client-request-id"] == "b"


@pytest.mark.parametrize("name", ["x_request_id", "x_ms_request_id", "x_ms_client_request_id"])
def test_an_id_over_100_characters_is_refused(echo, name):
    reply = echo.ask(**{name: "x" * 101})
    assert (reply.status, reply.json) == (431, {"message": f"{name.replace('_', '-')} must not exceed 100 characters"})


def test_the_server_names_itself(echo):
    assert echo.ask("GET", "/").headers["x-ms-server-version"].startswith("mlops-scoring/")


@pytest.mark.parametrize("path", ["/scores", "/score/", "/-/"])
def test_another_path_is_not_found(echo, path):
    assert echo.ask(path=path).status == 404


def test_what_a_worker_counts_is_told_for_prometheus(start):
    server = start(SCRIPT).until_healthy()
    for body in (b"", b"", b"raise"):
        server.ask(body=body)
    reply = server.ask("GET", "/-/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = reply.body.decode().splitlines()
    counted = ['mlops_scoring_requests_total{code="200"} 2', 'mlops_scoring_requests_total{code="500"} 1']
    assert {*counted, "mlops_scoring_run_seconds_count 3", "mlops_scoring_requests_in_flight 0"} <= set(lines)
    assert float(next(line for line in lines if "seconds_sum" in line).split()[1]) > 0


def test_the_servers_name_can_be_another_or_none(start):
    named = start(SCRIPT, HTTP_X_MS_SERVER_VERSION="mine/2").until_healthy()
    silent = start(SCRIPT, SERVER_VERSION_LOG_RESPONSE_ENABLED="false").until_healthy()
    assert named.ask("GET", "/").headers["x-ms-server-version"] == "mine/2"
    assert "x-ms-server-version" not in silent.ask("GET", "/").headers


def test_another_method_is_not_allowed(echo):
    reply = echo.ask("DELETE")
    assert (reply.status, reply.json) == (405, {"message": "Method not allowed"})
    assert reply.headers["allow"] == "GET, OPTIONS, POST"


def test_options_are_answered_without_run(echo):
    reply = echo.ask("OPTIONS")
    assert (reply.status, reply.body) == (200, b"")


def test_a_body_over_the_limit_is_refused(echo):
    assert echo.ask(body=b"x" * 100_000).status == 200
    assert echo.ask(body=b"x" * 100_001).status == 413


def test_a_body_without_a_length_is_refused_once_it_is_over_the_limit(echo):
    assert echo.ask(body=iter([b"x" * 50_000] * 2)).status == 200
    assert echo.ask(body=iter([b"x" * 50_000, b"x" * 50_001])).status == 413


def test_a_connection_serves_many_requests(echo):
    with echo.connection() as connection:
        assert [connection.ask("POST", "/score", b"1").status for _ in range(3)] == [200] * 3
        assert connection.sock is not None
