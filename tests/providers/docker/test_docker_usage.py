"""What instances take of the machine is what the engine measures, state included, for all of them at once."""

from typing import Any

import pytest
from docker_world import BLUE, ENDPOINT, World

from reconciler.providers.docker.usage import taken
from tests.waiting import until

# Keeps 64 MB, and works for half a second when asked.
SCRIPT = """
import time
def init():
    global held
    held = bytearray(b"x" * (64 << 20))
def run(raw_data):
    until = time.process_time() + 0.5
    while time.process_time() < until: pass
    return "done"
"""
# For whom half a second of work takes long.
BUSY = {"request_timeout_ms": 60_000, "max_concurrent_requests_per_instance": 1, "max_queue_wait_ms": 60_000}
MEMORY = {"usage": 100, "stats": {}}


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        ({}, (0.0, 0)),
        ({"cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}}, "memory_stats": {}}, (1.5, 0)),
        ({"memory_stats": {**MEMORY, "stats": {"total_inactive_file": 30, "inactive_file": 1}}}, (0.0, 70)),
        ({"memory_stats": {**MEMORY, "stats": {"inactive_file": 40}}}, (0.0, 60)),
        ({"memory_stats": {**MEMORY, "stats": {"inactive_file": 400}}}, (0.0, 0)),
    ],
)
def test_the_engines_numbers_become_seconds_and_bytes_that_cannot_be_reclaimed(
    stats: dict[str, Any], expected: tuple[float, int]
):
    assert taken(stats) == expected


def test_each_instance_has_its_own_work_and_memory(world: World):
    assert world.provider.usage() == ()
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(SCRIPT, instance_count=2, request_settings=BUSY))
    world.route(blue=100)
    before = {each.instance: each for each in world.provider.usage()}
    assert world.score() == "done"
    after = {each.instance: each for each in world.provider.usage()}
    worked = sorted(after[name].cpu_seconds - before[name].cpu_seconds for name in before)
    assert worked[1] >= 0.4 > worked[0]
    assert all(64 << 20 < each.memory_bytes < 512 << 20 for each in after.values())
    assert {(each.deployment, each.state) for each in after.values()} == {(BLUE, "running")}


def test_an_instance_that_does_not_run_takes_nothing(world: World):
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(SCRIPT))
    (container,) = world.containers()
    world.api.kill(container)
    until(lambda: not world.api.inspect_container(container)["State"]["Running"])
    (found,) = world.provider.usage()
    assert (found.state, found.cpu_seconds, found.memory_bytes) == ("not running", 0.0, 0)
    world.api.remove_container(container)
    (found,) = world.provider.usage()
    assert (found.state, found.cpu_seconds, found.memory_bytes) == ("not running", 0.0, 0)
