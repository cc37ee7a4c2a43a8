"""Deployments that run a server of their maker's own: its scoring path, its other paths, its port of health."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from gateway_world import World

from reconciler.gateway.reading import scoring_paths_of, traffic_of
from reconciler.gateway.routes import routes, scoring_path
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, Probe, cluster_name
from tests.waiting import until

CREDIT = "/api/v1/endpoint/credit"


def own(world: World, name: str, path: str) -> Deployment:
    return world.deployment(name, scoring_path=path, own_paths=True)


def told(*deployments: Deployment) -> str:
    """The path that clients are told, which is also what is read back from the routes."""
    endpoint = Endpoint("credit", (), {each.name: 0 for each in deployments}, deployments)
    found = scoring_path(endpoint)
    assert scoring_paths_of(routes(Gateway("127.0.0.1", 1, (endpoint,)))) == {"credit": found}
    return found


def test_it_answers_on_score_and_on_all_its_own_paths(world):
    blue = own(world, "blue", "/v1/models/credit:predict")
    world.serve(Endpoint("credit", (), {"blue": 100}, (blue,)))
    seen = [
        world.ask(f"{CREDIT}/{path}").body["path"]
        for path in ("score", "v1/models/credit:predict?a=1", "v1/models/credit", "score/more")
    ]
    assert seen == ["/v1/models/credit:predict", "/v1/models/credit:predict?a=1", "/v1/models/credit", "/score/more"]


def test_one_that_scores_at_score_has_other_paths_too(world):
    world.serve(Endpoint("credit", (), {"blue": 100}, (own(world, "blue", "/score"),)))
    assert [world.ask(f"{CREDIT}/{path}").body["path"] for path in ("score", "v2/health")] == ["/score", "/v2/health"]


def test_one_that_scores_at_its_root_is_reached_there(world):
    world.serve(Endpoint("credit", (), {"blue": 100}, (own(world, "blue", "/"),)))
    before = world.models["blue"].probes
    assert [world.ask(f"{CREDIT}/{path}", method="GET").status for path in ("score", "")] == [200, 200]
    assert world.models["blue"].probes >= before + 2


def test_its_paths_are_refused_by_key_shared_out_and_pinned_as_score_is(world):
    blue = own(world, "blue", "/v1/predict")
    world.serve(Endpoint("credit", ("a-key",), {"blue": 100, "green": 0}, (blue, world.deployment("green"))))
    path, key = f"{CREDIT}/v1/predict", {"authorization": "Bearer a-key"}
    assert world.ask(path).status == 401
    assert world.ask(path, **key).body["model"] == "blue"
    assert world.ask(path, **key, azureml_model_deployment="green").body["error"]["code"] == "PathNotFound"
    assert world.ask(path, **key, azureml_model_deployment="red").body["error"]["code"] == "DeploymentNotFound"


def test_deployments_of_several_scoring_paths_each_answer_on_score_and_on_their_own(world):
    blue, green = own(world, "blue", "/v1/predict"), own(world, "green", "/v2/predict")
    world.serve(Endpoint("credit", (), {"blue": 100, "green": 0}, (blue, green)))
    for name, path in (("blue", "/v1/predict"), ("green", "/v2/predict")):
        pin = {"azureml_model_deployment": name}
        assert world.ask(f"{CREDIT}/score", **pin).body["path"] == path
        assert world.ask(f"{CREDIT}{path}", **pin).body["path"] == path


def test_clients_are_told_the_path_on_which_all_deployments_score(world):
    first, same, other = own(world, "a", "/v1/predict"), own(world, "b", "/v1/predict"), own(world, "c", "/v2")
    ours = world.deployment("ours")
    assert (told(first), told(first, same), told(own(world, "root", "/"))) == ("/v1/predict", "/v1/predict", "/")
    assert (told(), told(ours), told(first, other), told(first, ours)) == ("/score", "/score", "/score", "/score")


@pytest.mark.parametrize("path", ["score", "v1/predict"])
def test_requests_are_copied_from_both_scoring_paths(world, path):
    deployments = (own(world, "blue", "/v1/predict"), own(world, "green", "/v1/predict"))
    world.serve(Endpoint("credit", (), {"blue": 100}, deployments, mirror={"green": 100}))
    assert traffic_of(world.files.live_routes()) == {"credit": {"blue": 100}}
    assert world.ask(f"{CREDIT}/v1/health").body["model"] == "blue"
    assert world.ask(f"{CREDIT}/{path}?last").body["model"] == "blue"
    until(lambda: world.models["green"].received)
    assert world.models["green"].received == ["/v1/predict?last"]


@contextmanager
def answering(status: Callable[[str], int]) -> Iterator[int]:
    """A server on a port of its own, which it yields."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status(self.path))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_an_instance_is_asked_for_its_health_on_a_port_of_its_own(world):
    """The scoring port knows nothing but the scoring path, the port of health nothing but that of health."""
    health = {"/healthz": 503}
    with ExitStack() as stack:
        scoring = stack.enter_context(answering(lambda path: 200 if path == "/v1/predict" else 404))
        asked = stack.enter_context(answering(lambda path: health.get(path, 404)))
        backend = Backend("one", f"127.0.0.1:{scoring}", health_port=asked)
        probe = Probe("/healthz", period_s=0.1, failure_threshold=1)
        blue = Deployment("blue", (backend,), readiness=probe, scoring_path="/v1/predict", own_paths=True)
        world.serve(Endpoint("credit", (), {"blue": 100}, (blue,)))
        assert world.admin.healthy(cluster_name("credit", "blue")) == frozenset()
        health["/healthz"] = 200
        until(lambda: world.admin.healthy(cluster_name("credit", "blue")) == {"one"})
        assert world.ask(f"{CREDIT}/score", method="GET").status == 200
        health["/healthz"] = 500
        until(lambda: world.admin.healthy(cluster_name("credit", "blue")) == frozenset())
        world.envoy.kill()
        world.envoy.wait()


def test_a_unix_socket_has_no_second_port():
    with pytest.raises(ValueError, match=r"backend one: /run/one[.]sock has no port 8081"):
        Backend("one", "/run/one.sock", health_port=8081)
