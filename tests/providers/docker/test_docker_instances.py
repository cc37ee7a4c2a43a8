"""Instances are containers that are known by their labels, looked at in one call, and replaced when they are lost."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from docker import APIClient
from docker.errors import APIError
from docker_world import BLUE, ENDPOINT, World, answering
from requests import ReadTimeout

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.providers.docker import running
from reconciler.providers.docker.launch import Image, Launch
from reconciler.providers.docker.ports import FIRST, LAST, free_ports
from reconciler.providers.hosting.objects import version_of
from tests.engine.sweeping import sweep
from tests.waiting import until

GREEN = Address.parse("deployment/credit/green")


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of an engine from now on, its greeting aside."""
    asked: list[str] = []
    send = APIClient.send

    def sent(api: APIClient, request, **options):
        path = request.path_url.partition("?")[0].split("/", 2)[-1]
        if path != "version":
            asked.append(f"{request.method} {path}")
        return send(api, request, **options)

    monkeypatch.setattr(APIClient, "send", sent)
    return asked


@pytest.fixture
def blue(world: World) -> World:
    """One instance that answers `blue`, to which all traffic goes."""
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(answering("blue")))
    world.route(blue=100)
    return world


@pytest.fixture
def stranger(world: World) -> Iterator[str]:
    """A container that has a name of ours, and no label."""
    name = f"mlops-{world.project}-credit-blue-0123456789ab"
    world.api.create_container(world.image, ["sleep", "60"], name=name)
    yield name
    world.api.remove_container(name, force=True)


def state(world: World, container: str) -> dict:
    return world.api.inspect_container(container)["State"]


def test_a_container_tells_whose_it_is_and_by_which_operation(blue):
    (container,) = blue.containers()
    found = blue.api.inspect_container(container)
    spec = blue.live(str(BLUE)).spec
    (instance,) = blue.live(str(BLUE)).detail["instances"]
    assert found["Name"] == f"/mlops-{blue.project}-credit-blue-{instance['name']}"
    wanted = {
        "mlops.project": blue.project,
        "mlops.kind": "instance",
        "mlops.address": "deployment/credit/blue",
        "mlops.lineage": "lineage",
        "mlops.generation": "1",
        "mlops.operation": "op2",
        "mlops.digest": version_of(spec),
        "mlops.instance": instance["name"],
    }
    assert {name: found["Config"]["Labels"][name] for name in wanted} == wanted


def test_a_look_at_everything_is_one_list_however_many_containers_there_are(blue, requests):
    blue.do("create", str(GREEN), blue.deployment(answering("green"), instance_count=3))
    fresh = blue.opened()
    del requests[:]
    try:
        assert len(fresh.list()) == 3
        assert requests == ["GET containers/json"]
        fresh.observe(GREEN)
        assert requests == ["GET containers/json"] * 2
    finally:
        fresh.close()


def test_a_look_at_a_target_without_deployments_asks_once_for_containers_that_nothing_speaks_of(world, requests):
    world.do("create", "endpoint/credit", ENDPOINT)
    del requests[:]
    world.provider.list()
    assert requests == ["GET containers/json"]


def test_an_instance_on_trial_is_not_started_again_and_one_in_service_is(world):
    policies = []

    def look(_line):
        host = [world.api.inspect_container(each)["HostConfig"] for each in world.containers()]
        policies.extend(each["RestartPolicy"]["Name"] for each in host)

    world.do("create", "endpoint/credit", ENDPOINT)
    operation = world.operation(str(BLUE))
    watched = type(operation)(operation.id, operation.lineage, operation.generation, look)
    world.again("create", str(BLUE), world.deployment(answering("blue")), watched)
    assert set(policies) == {"no"}
    look("")
    assert policies[-1] == "always"


