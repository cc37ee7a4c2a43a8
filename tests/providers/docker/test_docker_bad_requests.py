"""Bad requests to a scoring server in a container: through the gateway, and at its published port."""

import secrets
from collections.abc import Iterator
from urllib.parse import urlsplit

import psutil
import pytest
from docker_world import BLUE, ENDPOINT, World

from reconciler.core.address import Address
from tests.bad_requests import ALL, LIMIT, NO_REQUESTS, SCORE
from tests.engine.sweeping import sweep
from tests.raw_http import ask, request
from tests.waiting import until

SCRIPT = "import json\n\n\ndef init(): pass\n\n\ndef run(raw_data): return json.loads(raw_data)\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, engine_host: str, serving_image: str) -> Iterator[World]:
    project = f"t{secrets.token_hex(4)}"
    options = {"gateway": {"max_request_bytes": LIMIT}}
    world = World(tmp_path_factory.mktemp("bad"), engine_host, project, serving_image, **options)
    try:
        world.do("create", "endpoint/credit", ENDPOINT)
        world.do("create", str(BLUE), world.deployment(SCRIPT))
        world.route(blue=100)
        yield world
    finally:
        world.end()
        sweep(engine_host, project)


@pytest.fixture(autouse=True)
def _serves_on(world: World) -> Iterator[None]:
    """The container is the same run as before, with no more open than before, and the next request is answered."""
    (container,) = world.containers()
    before = world.api.inspect_container(container)["State"]["Pid"]
    tree = [psutil.Process(before), *psutil.Process(before).children(recursive=True)]
    files = [process.num_fds() for process in tree]
    yield
    assert ask(server(world), good(world)).body == b"[1]"
    assert world.api.inspect_container(container)["State"]["Pid"] == before
    until(lambda: all(now.num_fds() <= then for now, then in zip(tree, files, strict=True)))


def server(world: World) -> tuple[str, int]:
    uri = urlsplit(world.live("endpoint/credit").detail["scoring_uri"])
    return str(uri.hostname), int(uri.port or 0)


def key(world: World) -> str:
    return str(world.provider.credentials(Address("endpoint", "credit"))["primaryKey"])


def good(world: World) -> bytes:
    return request(path=SCORE, lines=[f"authorization: Bearer {key(world)}"], body=b"[1]")


def published(world: World) -> tuple[str, int]:
    """Where the engine publishes the container's port, on this machine alone."""
    (container,) = world.containers()
    ((bound,),) = (each for each in world.api.inspect_container(container)["NetworkSettings"]["Ports"].values() if each)
    assert bound["HostIp"] == "127.0.0.1"
    return bound["HostIp"], int(bound["HostPort"])


def test_each_has_its_code_through_the_gateway(world: World):
    known, where = key(world), server(world)
    told = {name: ask(where, bad.with_key(known)) for name, bad in ALL.items()}
    assert {name: (each.status, each.code) for name, each in told.items()} == {
        name: (bad.status, bad.word) for name, bad in ALL.items()
    }


def test_what_is_no_request_is_refused_at_the_published_port(world: World):
    assert {name: ask(published(world), sent).status for name, sent in NO_REQUESTS.items()} == dict.fromkeys(
        NO_REQUESTS, 400
    )


def test_large_and_deep_bodies_are_the_clients_or_the_models_failure_at_the_published_port(world: World):
    where = published(world)
    assert ask(where, request(body=b"[" * 1_000_000)).status == 500
    assert ask(where, request(body=b"1" * 1_000_000)).status == 500
    assert ask(where, request(body=b'"' + b"x" * 10_000_000 + b'"')).status == 200
    assert ask(where, request(path=f"/{'a' * 60_000}")).status == 404
