"""What a request meets on its way through the real proxy."""

import math
import socket
import threading
from collections import Counter
from dataclasses import replace

import pytest
from gateway_world import FORGED, SCORE, World, exchange

from reconciler.gateway.values import Deployment, Endpoint, cluster_name
from tests.waiting import until

KEYS = ("first-key", "second-key")


def credit(
    world: World, *, keys: tuple[str, ...] = (), traffic: dict[str, int] | None = None, **spec: object
) -> Endpoint:
    deployments = (world.deployment("blue", **spec), world.deployment("green", **spec))
    return Endpoint("credit", keys, {"blue": 100} if traffic is None else traffic, deployments)


def test_each_of_several_keys_opens_an_endpoint_and_no_other(world):
    world.serve(credit(world, keys=KEYS))
    assert [world.ask(authorization=f"Bearer {key}").status for key in KEYS] == [200, 200]
    for wrong in ("Bearer wrong", "first-key", "Bearer first-key2", "Bearer ", "Bearer first-key,Bearer first-key"):
        assert world.ask(authorization=wrong).status == 401
    assert world.ask(authorization="bearer second-key").status == 200
    assert world.ask(authorization="bearer SECOND-KEY").status == 401
    refused = world.ask()
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.headers["content-type"] == "application/json"
    assert refused.body["error"]["code"] == "Unauthorized"


def test_the_model_never_sees_the_key(world):
    world.serve(credit(world, keys=KEYS))
    seen = world.ask(authorization="Bearer first-key", x_mine="1").body["headers"]
    assert "authorization" not in {name.lower() for name in seen}
    assert seen["x-mine"] == "1"


def test_every_path_of_an_endpoint_with_keys_needs_one(world):
    world.serve(credit(world, keys=KEYS))
    for path in ("score", "swagger.json", "other", "../credit/score", "./score", "score?x=1", "%73core"):
        assert world.ask(f"/api/v1/endpoint/credit/{path}").status == 401
    assert world.ask("/api/v1/endpoint/credit%2fscore").status == 400


def test_the_header_picks_a_deployment_whatever_its_traffic(world):
    world.serve(credit(world))
    assert world.ask().body["model"] == "blue"
    assert world.ask(azureml_model_deployment="green").body["model"] == "green"


def test_an_unknown_deployment_in_the_header_is_not_found(world):
    world.serve(credit(world))
    answer = world.ask(azureml_model_deployment="red")
    assert answer.status == 404
    assert "blue, green" in answer.body["error"]["message"]


@pytest.mark.parametrize("traffic", [{}, {"blue": 0, "green": 0}])
def test_an_endpoint_without_traffic_says_so(world, traffic):
    world.serve(credit(world, traffic=traffic))
    answer = world.ask()
    assert answer.status == 404
    assert "azureml-model-deployment" in answer.body["error"]["message"]
    assert world.ask(azureml_model_deployment="blue").status == 200


def test_unknown_endpoints_and_paths_are_not_found(world):
    world.serve(credit(world))
    for path in ("/", "/api/v1/endpoint/credi/score", "/api/v1/endpoint/credit2/score", "/api/v1/endpoint/credit"):
        assert world.ask(path).body["error"]["code"] == "EndpointNotFound"
    assert world.ask("/api/v1/endpoint/credit/metrics").body["error"]["code"] == "PathNotFound"


def test_only_get_and_post_are_served(world):
    world.serve(credit(world))
    assert world.ask(method="GET").status == 200
    refused = world.ask(method="DELETE")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, POST")


def test_paths_are_rewritten_to_the_models_own_and_the_query_stays(world):
    world.serve(credit(world, scoring_path="/v1/models/credit:predict"))
    assert world.ask("/api/v1/endpoint/credit/score?a=1").body["path"] == "/v1/models/credit:predict?a=1"
    assert world.ask("/api/v1/endpoint/credit/swagger.json?version=3").body["path"] == "/swagger.json?version=3"


def test_traffic_is_shared_out_by_weight(world):
    """Five standard deviations: were it right, it would still fail once in 1.7 million runs."""
    world.serve(credit(world, traffic={"blue": 10, "green": 90}))
    requests = 10_000
    with world.connected() as connection:
        seen = Counter(exchange(connection, method="GET").body["model"] for _ in range(requests))
    assert abs(seen["blue"] - requests * 0.1) < 5 * math.sqrt(requests * 0.1 * 0.9)
    assert seen["blue"] + seen["green"] == requests


def test_a_request_that_takes_too_long_is_answered_with_408(world):
    world.serve(credit(world, timeout_ms=150))
    assert world.ask("/api/v1/endpoint/credit/score?hold").status == 408


def test_a_timeout_is_the_deployments_own(world):
    slow, quick = world.deployment("slow", timeout_ms=30_000), world.deployment("quick", timeout_ms=100)
    world.serve(Endpoint("credit", (), {"slow": 100}, (slow, quick)))
    assert world.ask("/api/v1/endpoint/credit/score?hold", azureml_model_deployment="quick").status == 408


@pytest.mark.parametrize("status", [400, 404, 500, 503, 201])
def test_a_models_own_code_becomes_424_and_is_told(world, status):
    world.serve(credit(world))
    answer = world.ask(f"/api/v1/endpoint/credit/score?status={status}")
    assert answer.status == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == str(status)
    assert answer.headers["ms-azureml-model-error-reason"] == "model_error"
    assert answer.body["model"] == "blue"


