"""README's table of what a request meets, row by row, against the real proxy."""

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from gateway_world import SCORE, Answer, World

from reconciler.gateway.values import Backend, Deployment, Endpoint
from tests.waiting import until

README = Path(__file__).parents[2] / "README.md"
KEY = {"authorization": "Bearer a-key"}
LIMIT = 1000
WITHOUT_ID = {"request", "headers", "encoding"}


class Row(NamedTuple):
    where: str
    asked: str
    managed: str
    kubernetes: str
    told: str


def table() -> list[Row]:
    """The rows that say a code."""
    section = README.read_text(encoding="utf-8").split("## What a request meets")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    rows = [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]
    return [row for row in rows if row.managed]


def endpoint(world: World, *, kubernetes: bool, share: int = 100, **spec: object) -> Endpoint:
    blue = world.deployment("blue", **spec)
    return Endpoint("credit", ("a-key",), {"blue": share}, (blue,), kubernetes=kubernetes)


def asked(path: str = SCORE, *, method: str = "POST", body: bytes = b"{}", **headers: str) -> Callable[..., Answer]:
    """One request with a good key, to an endpoint that serves."""

    def ask(world: World, *, kubernetes: bool) -> Answer:
        world.serve(endpoint(world, kubernetes=kubernetes), max_body_bytes=LIMIT)
        return world.ask(path, method=method, body=body, **(KEY | headers))

    return ask


def without_traffic(world: World, *, kubernetes: bool) -> Answer:
    world.serve(endpoint(world, kubernetes=kubernetes, share=0))
    return world.ask(**KEY)


def without_instance(world: World, *, kubernetes: bool) -> Answer:
    nobody = Deployment("blue", (Backend("blue", str(world.folder / "nobody.sock")),))
    world.serve(Endpoint("credit", ("a-key",), {"blue": 100}, (nobody,), kubernetes=kubernetes))
    return world.ask(**KEY)


def too_late(world: World, *, kubernetes: bool) -> Answer:
    world.serve(endpoint(world, kubernetes=kubernetes, timeout_ms=150))
    return world.ask(f"{SCORE}?hold", **KEY)


def too_many(world: World, *, kubernetes: bool) -> Answer:
    """What the proxy itself refuses: of the server's own refusals it passes on all but the code."""
    world.serve(endpoint(world, kubernetes=kubernetes, max_concurrent=1, timeout_ms=60_000))
    head = f"GET {SCORE}?hold HTTP/1.1\r\nhost: test\r\nauthorization: Bearer a-key\r\n\r\n".encode()
    world.ask(**KEY)
    clients = [socket.create_connection(("127.0.0.1", world.port)) for _ in range(3)]
    try:
        for client in clients:
            client.sendall(head)
        waiting = "cluster.credit/blue.upstream_rq_pending_active"
        until(lambda: world.admin.stats(waiting).get(waiting) == 2)
        return world.ask(**KEY)
    finally:
        for client in clients:
            client.close()


def in_other_encodings(world: World, *, kubernetes: bool) -> Answer:
    world.serve(endpoint(world, kubernetes=kubernetes))
    return world.ask(method="GET", transfer_encoding="gzip", **KEY)


def without_end(world: World, *, kubernetes: bool) -> Answer:
    world.serve(endpoint(world, kubernetes=kubernetes), max_request_s=0.2)
    return world.ask(content_length="10", **KEY)


CASES: dict[str, Callable[..., Answer]] = {
    "gRPC": asked(content_type="application/grpc"),
    "request": asked("/api/v1/endpoint/credit%2fscore"),
    "headers": asked(x_large="x" * 61_440),
    "encoding": in_other_encodings,
    "protocol": asked(method="GET", upgrade="websocket", connection="upgrade"),
    "size": asked(body=b"x" * (LIMIT + 1)),
    "arrival": without_end,
    "endpoint": asked("/api/v1/endpoint/other/score"),
    "key or token": asked(authorization="Bearer another-key"),
    "method": asked(method="DELETE"),
    "id": asked(x_request_id="x" * 101),
    "path": asked("/api/v1/endpoint/credit/other"),
    "deployment": asked(azureml_model_deployment="red"),
    "traffic": without_traffic,
    "instance": without_instance,
    "queue": too_many,
    "time": too_late,
    "score": asked(),
    "input": asked(f"{SCORE}?status=400"),
    "exception": asked(f"{SCORE}?status=500"),
    "process": asked(f"{SCORE}?die"),
}


def test_each_row_of_the_table_is_tried():
    assert [row.where for row in table()] == list(CASES)


@pytest.mark.parametrize("kubernetes", [False, True], ids=["managed", "kubernetes"])
@pytest.mark.parametrize("row", table(), ids=lambda row: row.where)
def test_the_proxy_answers_as_the_table_says(world: World, row: Row, kubernetes: bool):
    answer = CASES[row.where](world, kubernetes=kubernetes)
    assert answer.status == int((row.kubernetes if kubernetes else row.managed).partition(",")[0])
    part = row.told.split("kubernetes:")[-1 if kubernetes else 0]
    for word in re.findall(r"(?<!header )`([A-Z]\w+)`", part):
        assert answer.body["error"]["code"] == word
        assert answer.headers["content-type"] == "application/json"
    for reason in re.findall(r"reason `(\w+)`", part):
        assert answer.headers["ms-azureml-model-error-reason"] == reason
    for name in re.findall(r"header `([\w-]+)`", part):
        assert name in answer.headers
    if "no body" in part:
        assert (answer.text, answer.headers["content-type"]) == ("", "text/plain")
    assert ("ms-azureml-model-error-statuscode" in answer.headers) == ("statuscode" in part)
    assert ("x-request-id" in answer.headers) == (row.where not in WITHOUT_ID)
