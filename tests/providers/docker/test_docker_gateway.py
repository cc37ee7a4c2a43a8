"""The gateway as a container: it serves as one of this machine does, and is as hard to lose."""

import json
import os
import shutil
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_world import ENDPOINT, Load, World, answering
from gateway_container import gateway, gateways, place, serve, status

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.files import Files
from reconciler.gateway.values import Deployment, Endpoint, Gateway
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.envoys import ContainerEnvoys
from reconciler.providers.docker.gateway import Upkeep
from reconciler.providers.docker.names import Names
from reconciler.providers.hosting.facts import read_facts
from tests.ports import free_port
from tests.waiting import until

CREDIT = Address("endpoint", "credit")


@pytest.fixture
def containers(contained: World, engine_host: str, project: str) -> Iterator[ContainerEnvoys]:
    engine = Engine(engine_host)
    yield ContainerEnvoys(engine, Names(project), contained.layout)
    engine.close()


def restarted(world: World, pid: int) -> bool:
    """Whether another process than this one answers."""
    state = gateway(world)["State"]
    return state["Pid"] not in (0, pid) and Admin(place(world).admin).running()


def test_it_runs_without_privileges_and_stays_through_restarts_of_the_engine(contained):
    contained.endpoint_with(blue=answering("blue"))
    found = gateway(contained)
    host, own = found["HostConfig"], status(found["State"]["Pid"])
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("host", True, ["ALL"])
    assert host["RestartPolicy"]["Name"] == "always"
    assert (int(own["CapEff"], 16), int(own["CapBnd"], 16), own["NoNewPrivs"], own["Seccomp"]) == (0, 0, "1", "2")
    assert (own["Uid"].split()[0], own["Gid"].split()[0]) == (str(os.getuid()), str(os.getgid()))
    writable = {each["Source"] for each in found["Mounts"] if each["RW"]}
    assert writable == {str(contained.layout.gateway), str(contained.layout.sockets)}


def test_weights_pins_and_keys_are_in_force_as_they_change(contained):
    contained.endpoint_with(blue=answering("blue"), green=answering("green"))
    assert (contained.score("blue"), contained.score("green")) == ("blue", "green")
    contained.route(blue=90, green=10)
    seen = Counter(contained.score() for _ in range(200))
    assert seen["blue"] > seen["green"] > 0
    before = dict(contained.provider.credentials(CREDIT))
    contained.provider.rotate(CREDIT, "primary")
    assert contained.call(key=before["primaryKey"])[0] == 401
    assert contained.call(key=before["secondaryKey"])[0] == contained.call()[0] == 200
    contained.route(green=100)
    assert {contained.score() for _ in range(20)} == {"green"}


def test_its_address_stays_and_its_container_goes_with_the_last_endpoint(contained):
    contained.endpoint_with()
    address = contained.live("endpoint/credit").detail["scoring_uri"]
    contained.do("delete", "endpoint/credit")
    assert gateways(contained) == {}
    contained.endpoint_with(blue=answering("blue"))
    assert contained.live("endpoint/credit").detail["scoring_uri"] == address
    assert contained.score("blue") == "blue"


