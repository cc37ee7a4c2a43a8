"""The gateway of a docker target as tests look at it: its container, and a world whose gateway is one."""

import os
from pathlib import Path
from typing import Any

from docker_world import ENDPOINT, World, answering

from reconciler.gateway.values import Place
from reconciler.providers.hosting.facts import place_in_force


def serve(world: World) -> None:
    """Endpoint credit, whose traffic goes to deployment blue, one instance with room for all clients of a test."""
    patient = {"request_timeout_ms": 30_000, "max_concurrent_requests_per_instance": 8, "max_queue_wait_ms": 30_000}
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", "deployment/credit/blue", world.deployment(answering("blue"), request_settings=patient))
    world.route(blue=100)


def gateways(world: World) -> dict[str, dict[str, Any]]:
    """What the engine says of the gateway's containers, by their names."""
    label = [f"mlops.project={world.project}", "mlops.kind=gateway"]
    found = [world.api.inspect_container(each) for each in world.api.containers(all=True, filters={"label": label})]
    return {each["Name"].removeprefix(f"/mlops-{world.project}-"): each for each in found}


def gateway(world: World) -> dict[str, Any]:
    """What the engine says of the gateway's one container."""
    (found,) = gateways(world).values()
    return found


def place(world: World) -> Place:
    """Where the process that serves has its files."""
    return place_in_force(world.layout)


def status(pid: int) -> dict[str, str]:
    """What the system says of a process, by name."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def is_there(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
