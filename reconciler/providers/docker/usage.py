"""What the containers of instances take of the machine, as the engine measures it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.providers.docker.engine import Engine
from reconciler.providers.provider import Usage

_AT_ONCE = 16
# Memory that the kernel gives back when it is needed, by the names of the first and the second version of cgroups.
_RECLAIMABLE = ("total_inactive_file", "inactive_file")


def usage_of(engine: Engine, container: Callable[[Address, str], str], lives: Iterable[Live]) -> Sequence[Usage]:
    """Every instance, with what it takes; nothing where it does not run.

    Args:
        container: the id of that of a deployment's instance; empty where there is none.

    Raises:
        ProviderError: the engine does not answer.
    """
    instances = [
        (live.address, each) for live in lives if live.address.kind == "deployment" for each in live.detail["instances"]
    ]
    if not instances:
        return ()

    def measured(instance: tuple[Address, Mapping[str, Any]]) -> Usage:
        address, each = instance
        return Usage(address, each["name"], each["state"], *taken(_stats(engine, container(address, each["name"]))))

    with ThreadPoolExecutor(min(_AT_ONCE, len(instances))) as pool:
        return list(pool.map(measured, instances))


def taken(stats: Mapping[str, Any]) -> tuple[float, int]:
    """Seconds of CPU and bytes of memory, by the engine's numbers; none of one that does not run."""
    cpu, memory = stats.get("cpu_stats") or {}, stats.get("memory_stats") or {}
    nanoseconds = int((cpu.get("cpu_usage") or {}).get("total_usage", 0))
    details: Mapping[str, int] = memory.get("stats") or {}
    reclaimable = next((details[name] for name in _RECLAIMABLE if name in details), 0)
    return nanoseconds / 1e9, max(0, int(memory.get("usage", 0)) - reclaimable)


def _stats(engine: Engine, container: str) -> Mapping[str, Any]:
    """The engine's numbers; none where there is no such container any more."""
    from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

    if not container:
        return {}
    with engine.doing(f"container {container} cannot be measured"):
        try:
            found: Mapping[str, Any] = engine.api.stats(container, stream=False, one_shot=True)
        except NotFound:
            return {}
    return found
