"""Nobody notices: under constant load every request is answered, whatever is done to a deployment."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

from constant_load import Load
from local_world import ENDPOINT, answering
from opening import gateway_pid

from tests.waiting import until

BLUE = "deployment/credit/blue"
# Patient, so that a slow machine is not taken for a lost request, and with room for all clients on one instance.
PATIENT = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 8, "max_queue_wait_ms": 30_000}


def patient(world, text, **fields):
    return world.deployment(answering(text), request_settings=PATIENT, **fields)


def serving(world, text, **fields):
    """Endpoint credit, whose traffic blue has."""
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", BLUE, patient(world, text, **fields))
    world.route(blue=100)


def test_twenty_roll_outs_of_five_instances_lose_no_request(world):
    """Four deployments at a time, five roll-outs each."""
    names = ("a", "b", "c", "d")
    world.do("create", "endpoint/credit", ENDPOINT)

    def deploy(name):
        world.do("create", f"deployment/credit/{name}", patient(world, f"{name}0", instance_count=5))

    def roll_out(name):
        for version in range(1, 6):
            world.do("roll_out", f"deployment/credit/{name}", patient(world, f"{name}{version}", instance_count=5))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(deploy, names))
        world.route(**dict.fromkeys(names, 25))
        with Load(world) as load:
            list(pool.map(roll_out, names))
            load.go_on(100)
    assert load.lost == []
    assert {f'"{name}{version}"'.encode() for name in names for version in range(6)} == load.said()


def test_twenty_scale_ups_and_downs_lose_no_request(world):
    serving(world, "blue")
    with Load(world) as load:
        for _ in range(20):
            world.do("scale", BLUE, patient(world, "blue", instance_count=3))
            world.do("scale", BLUE, patient(world, "blue", instance_count=1))
    assert load.lost == []


def test_a_hundred_weight_changes_lose_no_request_and_are_in_force_when_they_return(world):
    serving(world, "blue")
    world.do("create", "deployment/credit/green", patient(world, "green"))
    with Load(world) as load:
        for share in range(100):
            world.route(blue=share, green=100 - share)
        world.route(blue=100)
        with Load(world) as after:
            after.go_on(200)
    assert load.lost == []
    assert set(after.answers) == {(200, b'"blue"')}


def test_of_a_killed_instance_at_most_the_requests_in_flight_fail_and_it_comes_back(world):
    one_at_a_time = {**PATIENT, "max_concurrent_requests_per_instance": 1}
    script = "import os, time\ndef init(): pass\ndef run(raw_data):\n    time.sleep(0.02)\n    return os.getpid()\n"
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", BLUE, world.deployment(script, instance_count=3, request_settings=one_at_a_time))
    world.route(blue=100)
    former = set(world.pids(BLUE))
    with Load(world) as load:
        killed = min(former)
        os.kill(killed, signal.SIGKILL)
        load.go_on(100)
        until(lambda: len(answering_pids(world)) == 3)
        load.go_on(100)
    assert len(load.lost) <= 1
    assert world.live(BLUE).spec["lost_instances"] == 1
    (successor,) = answering_pids(world) - former
    with Load(world) as load:
        until(lambda: str(successor).encode() in load.said())
    assert load.lost == []


def answering_pids(world):
    return {each["pid"] for each in world.live(BLUE).detail["instances"] if each["state"] == "running"}


def test_a_killed_proxy_serves_again_without_a_command(world):
    serving(world, "blue")
    with Load(world) as load:
        os.kill(gateway_pid(world), signal.SIGKILL)
        until(lambda: load.failures)
        answered = load.answers[200, b'"blue"']
        until(lambda: load.answers[200, b'"blue"'] > answered + 100)
    with Load(world) as load:
        load.go_on(100)
    assert load.lost == []
