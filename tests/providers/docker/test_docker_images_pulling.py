"""Images that the engine does not have come from their registry; here it is one of the test's own, on loopback."""

import os
import socket

import pytest

from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.pulling import Puller
from tests.providers.docker.image_world import ImageWorld, Registry


@pytest.fixture
def world(engine_host, project, tmp_path):
    world = ImageWorld(engine_host, project, tmp_path, os.environ)
    yield world
    world.clear()


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def remote(registry, engine_host):
    """The name of an image in the registry, which the engine does not have yet."""
    with registry.open() as name:
        yield name
        api = Engine(engine_host).api
        for image in api.images(name):
            api.remove_image(image["Id"], force=True)
        api.close()


@pytest.fixture
def pulled(engine_host):
    """Pulls, and gives the lines that were told; waits between tries are counted, not waited for."""
    engine, waits = Engine(engine_host), []
    puller = Puller(engine, sleep=waits.append, now=iter(range(10_000)).__next__)

    def pull(name):
        lines = []
        try:
            puller.pull(name, lines.append)
        finally:
            pull.lines, pull.waits = lines, waits
        return lines

    yield pull
    engine.close()


def test_an_image_that_is_not_there_is_pulled_once(world, registry, remote):
    environment = {"image": remote, "inference_config": {"scoring_route": {"port": 80, "path": "/"}}}
    found = world.ready(environment, wants_server=True)
    assert remote in world.api.inspect_image(found.reference)["RepoTags"]
    assert world.lines == [f"pulling {remote}", f"pulled {remote}"]
    registry.asked.clear()
    assert world.ready(environment, wants_server=True) == found
    assert registry.asked == []


def test_how_far_a_pull_is_is_told_now_and_then(pulled, remote):
    lines = pulled(remote)
    assert any(line.startswith(f"pulling {remote}: 1 of 1 layers, 0 of 0 MB") for line in lines)


def test_f40_a_layer_that_breaks_off_half_way_is_fetched_again(pulled, registry, remote):
    registry.breaking[registry.layer_path] = 1
    assert pulled(remote)[-1] == f"pulled {remote}"
    assert registry.asked.count(registry.layer_path) == 2


def test_f40_a_registry_that_breaks_off_is_asked_again(pulled, registry, remote):
    registry.breaking[registry.manifest_path] = 1
    lines = pulled(remote)
    assert lines[-1] == f"pulled {remote}"
    assert len([line for line in lines if "broke off" in line]) == len(pulled.waits) == 1


def test_f40_a_registry_that_cannot_be_reached_is_given_up_after_three_tries(pulled):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{unused.getsockname()[1]}/small:1"
        with pytest.raises(ProviderError, match="connection refused; check the connection to its registry") as error:
            pulled(name)
    assert "\n" not in str(error.value)
    assert pulled.lines.count(f"pulling {name}") == 3


def test_an_image_that_its_registry_does_not_have_is_not_asked_for_twice(pulled, remote):
    missing = f"{remote.removesuffix(':1')}:2"
    with pytest.raises(ProviderError, match=r"cannot be pulled: manifest .*; check the name and tag"):
        pulled(missing)
    assert pulled.waits == []
