"""Images that bring a server of their own: asked on their own ports and paths, and called below the endpoint."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from docker_world import ENDPOINT, World, answering, post

from reconciler.errors import ProviderError
from reconciler.providers.docker.launch import OWN_ROUTES, Route, Routes
from reconciler.providers.docker.reaching import Place, way
from reconciler.providers.hosting.serving import Ways
from tests.hosted_world import DEPLOYMENT

# Scores on 8080 and tells its health on 8081; on neither does it know anything else.
SERVER = """
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def serve(port, paths):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status = 200 if self.path in paths else 404
            size = int(self.headers.get("content-length", 0))
            text = json.dumps({"path": self.path, "port": port, "asked": self.rfile.read(size).decode()}).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        do_POST = do_GET
        protocol_version = "HTTP/1.1"
    ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()

threading.Thread(target=serve, args=(8081, ["/healthz", "/ready"]), daemon=True).start()
serve(8080, sys.argv[1:])
"""


def image(world: World, base: str, *paths: str) -> str:
    """An image whose own command is a server that scores on these paths."""
    changes = [
        f"CMD {json.dumps(['python3', '-c', SERVER, *paths])}",
        f"LABEL mlops.project={world.project}",
        "USER 1000",
    ]
    container = world.api.create_container(base, ["true"])["Id"]
    tag = f"own{len(paths)}{abs(hash(paths))}"
    try:
        world.api.commit(container, f"mlops-test/{world.project}", tag, changes=changes)
    finally:
        world.api.remove_container(container)
    return f"mlops-test/{world.project}:{tag}"


def deployment(image_: str, scoring: str, **fields: Any) -> dict[str, Any]:
    routes = {
        "liveness_route": {"port": 8081, "path": "/healthz"},
        "readiness_route": {"port": 8081, "path": "/ready"},
        "scoring_route": {"port": 8080, "path": scoring},
    }
    return {**DEPLOYMENT, "environment": {"image": image_, "inference_config": routes}, **fields}


@pytest.fixture
def own(world: World, base_image: str) -> Iterator[World]:
    """Endpoint credit, whose deployment blue scores at /v1/predict alone."""
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", "deployment/credit/blue", deployment(image(world, base_image, "/v1/predict"), "/v1/predict"))
    world.route(blue=100)
    return world


def called(world: World, path: str, **headers: str) -> tuple[int, bytes]:
    """What the endpoint answers on a path below it."""
    uri = world.live("endpoint/credit").detail["scoring_uri"].partition("/credit")[0]
    key = world.provider.credentials(world.live("endpoint/credit").address)["primaryKey"]
    return post(f"{uri}/credit{path}", {"authorization": f"Bearer {key}", **headers}, b"a question")


def test_it_is_called_at_its_scoring_path_which_clients_are_told(own):
    assert own.live("endpoint/credit").detail["scoring_uri"].endswith("/api/v1/endpoint/credit/v1/predict")
    wanted = {"path": "/v1/predict", "port": 8080, "asked": "a question"}
    for path in ("/v1/predict", "/score"):
        status, answer = called(own, path)
        assert (status, json.loads(answer)) == (200, wanted)
    assert called(own, "/v1/other")[0] == 424
    assert json.loads(own.call()[1])["path"] == "/v1/predict"


def test_beside_a_deployment_of_ours_clients_are_told_score(own):
    own.do("create", "deployment/credit/green", own.deployment(answering("green")))
    assert own.live("endpoint/credit").detail["scoring_uri"].endswith("/api/v1/endpoint/credit/score")
    assert json.loads(own.call("blue")[1])["path"] == "/v1/predict"
    assert own.score("green") == "green"
    assert called(own, "/v1/predict", **{"azureml-model-deployment": "blue"})[0] == 200
    assert called(own, "/v1/predict", **{"azureml-model-deployment": "green"})[0] == 404


def test_a_roll_out_to_another_scoring_path_leads_there(own, base_image):
    both = image(own, base_image, "/v2/predict")
    own.do("roll_out", "deployment/credit/blue", deployment(both, "/v2/predict"))
    assert own.live("endpoint/credit").detail["scoring_uri"].endswith("/credit/v2/predict")
    assert json.loads(own.call()[1])["path"] == "/v2/predict"


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ({"port": 8081, "path": "/nope"}, r"GET :8081/nope answers 404"),
        ({"port": 9090, "path": "/ready"}, r"connection refused on port 9090; nothing listens there"),
    ],
)
def test_one_that_is_not_ready_is_said_with_what_it_answers_at_its_own_port(world, base_image, route, why):
    world.switch(docker={"ready_seconds": 2})
    world.do("create", "endpoint/credit", ENDPOINT)
    wanted = deployment(image(world, base_image, "/v1/predict"), "/v1/predict")
    wanted["environment"]["inference_config"]["readiness_route"] = route
    with pytest.raises(ProviderError, match=rf"not ready after 2 s; {why}$"):
        world.do("create", "deployment/credit/blue", wanted)


def place(path: str, *, first: int) -> Place:
    return Place(Routes(Route(first, "/"), Route(first, "/ready"), Route(first + 1, path)), ours=False)


def test_while_two_versions_serve_the_larger_group_is_reached_and_the_former_of_two_equal_ones():
    places = {"a": place("/v1", first=1), "b": place("/v1", first=3), "c": place("/v2", first=5)}
    places["d"] = place("/v2", first=7)
    reached = [
        [each.name for each in way(serving, places).backends] for serving in ("abc", "acd", "ac", "bd", "cd", "xa")
    ]
    assert reached == [["a", "b"], ["c", "d"], ["a"], ["b"], ["c", "d"], ["a"]]
    assert [way(serving, places).scoring_path for serving in ("ac", "acd")] == ["/v1", "/v2"]
    assert way("x", places) == Ways(())


def test_our_own_server_is_asked_on_the_port_on_which_it_scores():
    found = way("a", {"a": Place(OWN_ROUTES.published({5001: 20001}), ours=True)})
    assert [(each.address, each.health_port) for each in found.backends] == [("127.0.0.1:20001", None)]
    assert (found.queues, found.own_paths, found.scoring_path) == (True, False, "/score")
