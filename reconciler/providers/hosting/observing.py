"""The connections to a target's proxy, and the files in which its logs are kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.admin import Admin
from reconciler.gateway.routes import NAME
from reconciler.gateway.values import Place
from reconciler.providers.hosting.facts import place_in_force
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.provider import Connections


@dataclass(frozen=True)
class Observing:
    """Looks at a target's proxy and log files; it changes nothing."""

    layout: Layout

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
            "AmlOnlineEndpointEventLog": [*copies(self.layout.events), *copies(self.layout.warden_events)],
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
