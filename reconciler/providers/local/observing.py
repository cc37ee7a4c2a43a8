"""What the instances and the proxy of a local target take, and the files in which its logs are kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.routes import NAME
from reconciler.gateway.values import Place
from reconciler.providers.local.facts import place_in_force
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.reading import Reading
from reconciler.providers.provider import Connections, Usage

if TYPE_CHECKING:
    import psutil


@dataclass(frozen=True)
class Observing:
    """Looks at a target's processes and log files; it changes nothing."""

    layout: Layout
    reading: Reading

    def usage(self) -> Sequence[Usage]:
        """Every instance, with what it and the processes that it started take; nothing where it does not run."""
        instances = [
            (live.address, instance)
            for live in self.reading.list()
            if live.address.kind == "deployment"
            for instance in live.detail["instances"]
        ]
        trees = _trees({instance["pid"] for _, instance in instances if instance["pid"]})
        return [
            Usage(address, each["name"], each["state"], *_taken(trees.get(each["pid"], ())))
            for address, each in instances
        ]

    def connections(self) -> Connections | None:
        """The connections to the proxy; None where it does not answer."""
        prefix = f"http.{NAME}.downstream_cx_"
        try:
            found = Admin(place_in_force(self.layout).admin).stats(f"^{prefix}(active|total)$")
        except ProviderError:
            return None
        return Connections(int(found.get(f"{prefix}active", 0)), int(found.get(f"{prefix}total", 0)))

    def tables(self) -> Mapping[str, Sequence[Path]]:
        """The logs by the names of Azure's tables, the oldest file first."""
        containers = sorted(self.layout.folder.glob("logs/*/*/storage-initializer.jsonl"))
        return {
            "AmlOnlineEndpointTrafficLog": copies(self._place.access_log),
            "AmlOnlineEndpointConsoleLog": [
                *(copy for log in containers for copy in copies(log)),
                *copies(self.layout.console),
            ],
            "AmlOnlineEndpointEventLog": copies(self.layout.events),
        }

    @property
    def _place(self) -> Place:
        return Place(self.layout.gateway, self.layout.sockets)


def copies(log: Path) -> list[Path]:
    """A log and what its rotation has kept of it, the oldest first; only what is there."""
    prefix = f"{log.name}."
    numbers = (path.name.removeprefix(prefix) for path in log.parent.glob(f"{log.name}.*"))
    older = [
        log.with_name(f"{prefix}{number}") for number in sorted(filter(str.isdigit, numbers), key=int, reverse=True)
    ]
    return [*older, log] if log.exists() else older


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
