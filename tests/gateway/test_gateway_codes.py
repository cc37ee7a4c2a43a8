"""What a client is told: codes, ids, paths of containers, bodies that are too large, and the line in the access log."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_world import World, exchange

from reconciler.gateway.values import Backend, Deployment, Endpoint
from tests.waiting import until

STATUS = "ms-azureml-model-error-statuscode"
REASON = "ms-azureml-model-error-reason"


def credit(world: World, *, keys: tuple[str, ...] = (), kubernetes: bool = False, **spec: object) -> Endpoint:
    return Endpoint("credit", keys, {"blue": 100}, (world.deployment("blue", **spec),), kubernetes=kubernetes)


def without_server(folder: Path) -> Endpoint:
    nobody = Deployment("blue", (Backend("blue", str(folder / "nobody.sock")),))
    return Endpoint("credit", (), {"blue": 100}, (nobody,), kubernetes=True)


@pytest.mark.parametrize(("status", "seen"), [(200, 200), (500, 502), (503, 502), (400, 400), (404, 404), (429, 429)])
def test_on_kubernetes_a_failure_of_the_model_is_502_and_other_codes_are_its_own(world, status, seen):
    world.serve(credit(world, kubernetes=True))
    answer = world.ask(f"/api/v1/endpoint/credit/score?status={status}")
    assert answer.status == seen
    assert answer.headers.get(STATUS) == (str(status) if seen == 502 else None)


def test_on_kubernetes_a_timeout_is_504(world):
    world.serve(credit(world, kubernetes=True, timeout_ms=150))
    assert world.ask("/api/v1/endpoint/credit/score?hold").status == 504


def test_on_kubernetes_a_model_that_dies_is_502(world):
    world.serve(credit(world, kubernetes=True))
    assert world.ask("/api/v1/endpoint/credit/score?die").status == 502


def test_on_kubernetes_an_endpoint_without_a_healthy_instance_is_503(world):
    world.serve(without_server(world.folder))
    assert world.ask().status == 503


def test_on_kubernetes_no_capacity_is_503(world):
    world.serve(credit(world, kubernetes=True, max_concurrent=1, timeout_ms=30_000))
    world.ask()
    model = world.models["blue"]
    with world.burst(3) as burst:
        waiting = "cluster.credit/blue.upstream_rq_pending_active"
        until(lambda: world.admin.stats(waiting).get(waiting) == 2)
        assert world.ask().status == 503
        model.hold.set()
        assert burst.answered(3) == [200] * 3


def test_one_proxy_has_the_codes_of_both_kinds_of_endpoint(world):
    managed = Endpoint("managed", (), {"blue": 100}, (world.deployment("blue"),))
    world.serve(credit(world, kubernetes=True), managed)
    seen = [world.ask(f"/api/v1/endpoint/{name}/score?status=500").status for name in ("credit", "managed")]
    assert seen == [502, 424]


@pytest.mark.parametrize("kubernetes", [False, True])
def test_a_deployment_without_swagger_has_none(world, kubernetes):
    world.serve(credit(world, kubernetes=kubernetes))
    answer = world.ask("/api/v1/endpoint/credit/swagger.json?status=404", method="GET")
    assert (answer.status, answer.body["path"]) == (404, "/swagger.json?status=404")
    assert STATUS not in answer.headers


def test_a_swagger_that_fails_is_a_model_error(world):
    world.serve(credit(world))
    answer = world.ask("/api/v1/endpoint/credit/swagger.json?status=500", method="GET")
    assert (answer.status, answer.headers[STATUS]) == (424, "500")


def test_other_paths_of_the_scoring_server_do_not_answer(world):
    world.serve(credit(world))
    assert world.ask("/api/v1/endpoint/credit/metrics").body["error"]["code"] == "PathNotFound"
    assert world.models["blue"].received == []


@pytest.mark.parametrize("sent", ["a", "Order-12_x", "x" * 40])
def test_a_clients_request_id_is_echoed_and_told_to_the_model(world, sent):
    world.serve(credit(world))
    for path in ("score", "score?status=500", "other"):
        assert world.ask(f"/api/v1/endpoint/credit/{path}", x_ms_client_request_id=sent).headers[
            "x-ms-client-request-id"
        ] == (sent)
    assert world.ask(x_ms_client_request_id=sent).body["headers"]["x-ms-client-request-id"] == sent
    assert {line["XMSClientRequestId"] for line in world.logged(4)} == {sent}


@pytest.mark.parametrize("sent", ["x" * 41, "a b", "a.b", "ü", "a\tb"])
def test_a_clients_request_id_that_is_none_is_dropped(world, sent):
    world.serve(credit(world))
    answer = world.ask(x_ms_client_request_id=sent)
    assert (answer.status, answer.headers.get("x-ms-client-request-id")) == (200, None)
    assert world.logged()[0]["XMSClientRequestId"] is None


def test_every_answer_has_a_request_id(world):
    world.serve(credit(world, keys=("a-key",)))
    answers = [world.ask(), world.ask("/"), world.ask(authorization="Bearer a-key")]
    assert len({each.headers["x-request-id"] for each in answers}) == 3
    assert "x-ms-client-request-id" not in answers[2].headers


LIMIT = 1000


def in_chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 100):
        yield b"x" * 100


def test_a_body_that_is_too_large_is_refused(world):
    world.serve(credit(world), max_body_bytes=LIMIT)
    for body in (b"x" * (LIMIT + 1), in_chunks(LIMIT + 100)):
        answer = world.ask(body=body)
        assert (answer.status, answer.headers["content-type"]) == (413, "application/json")
        assert answer.body["error"]["code"] == "PayloadTooLarge"
    for body in (b"x" * LIMIT, in_chunks(LIMIT)):
        assert world.ask(body=body).body["size"] == LIMIT


def test_a_body_that_says_it_is_too_large_never_reaches_the_model(world):
    world.serve(credit(world), max_body_bytes=LIMIT)
    assert world.ask(body=b"x" * (LIMIT + 1)).status == 413
    assert world.models["blue"].received == []


def test_without_a_limit_a_body_may_be_large(world):
    world.serve(credit(world))
    assert world.ask(body=b"x" * 20_000_000).body["size"] == 20_000_000


def test_a_limit_comes_and_goes_without_a_lost_request(world):
    world.serve(credit(world))
    with world.load() as statuses:
        for _ in range(3):
            world.serve(credit(world), max_body_bytes=LIMIT)
            assert world.ask(body=b"x" * (LIMIT + 1)).status == 413
            world.serve(credit(world))
            assert world.ask(body=b"x" * (LIMIT + 1)).status == 200
    assert set(statuses) == {200}


def test_an_idle_connection_is_closed_after_its_next_answer_once_the_limit_is_another(world):
    world.serve(credit(world))
    with world.connected() as connection:
        assert exchange(connection, method="GET").headers.get("connection") is None
        world.serve(credit(world), max_body_bytes=LIMIT)
        assert exchange(connection, method="GET").headers["connection"] == "close"


def test_each_answer_of_a_model_is_logged_under_its_deployment(world):
    world.serve(credit(world, keys=("a-key",)))
    answer = world.ask(
        "/api/v1/endpoint/credit/score?status=500", authorization="Bearer a-key", user_agent="u" * 80, body=b"12345"
    )
    (line,) = world.logged()
    durations = {name: line.pop(name) for name in ("TotalDurationMs", "RequestDurationMs", "ResponseDurationMs")}
    assert all(isinstance(each, int) and each >= 0 for each in durations.values())
    assert line.pop("TimeGenerated").endswith("Z")
    assert line == {
        "Method": "POST",
        "Path": "/api/v1/endpoint/credit/score",
        "EndpointName": "credit",
        "DeploymentName": "blue",
        "Instance": "blue",
        "Protocol": "HTTP/1.1",
        "ResponseCode": 424,
        "ResponseCodeReason": "-",
        "ModelStatusCode": "500",
        "ModelStatusReason": "model_error",
        "RequestPayloadSize": 5,
        "ResponsePayloadSize": len(answer.text),
        "UserAgent": "u" * 70,
        "XRequestId": answer.headers["x-request-id"],
        "XMSClientRequestId": None,
        "RequestThrottlingDelayMs": 0,
        "ResponseThrottlingDelayMs": 0,
    }


def test_what_the_proxy_refuses_is_logged_with_its_path_and_endpoint(world):
    world.serve(credit(world, keys=("a-key",)), max_body_bytes=LIMIT)
    key = {"authorization": "Bearer a-key"}
    world.ask()
    world.ask("/api/v1/endpoint/credit/other", **key)
    world.ask("/api/v1/endpoint/other/score")
    world.ask(**key, body=b"x" * (LIMIT + 1))
    columns = ("EndpointName", "DeploymentName", "Path", "ResponseCode")
    assert sorted((tuple(line[name] for name in columns) for line in world.logged(4)), key=str) == [
        ("credit", "blue", "/api/v1/endpoint/credit/score", 413),
        ("credit", None, "/api/v1/endpoint/credit/other", 404),
        ("credit", None, "/api/v1/endpoint/credit/score", 401),
        (None, None, "/api/v1/endpoint/other/score", 404),
    ]
    assert "a-key" not in json.dumps(world.logged(4))
