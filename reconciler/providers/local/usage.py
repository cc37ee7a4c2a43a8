"""What the processes of instances take of the machine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.core.state import Live
from reconciler.providers.provider import Usage

if TYPE_CHECKING:
    import psutil


def usage_of(lives: Iterable[Live]) -> Sequence[Usage]:
    """Every instance, with what it and all that it started take; nothing where it does not run."""
    instances = [
        (live.address, instance)
        for live in lives
        if live.address.kind == "deployment"
        for instance in live.detail["instances"]
    ]
    trees = _trees({instance["pid"] for _, instance in instances if instance["pid"]})
    return [
        Usage(address, each["name"], each["state"], *_taken(trees.get(each["pid"], ()))) for address, each in instances
    ]


def _trees(roots: Iterable[int]) -> dict[int, list["psutil.Process"]]:
    """Processes with all that they started, by pid, in one pass over the machine."""
    import psutil  # noqa: PLC0415 - only metrics need it

    known = {process.pid: process for process in psutil.process_iter(["ppid"])}
    children: dict[int, list[int]] = {}
    for pid, process in known.items():
        children.setdefault(process.info["ppid"], []).append(pid)
    return {root: [known[pid] for pid in _descent(root, children)] for root in roots if root in known}


def _descent(root: int, children: Mapping[int, Sequence[int]]) -> Iterator[int]:
    yield root
    for child in children.get(root, ()):
        yield from _descent(child, children)


def _taken(processes: Iterable["psutil.Process"]) -> tuple[float, int]:
    """Seconds of CPU, those of ended children included, and bytes of resident memory; of those still there."""
    import psutil  # noqa: PLC0415 - only metrics need it

    cpu_seconds, memory_bytes = 0.0, 0
    for process in processes:
        try:
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
        except psutil.NoSuchProcess:
            continue
        cpu_seconds += times.user + times.system + times.children_user + times.children_system
        memory_bytes += memory.rss
    return cpu_seconds, memory_bytes
