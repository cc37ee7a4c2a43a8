"""Endpoint credit of a local target as strangers meet it, and what can be seen of its processes meanwhile."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from local_world import ENDPOINT, World
from opening import credential, gateway_pid

from reconciler.gateway.admin import Admin
from reconciler.providers.hosting.facts import place_in_force
from tests.bad_requests import LIMIT, SCORE, Bad
from tests.raw_http import Told, ask, request

BLUE = "deployment/credit/blue"
# Gives back what it gets, or so many letters.
SCRIPT = """import json


def init(): pass


def run(raw_data):
    found = json.loads(raw_data)
    return "x" * found["letters"] if isinstance(found, dict) and "letters" in found else found
"""
ROOMY = {"request_timeout_ms": 4000, "max_concurrent_requests_per_instance": 20, "max_queue_wait_ms": 500}
_GAUGES = ("http.gateway.downstream_cx_active", "cluster.credit/blue.upstream_rq_active")


@dataclass(frozen=True)
class Target:
    """A target that serves, with its key at hand."""

    world: World

    @cached_property
    def server(self) -> tuple[str, int]:
        """Where the gateway listens."""
        uri = urlsplit(self.world.live("endpoint/credit").detail["scoring_uri"])
        return str(uri.hostname), int(uri.port or 0)

    @cached_property
    def instance(self) -> str:
        """The socket of the one instance."""
        (found,) = self.world.live(BLUE).detail["instances"]
        return str(self.world.layout.socket(found["name"]))

    @cached_property
    def key(self) -> str:
        return credential(self.world)

    def good(self, body: bytes = b"[1]") -> bytes:
        return request(path=SCORE, lines=[f"authorization: Bearer {self.key}"], body=body)

    def serves(self) -> bool:
        told = ask(self.server, self.good())
        return (told.status, told.body) == (200, b"[1]")

    def told(self, bad: Bad) -> Told:
        return ask(self.server, bad.with_key(self.key))

    def scored(self) -> int:
        """How many requests the instance was given to score."""
        told = ask(self.instance, request(method="GET", path="/-/metrics", body=b"", length=False))
        lines = [line for line in told.body.decode().splitlines() if line.startswith("mlops_scoring_requests_total")]
        return sum(int(line.split()[-1]) for line in lines)

    def under_way(self) -> dict[str, Any]:
        """The connections of clients to the gateway, and its requests to the instance."""
        admin = Admin(place_in_force(self.world.layout).admin, timeout_s=20)
        return {name: admin.stats(f"^{name}$").get(name, 0) for name in _GAUGES}

    def is_quiet(self) -> bool:
        return not any(self.under_way().values())

    @cached_property
    def processes(self) -> tuple[psutil.Process, ...]:
        """The proxy and the instance."""
        return tuple(psutil.Process(pid) for pid in (gateway_pid(self.world), *self.world.pids(BLUE)))

    def holds(self) -> list[int]:
        """How much each of the processes has open, and runs."""
        return [count for each in self.processes for count in (each.num_fds(), each.num_threads())]

    def holds_no_more_than(self, before: list[int]) -> bool:
        return all(now <= then for now, then in zip(self.holds(), before, strict=True))

    def memory_mb(self) -> list[float]:
        return [process.memory_info().rss / 1e6 for process in self.processes]

    def logged(self) -> dict[str, bytes]:
        """All that was written of requests, by file."""
        folder = self.world.layout.folder
        return {str(path): path.read_bytes() for path in folder.rglob("*.log*") if path.is_file()}


def serving(world: World) -> Target:
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", BLUE, world.deployment(SCRIPT, request_settings=ROOMY))
    world.route(blue=100)
    return Target(world)


def new_world(folder: Path, environments: Path, **gateway: Any) -> World:
    return World(folder, environments, gateway={"max_request_bytes": LIMIT, **gateway})


def letters(count: int) -> bytes:
    """What makes the model answer with so many letters."""
    return json.dumps({"letters": count}).encode()
