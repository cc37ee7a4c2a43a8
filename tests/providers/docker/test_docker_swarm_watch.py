"""Traffic that moved is watched where instances are a swarm's tasks, which it replaces by itself."""

import pytest
from docker_world import ENDPOINT, Load, answering

from reconciler.errors import ProviderError

CRASHING = """
import os
def init(): pass
def run(raw_data):
    print("out of memory", flush=True)
    os._exit(7)
"""


def test_f15_a_task_that_crashes_under_its_first_traffic_fails_the_step_and_the_traffic_goes_back(swarm):
    swarm.switch(mode="swarm", gateway={"watch_seconds": 60})
    swarm.do("create", "endpoint/credit", ENDPOINT)
    for name, script in (("blue", answering("blue")), ("green", CRASHING)):
        swarm.do("create", f"deployment/credit/{name}", swarm.deployment(script))
    swarm.route(blue=100)
    before = swarm.live("endpoint/credit").spec
    with Load(swarm, kept=1, fresh=0) as load, pytest.raises(ProviderError, match="green did not hold out"):
        swarm.route(blue=50, green=50)
    assert load.lost
    assert swarm.live("endpoint/credit").spec == before
