"""What a gateway serves, as frozen values: endpoints, their deployments, and the backends that run them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Backend:
    """One instance: its name and where it listens, the absolute path of a unix socket or `IP:PORT`."""

    name: str
    address: str


@dataclass(frozen=True)
class Deployment:
    """A deployment behind an endpoint. `max_concurrent` is what one backend may run at a time."""

    name: str
    backends: tuple[Backend, ...] = ()
    timeout_ms: int = 5000
    max_concurrent: int = 1
    health_path: str = "/"
    scoring_path: str = "/score"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint: any of `keys` opens it (none means no authentication), `traffic` is percent by deployment.

    Raises:
        ValueError: the traffic names a deployment that is not there, or is not made of percents up to 100 in all.
    """

    name: str
    keys: tuple[str, ...] = field(default=(), repr=False)
    traffic: Mapping[str, int] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()

    def __post_init__(self) -> None:
        unknown = self.traffic.keys() - {each.name for each in self.deployments}
        if unknown:
            raise ValueError(f"endpoint {self.name}: traffic for unknown deployments: {', '.join(sorted(unknown))}")
        if min(self.traffic.values(), default=0) < 0 or sum(self.traffic.values()) > 100:
            raise ValueError(f"endpoint {self.name}: traffic is not made of percents: {dict(self.traffic)}")


@dataclass(frozen=True)
class Gateway:
    """Everything that one proxy serves, and the IP address and port on which it does."""

    host: str
    port: int
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where the proxy's files are, and a folder of a short path for its socket, which may have 104 bytes."""

    folder: Path
    sockets: Path

    @property
    def bootstrap(self) -> Path:
        """The file that the proxy is started with."""
        return self.folder / "bootstrap.json"

    @property
    def listeners(self) -> Path:
        """The file of where the proxy listens."""
        return self.folder / "listeners.json"

    @property
    def routes(self) -> Path:
        """The file of which request goes where; it holds the keys."""
        return self.folder / "routes.json"

    @property
    def clusters(self) -> Path:
        """The file of the deployments' backends."""
        return self.folder / "clusters.json"

    @property
    def access_log(self) -> Path:
        """The file to which the proxy appends one JSON line a request."""
        return self.folder / "access.log"

    @property
    def admin(self) -> Path:
        """The unix socket of the proxy's administration."""
        return self.sockets / "admin.sock"


def cluster_name(endpoint: str, deployment: str) -> str:
    """Return the name by which the proxy knows a deployment's set of backends."""
    return f"{endpoint}/{deployment}"