def test_a_server_that_dies_is_started_again_at_its_address(blue):
    (container,) = blue.containers()
    before = state(blue, container)
    ports = blue.api.inspect_container(container)["NetworkSettings"]["Ports"]
    blue.run_in(container, "/usr/bin/python3", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")
    until(lambda: state(blue, container)["Running"] and state(blue, container)["StartedAt"] != before["StartedAt"])
    assert blue.api.inspect_container(container)["NetworkSettings"]["Ports"] == ports
    until(lambda: blue.call() == (200, b'"blue"'))


@pytest.mark.parametrize("lost", ["kill", "remove_container", "stop", "pause"])
def test_a_container_lost_behind_our_back_is_seen_and_replaced_by_the_next_scaling(blue, lost):
    (container,) = blue.containers()
    if lost == "remove_container":
        blue.api.remove_container(container, force=True)
    else:
        getattr(blue.api, lost)(container)
    assert blue.live(str(BLUE)).spec["instance_count"] == 0
    spec = blue.deployment(answering("blue"))
    blue.do("scale", str(BLUE), spec)
    assert blue.live(str(BLUE)).spec == spec
    assert container not in blue.containers()
    assert len(blue.containers()) == 1
    assert blue.score() == "blue"


def test_somebody_else_at_the_port_of_a_stopped_container_is_no_instance(blue):
    (container,) = blue.containers()
    ((binding,),) = blue.api.inspect_container(container)["NetworkSettings"]["Ports"].values()
    blue.api.stop(container)
    with other_server(int(binding["HostPort"])):
        assert blue.provider._instances.ready([name_of(blue, container)]) == frozenset()
        assert blue.live(str(BLUE)).spec["instance_count"] == 0
        blue.reports.clear()
        blue.do("scale", str(BLUE), blue.deployment(answering("blue")))
        assert blue.reports[-1] == "removing 1 instance that does not answer"
        assert container not in blue.containers()
        assert len(blue.containers()) == 1
        assert {blue.score() for _ in range(20)} == {"blue"}


def test_the_gateway_sends_nothing_to_a_port_whose_container_was_stopped_once_anything_changes(blue):
    (container,) = blue.containers()
    ((binding,),) = blue.api.inspect_container(container)["NetworkSettings"]["Ports"].values()
    blue.api.stop(container)
    with other_server(int(binding["HostPort"])):
        blue.route(blue=100)
        assert blue.call()[0] == 503


def test_a_container_that_is_started_again_by_hand_is_sent_requests_after_the_next_step(blue):
    (container,) = blue.containers()
    blue.api.stop(container)
    blue.route(blue=100)
    blue.api.start(container)
    blue.do("scale", str(BLUE), blue.deployment(answering("blue")))
    assert blue.score() == "blue"


def name_of(world: World, container: str) -> str:
    name: str = world.api.inspect_container(container)["Config"]["Labels"]["mlops.instance"]
    return name


@contextmanager
def other_server(port: int) -> Iterator[None]:
    """A program of this machine that answers everything with 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "8")
            self.end_headers()
            self.wfile.write(b"stranger")

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_how_a_killed_container_ended_is_told(blue):
    blue.api.kill(blue.containers()[0])
    live = blue.live(str(BLUE))
    (instance,) = live.detail["instances"]
    assert (instance["state"], instance["last_exit"]) == ("not running", "killed by signal 9 (Killed)")
    assert live.detail["note"] == f"lost: {instance['name']} killed by signal 9 (Killed)"


@pytest.mark.parametrize(("how", "fate"), [("remove_container", "is gone"), ("pause", "does not run")])
def test_what_became_of_a_lost_instance_is_told(blue, how, fate):
    (container,) = blue.containers()
    name = name_of(blue, container)
    getattr(blue.api, how)(container, **({"force": True} if how == "remove_container" else {}))
    assert blue.live(str(BLUE)).detail["note"] == f"lost: {name} {fate}"


def test_a_container_with_labels_that_say_nothing_breaks_no_command(blue):
    (container,) = blue.containers()
    labels = blue.api.inspect_container(container)["Config"]["Labels"]
    before = blue.provider.list()
    for wrong in ({"mlops.address": "nonsense"}, {"mlops.routes": "{"}, {"mlops.routes": '{"liveness": 1}'}):
        blue.api.create_container(blue.image, ["sleep", "60"], labels={**labels, **wrong})
    assert blue.provider.list() == before
    blue.do("scale", str(BLUE), {**blue.deployment(answering("blue")), "instance_count": 2})
    assert len(blue.live(str(BLUE)).detail["instances"]) == 2


def test_a_renamed_container_is_the_same_instance(blue):
    (container,) = blue.containers()
    blue.api.rename(container, f"mine-{blue.project}")
    assert list(blue.provider.logs(BLUE, tail=100, follow=False))
    (usage,) = blue.provider.usage()
    assert usage.memory_bytes > 0
    assert blue.provider._instances.tail(BLUE, name_of(blue, container))


def test_a_container_whose_making_was_not_answered_in_time_does_not_stay(world, monkeypatch):
    make = APIClient.create_container_from_config

    def late(api, *body):
        make(api, *body)
        raise ReadTimeout("timed out")

    world.do("create", "endpoint/credit", ENDPOINT)
    monkeypatch.setattr(APIClient, "create_container_from_config", late)
    with pytest.raises(ProviderError, match=r"instance 000000000000 cannot be started: timed out"):
        world.provider._instances._running.start(BLUE, launch_of(world), names(1), world.operation("x"), ())
    assert world.containers() == []


@pytest.mark.parametrize("count", [1, 3])
def test_what_cannot_be_removed_after_a_failure_does_not_hide_the_failure(world, monkeypatch, count):
    def refused(_api, *_, **__):
        raise APIError("no room for its logs")

    def stuck(_api, *_, **__):
        raise APIError("removal is already in progress")

    world.do("create", "endpoint/credit", ENDPOINT)
    with monkeypatch.context() as patched:
        patched.setattr(APIClient, "start", refused)
        patched.setattr(APIClient, "remove_container", stuck)
        with pytest.raises(ProviderError, match="no room for its logs"):
            world.provider._instances._running.start(BLUE, launch_of(world), names(count), world.operation("x"), ())
    assert len(world.containers()) == count


def launch_of(world: World) -> Launch:
    return Launch(world.deployment(answering("blue")), Image(world.image, python="/usr/bin/python3"))


def names(count: int) -> list[str]:
    return [f"{number:012x}" for number in range(count)]


def test_a_port_that_somebody_takes_first_is_given_up_for_another(world, monkeypatch):
    (taken,) = free_ports(1)
    monkeypatch.setattr(running, "free_ports", first_of(taken))
    world.do("create", "endpoint/credit", ENDPOINT)
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        world.do("create", str(BLUE), world.deployment(answering("blue")))
    assert world.score("blue") == "blue"
    assert len(world.containers()) == 1


def first_of(port):
    """Ports as they are given, but first of all a certain one."""
    given = []

    def ports(count, taken=()):
        given.append(count)
        return (port,) if len(given) == 1 else free_ports(count, taken)

    return ports


def test_no_port_is_given_twice_and_none_that_somebody_has():
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(FIRST <= port <= LAST for port in ports)
    everything_else = set(range(FIRST, LAST + 1)) - set(ports[:1])
    with pytest.raises(ProviderError, match=r"no port of 127\.0\.0\.1 from 20000 to 29999 is free"):
        free_ports(2, everything_else)


def test_an_init_that_fails_is_said_with_its_last_lines_and_leaves_nothing(world):
    world.do("create", "endpoint/credit", ENDPOINT)
    script = "def init(): raise ValueError('no weights')\ndef run(raw): pass\n"
    with pytest.raises(ProviderError, match=r"deployment/credit/blue: init\(\) failed \(exit code 3\)") as error:
        world.do("create", str(BLUE), world.deployment(script, instance_count=2))
    assert "ValueError: no weights" in error.value.log_tail[-1]
    assert world.containers() == []
    assert world.provider.observe(BLUE) is None


def test_of_several_instances_none_stays_when_one_cannot_be_started(world, monkeypatch):
    world.do("create", "endpoint/credit", ENDPOINT)
    given = []

    def ports(count, taken=()):
        given.append(count)
        if len(given) == 3:
            raise ProviderError("no port is free")
        return free_ports(count, taken)

    monkeypatch.setattr(running, "free_ports", ports)
    with pytest.raises(ProviderError, match="no port is free"):
        world.do("create", str(BLUE), world.deployment(answering("blue"), instance_count=4))
    assert world.containers() == []


def test_scaling_starts_and_stops_containers(blue):
    (first,) = blue.containers()
    spec = blue.deployment(answering("blue"))
    blue.do("scale", str(BLUE), {**spec, "instance_count": 3})
    assert len(blue.containers()) == 3
    assert first in blue.containers()
    blue.do("scale", str(BLUE), {**spec, "instance_count": 1})
    assert len(blue.containers()) == 1
    assert blue.score() == "blue"


def test_a_container_that_is_not_ours_is_never_touched_whatever_its_name(blue, stranger):
    blue.provider.fence(BLUE, 2)
    blue.do("delete", str(BLUE))
    blue.do("delete", "endpoint/credit")
    assert state(blue, stranger)["Status"] == "created"


def test_a_network_that_is_not_ours_is_refused(world):
    world.do("create", "endpoint/credit", ENDPOINT)
    name = f"mlops-{world.project}-network-instances"
    network = world.api.create_network(name, driver="bridge")["Id"]
    try:
        with pytest.raises(ProviderError, match=f"network {name} is somebody else's; remove it, or"):
            world.do("create", str(BLUE), world.deployment(answering("blue")))
        world.do("delete", "endpoint/credit")
        assert [each["Id"] for each in world.api.networks(names=[name])] == [network]
    finally:
        world.api.remove_network(network)


def test_with_the_last_endpoint_go_the_containers_and_their_network(blue):
    networks = {"label": f"mlops.project={blue.project}"}
    assert len(blue.api.networks(filters=networks)) == 1
    blue.do("delete", "endpoint/credit")
    assert blue.containers() == []
    assert blue.api.networks(filters=networks) == []


def test_two_projects_of_one_engine_do_not_see_each_other(blue, tmp_path, engine_host):
    other = World(tmp_path / "other", engine_host, f"{blue.project}-2", blue.image)
    try:
        other.do("create", "endpoint/credit", ENDPOINT)
        other.do("create", str(BLUE), other.deployment(answering("other")))
        assert (blue.score("blue"), other.score("blue")) == ("blue", "other")
        other.do("delete", "endpoint/credit")
        assert blue.score("blue") == "blue"
        assert other.containers() == []
    finally:
        other.end()
        sweep(engine_host, other.project)
