"""What follows from a deployment's probes, of the keeper and of the gateway, when processes hang."""

import json
import os
import signal
from typing import Any

from constant_load import Load
from local_world import World
from opening import ask, credential, gateway_pid, serve

from reconciler.gateway.admin import Admin
from tests.waiting import until

BLUE = "deployment/credit/blue"
QUICK = {"initial_delay": 0, "period": 1, "timeout": 1, "success_threshold": 1, "failure_threshold": 1}
ROOMY = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 8, "max_queue_wait_ms": 500}
# Says which process it is.
SCRIPT = "import os\ndef init(): pass\ndef run(raw_data): return os.getpid()\n"
CLIENTS = 3


def two_instances(world: World, **probes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Endpoint `credit`, whose traffic goes to two instances of deployment blue."""
    world.endpoint_with()
    spec = world.deployment(SCRIPT, instance_count=2, request_settings=ROOMY, **probes)
    world.do("create", BLUE, spec)
    world.route(blue=100)
    first, second = instances(world)
    return first, second


def instances(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.live(BLUE).detail["instances"]
    return found


def state(world: World, name: str) -> str:
    (found,) = (each["state"] for each in instances(world) if each["name"] == name)
    return str(found)


def served(world: World) -> frozenset[str]:
    """The instances that the gateway sends requests to."""
    return Admin(world.layout.sockets / "admin.sock").healthy("credit/blue")


def events(world: World, name: str) -> list[str]:
    return [row["Name"] for row in rows(world) if row["InstanceId"] == name]


def rows(world: World) -> list[dict[str, str]]:
    """The event log."""
    return [json.loads(line) for line in world.layout.events.read_text().splitlines()]


def answers(world: World, count: int) -> set[int]:
    return {world.score() for _ in range(count)}


def test_an_instance_that_hangs_is_killed_and_started_again_while_the_other_serves(world: World):
    liveness = {**QUICK, "initial_delay": 3, "failure_threshold": 2}
    hung, other = two_instances(world, liveness_probe=liveness, readiness_probe=QUICK)
    with Load(world, kept=CLIENTS - 1, fresh=1) as load:
        os.kill(hung["pid"], signal.SIGSTOP)
        until(lambda: served(world) == {other["name"]})
        load.go_on(50)
        until(lambda: served(world) == {hung["name"], other["name"]})
        load.go_on(50)
    # Each client has one request at a time, so it can have lost but that one to the instance that hung.
    assert len(load.lost) <= CLIENTS
    assert {status for status, _ in load.answers} <= {200, 424}
    again = next(each for each in instances(world) if each["name"] == hung["name"])
    assert (again["state"], again["restarts"]) == ("running", 1)
    assert again["last_exit"] == "killed by signal 9 (Killed) after 2 failed liveness probes (no answer within 1 s)"
    assert load.said() == {str(pid).encode() for pid in (hung["pid"], other["pid"], again["pid"])}
    told = events(world, hung["name"])
    assert (told.count("LivenessProbeFailed"), told.count("Created"), told.count("Started")) == (2, 2, 2)
    assert told.index("ReadinessProbeFailed") < told.index("Killing")
    assert events(world, other["name"]) == ["Created", "Started"]


def test_an_instance_that_is_not_ready_gets_no_requests_until_it_is_again(world: World):
    hung, other = two_instances(world, readiness_probe=QUICK)
    os.kill(hung["pid"], signal.SIGSTOP)
    try:
        until(lambda: served(world) == {other["name"]})
        assert answers(world, 20) == {other["pid"]}
        assert (state(world, hung["name"]), state(world, other["name"])) == ("not ready", "running")
        until(lambda: "ReadinessProbeFailed" in events(world, hung["name"]))
    finally:
        os.kill(hung["pid"], signal.SIGCONT)
    until(lambda: served(world) == {hung["name"], other["name"]})
    until(lambda: answers(world, 5) == {hung["pid"], other["pid"]})
    assert state(world, hung["name"]) == "running"
    assert events(world, hung["name"]) == ["Created", "Started", "ReadinessProbeFailed"]


def test_an_instance_that_answers_again_is_shown_as_not_ready_as_long_as_the_gateway_leaves_it_out(world: World):
    hung, other = two_instances(world, readiness_probe={**QUICK, "success_threshold": 100_000})
    os.kill(hung["pid"], signal.SIGSTOP)
    try:
        until(lambda: served(world) == {other["name"]})
    finally:
        os.kill(hung["pid"], signal.SIGCONT)
    # It counts, since a start in its place would not serve sooner.
    until(lambda: world.live(BLUE).spec["instance_count"] == 2)
    assert (state(world, hung["name"]), state(world, other["name"])) == ("not ready", "running")
    assert world.live(BLUE).detail["ready"] == 1


def test_a_gateway_that_hangs_is_started_again_by_the_keeper(world: World):
    serve(world)
    key, hung = credential(world), gateway_pid(world)
    os.kill(hung, signal.SIGSTOP)
    until(lambda: serves(world, key))
    assert gateway_pid(world) != hung
    (killed,) = [each for each in rows(world) if each["Name"] == "Killing" and "liveness" in each["Message"]]
    assert (killed["EndpointName"], killed["InstanceId"]) == ("", "gateway")


def serves(world: World, key: str) -> bool:
    try:
        return ask(world, key) == 200
    except OSError:
        return False