def test_killed_it_comes_back_by_itself(contained):
    serve(contained)
    pid = gateway(contained)["State"]["Pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: restarted(contained, pid))
    assert gateway(contained)["RestartCount"] == 1, "it was the warden who started it again"
    assert contained.score() == "blue"


def test_removed_behind_our_back_it_is_told_and_the_next_change_makes_it_anew(contained):
    serve(contained)
    address = contained.live("endpoint/credit").detail["scoring_uri"]
    contained.api.remove_container(gateway(contained)["Id"], force=True)
    assert contained.live("endpoint/credit").detail["gateway"] == "not running"
    contained.route(blue=100)
    live = contained.live("endpoint/credit")
    assert (live.detail["gateway"], live.detail["scoring_uri"]) == ("running", address)
    assert contained.score() == "blue"


def test_one_that_hangs_is_started_again_by_the_warden(contained):
    serve(contained)
    pid = gateway(contained)["State"]["Pid"]
    os.kill(pid, signal.SIGSTOP)
    until(lambda: restarted(contained, pid))
    assert contained.score() == "blue"


def test_one_counts_as_hanging_after_three_questions_without_an_answer(contained, containers):
    """Without a deployment there is no warden, which would ask as well."""
    contained.endpoint_with()
    clock = iter(range(0, 100, 2))
    upkeep = Upkeep(containers, contained.layout, now=lambda: next(clock))
    assert not upkeep.look()
    pid = gateway(contained)["State"]["Pid"]
    os.kill(pid, signal.SIGSTOP)
    assert [upkeep.look() for _ in range(3)] == [False, False, True]
    until(lambda: restarted(contained, pid))


def written(log: Path) -> list[str]:
    """The lines of a log and of its former files; the newest may not be made yet."""
    return [line for file in log.parent.glob(f"{log.name}*") for line in file.read_text().splitlines()]


def test_its_logs_are_rotated_without_a_lost_line(contained, containers):
    serve(contained)
    upkeep = Upkeep(containers, contained.layout, log_max_bytes=2000)
    log = place(contained).access_log
    with Load(contained) as load:
        until(lambda: upkeep.look() or log.with_name("access.log.4").exists())
    until(lambda: len(written(log)) >= load.total)
    lines = [json.loads(line) for line in written(log)]
    assert Counter(line["ResponseCode"] for line in lines) == {200: load.total}
    assert load.lost == []


def test_a_gateway_of_this_machine_is_left_to_the_keeper(contained, containers):
    contained.switch()
    contained.endpoint_with()
    log = contained.layout.gateway_log
    log.write_text("x" * 100)
    assert not Upkeep(containers, contained.layout, log_max_bytes=10).look()
    assert (log.read_text(), gateways(contained)) == ("x" * 100, {})


def test_what_it_refuses_is_told_with_its_reason(contained):
    contained.endpoint_with()
    facts = read_facts(contained.layout.gateway_facts)
    assert facts is not None
    bad = Endpoint("credit", (), {"blue": 100}, (Deployment("blue", scoring_path="/bad\npath"),))
    with pytest.raises(ProviderError, match=r"^the gateway refused routes\.json: .*PrefixRewrite: value"):
        Files(place(contained), contained.layout.gateway_log).apply(Gateway("127.0.0.1", facts.port, (bad,)))


def test_a_port_that_is_taken_is_told_and_nothing_is_left(contained):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        contained.switch(gateway={**contained._options["gateway"], "port": taken.getsockname()[1]})
        with pytest.raises(ProviderError, match=r"^port \d+ of 127.0.0.1 is taken by another program; stop it, or "):
            contained.do("create", "endpoint/credit", ENDPOINT)
    assert gateways(contained) == {}


def test_a_port_that_is_taken_later_leaves_the_former_one_serving(contained):
    serve(contained)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        contained.switch(gateway={**contained._options["gateway"], "port": taken.getsockname()[1]})
        with pytest.raises(ProviderError, match=r"^port \d+ of 127.0.0.1 is taken by another program; stop it, or "):
            contained.do("update", "endpoint/credit", ENDPOINT)
    contained.switch(gateway={**contained._options["gateway"], "port": free_port()})
    contained.do("update", "endpoint/credit", ENDPOINT)
    assert contained.score() == "blue"


def test_a_container_of_somebody_else_by_its_name_is_refused_and_not_touched(contained, project, base_image):
    theirs = contained.api.create_container(base_image, ["true"], name=f"mlops-{project}-gateway-0")["Id"]
    try:
        with pytest.raises(ProviderError, match=r"^container mlops-.*-gateway-0 is there and was not made by this tar"):
            contained.do("create", "endpoint/credit", ENDPOINT)
        assert contained.api.inspect_container(theirs)["State"]["Status"] == "created"
    finally:
        contained.api.remove_container(theirs, force=True)


def test_an_image_that_is_not_on_the_engine_is_not_pulled_but_told(contained):
    contained.switch(gateway={"image": "no/such:1"})
    with pytest.raises(ProviderError, match=r"image: the engine has no image no/such:1; pull it, `docker pull no/such"):
        contained.do("create", "endpoint/credit", ENDPOINT)


def test_an_image_without_envoy_is_told(contained, base_image):
    contained.switch(gateway={"image": base_image})
    with pytest.raises(ProviderError, match=r"the gateway.s container cannot be started: .*envoy"):
        contained.do("create", "endpoint/credit", ENDPOINT)
    assert gateways(contained) == {}


def test_with_its_folder_lost_the_next_change_makes_it_anew_at_the_same_address(contained):
    serve(contained)
    address = contained.live("endpoint/credit").detail["scoring_uri"]
    former = gateway(contained)["Id"]
    contained.provider.close()
    lost = contained.layout.folder.rename(contained.layout.folder.with_name("lost"))
    shutil.rmtree(lost, ignore_errors=True)  # while the gateway may be writing into it
    contained.provider = contained.opened()
    contained.route(blue=100)
    assert contained.live("endpoint/credit").detail["scoring_uri"] == address
    assert gateway(contained)["Id"] != former
    assert contained.score() == "blue"