def test_a_model_that_dies_over_a_request_is_a_model_error(world):
    world.serve(credit(world))
    answer = world.ask("/api/v1/endpoint/credit/score?die")
    assert (answer.status, answer.headers["ms-azureml-model-error-reason"]) == (424, "model_error")


def test_a_model_that_breaks_http_is_a_model_error(world):
    world.serve(credit(world))
    answer = world.ask("/api/v1/endpoint/credit/score?garbage")
    assert (answer.status, answer.headers["ms-azureml-model-error-reason"]) == (424, "model_error")
    assert answer.body["error"]["code"] == "ModelError"


def test_a_model_cannot_say_what_only_the_proxy_says(world):
    blue, other = world.deployment("blue"), world.model("other")
    world.serve(Endpoint("credit", (), {"blue": 100}, (replace(blue, backends=(*blue.backends, other.backend())),)))
    good, full = (world.ask(f"/api/v1/endpoint/credit/score?forge={status}") for status in (200, 429))
    assert (good.status, [name for name in good.headers if name in FORGED]) == (200, [])
    assert (full.status, {name: full.headers[name] for name in FORGED}) == (
        424,
        {"ms-azureml-model-error-reason": "model_error", "ms-azureml-model-error-statuscode": "429"},
    )
    assert sum(len(each.received) for each in world.models.values()) == 2


def test_a_deployment_without_a_healthy_instance_is_not_ready(world):
    blue = world.deployment("blue")
    world.models["blue"].health = 500
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue,)))
    answer = world.ask()
    assert (answer.status, answer.headers["ms-azureml-model-error-reason"]) == (503, "model_not_ready")


def test_an_instance_that_comes_up_is_used_at_once(world):
    blue = world.deployment("blue")
    world.models["blue"].health = 500
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue,)))
    world.models["blue"].health = 200
    until(lambda: world.admin.healthy(cluster_name("credit", "blue")) == {"blue"})
    assert world.ask().status == 200


def test_request_ids_are_made_echoed_and_told_to_the_model(world):
    world.serve(credit(world))
    first, second = world.ask(), world.ask()
    assert first.headers["x-request-id"] == first.body["headers"]["x-request-id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("sent", ["order-12", "a b/ü|1", "x" * 100])
def test_a_clients_own_request_id_is_kept(world, sent):
    world.serve(credit(world))
    answer = world.ask(x_request_id=sent)
    assert answer.status == 200
    assert (answer.headers["x-request-id"], answer.body["headers"]["x-request-id"]) == (sent, sent)


def test_an_empty_request_id_is_none(world):
    world.serve(credit(world))
    answer = world.ask(x_request_id="")
    assert len(answer.headers["x-request-id"]) == len(answer.body["headers"]["x-request-id"]) == 36


@pytest.mark.parametrize("name", ["x-request-id", "x-ms-request-id", "x-ms-client-request-id"])
def test_an_id_that_the_model_would_refuse_is_refused_before_it(world, name):
    world.serve(credit(world))
    assert world.ask(**{name: "x" * 100}).status == 200
    refused = world.ask(**{name: "x" * 101})
    assert (refused.status, refused.body["error"]["code"]) == (431, "RequestHeaderFieldsTooLarge")
    assert len(world.models["blue"].received) == 1
    assert all(len(line["XRequestId"]) <= 100 for line in world.logged(2))


@pytest.mark.parametrize("kind", ["application/grpc", "application/grpc+proto"])
def test_grpc_is_refused_in_plain_http_with_a_key_or_without(world, kind):
    world.serve(credit(world, keys=KEYS))
    for path, key in ((SCORE, "Bearer first-key"), (SCORE, "none"), ("/", "none"), ("/a%2fb", "none")):
        answer = world.ask(path, content_type=kind, authorization=key)
        assert (answer.status, answer.headers["content-type"]) == (415, "application/json")
        assert answer.body["error"]["code"] == "UnsupportedMediaType"
        assert not [name for name in answer.headers if name.startswith("grpc")]
    assert world.models["blue"].received == []


def test_the_models_time_stands_on_its_answers_alone(world):
    world.serve(credit(world))
    assert int(world.ask().headers["ms-azureml-model-time"]) >= 0
    assert "ms-azureml-model-time" not in world.ask("/").headers


def test_an_instance_that_died_while_the_other_is_busy_costs_no_request(world):
    models = [world.model(name) for name in ("one", "two")]
    blue = Deployment("blue", tuple(each.backend() for each in models), max_concurrent=100)
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue,)))
    until(lambda: world.admin.healthy(cluster_name("credit", "blue")) == {"one", "two"})
    client = threading.Thread(target=lambda: world.ask("/api/v1/endpoint/credit/score?hold"))
    client.start()
    until(lambda: any(each.working._value for each in models))
    busy, idle = sorted(models, key=lambda each: -each.working._value)
    idle.stop()
    del world.models[idle.name]
    assert [world.ask().status for _ in range(5)] == [200] * 5
    busy.hold.set()
    client.join()


def test_a_client_that_stops_in_the_middle_of_its_request_does_not_keep_the_instance(world):
    world.serve(credit(world, max_concurrent=1, timeout_ms=2000))
    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as client:
        head = b"POST /api/v1/endpoint/credit/score HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n"
        client.sendall(head + b"half")
        assert client.recv(12) == b"HTTP/1.1 408"
    assert world.ask().status == 200


def test_a_client_of_http_1_0_is_served(world):
    world.serve(credit(world))
    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as client:
        client.sendall(b"GET /api/v1/endpoint/credit/score HTTP/1.0\r\n\r\n")
        assert client.recv(12).endswith(b" 200")
