"""What a gateway serves, as frozen values: endpoints, their deployments, and the backends that run them."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from reconciler.frozen import dataclass

# Below it every endpoint answers.
PREFIX = "/api/v1/endpoint/"


@dataclass(frozen=True)
class Backend:
    """One instance.

    Args:
        address: where it listens, the absolute path of a unix socket or `IP:PORT`.
        health_port: where it is asked whether it is ready, if that is another port of the same IP.

    Raises:
        ValueError: a unix socket has no other port.
    """

    name: str
    address: str
    health_port: int | None = None

    def __post_init__(self) -> None:
        if self.health_port is not None and self.address.startswith("/"):
            raise ValueError(f"backend {self.name}: {self.address} has no port {self.health_port}")


@dataclass(frozen=True)
class Probe:
    """How a backend is asked whether it may be sent requests, as a deployment's readiness probe says."""

    path: str = "/"
    period_s: float = 10.0
    timeout_s: float = 2.0
    success_threshold: int = 1
    failure_threshold: int = 30


@dataclass(frozen=True)
class Deployment:
    """A deployment behind an endpoint.

    Args:
        max_concurrent: what one backend may run at a time.
        queues: whether a backend itself holds back what exceeds that, and answers 429 to what exceeds twice of it.
        scoring_path: the path below which the backend scores; `/score` of the endpoint leads there.
        own_paths: whether every other path of the endpoint leads to the backend's path of that name, as where it runs
            a server of its maker's own.
    """

    name: str
    backends: tuple[Backend, ...] = ()
    timeout_ms: int = 5000
    max_concurrent: int = 1
    queues: bool = False
    readiness: Probe = field(default_factory=Probe)
    scoring_path: str = "/score"
    own_paths: bool = False


@dataclass(frozen=True)
class Tokens:
    """Whose signed tokens open an endpoint: RS256 or ES256, with this issuer and audience and not expired.

    Args:
        keys: the issuer's public keys as the text of a JWKS; empty where they are fetched from `uri`.
        uri: where the issuer publishes its JWKS, http or https.
    """

    issuer: str
    audience: str
    keys: str = ""
    uri: str = ""


@dataclass(frozen=True)
class Tls:
    """The certificate chain and the private key that the gateway shows, PEM files that may be replaced by a rename."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, opened by any of `keys`, or by a token of `tokens`; by everybody where it has neither.

    Args:
        traffic: percent of the requests by deployment.
        mirror: percent of the requests of which a deployment gets a copy, whose answer is thrown away.
        kubernetes: whether failures have the codes of Kubernetes endpoints, 502, 503 and 504.

    Raises:
        ValueError: the traffic names a deployment that is not there, or is not made of percents up to 100 in all.
    """

    name: str
    keys: tuple[str, ...] = field(default=(), repr=False)
    traffic: Mapping[str, int] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()
    tokens: Tokens | None = None
    mirror: Mapping[str, int] = field(default_factory=dict)
    kubernetes: bool = False

    def __post_init__(self) -> None:
        unknown = (self.traffic.keys() | self.mirror.keys()) - {each.name for each in self.deployments}
        if unknown:
            raise ValueError(f"endpoint {self.name}: traffic for unknown deployments: {', '.join(sorted(unknown))}")
        if min(self.traffic.values(), default=0) < 0 or sum(self.traffic.values()) > 100:
            raise ValueError(f"endpoint {self.name}: traffic is not made of percents: {dict(self.traffic)}")
        if not all(0 <= share <= 100 for share in self.mirror.values()):
            raise ValueError(f"endpoint {self.name}: mirror traffic is not made of percents: {dict(self.mirror)}")


@dataclass(frozen=True)
class Gateway:
    """Everything that one proxy serves, and the IP address and port on which it does.

    Args:
        tls: without it the gateway speaks plain HTTP.
        max_body_bytes: larger requests are refused; 0 is no limit.
        max_request_s: requests that take longer to come to their end are refused.
        ca_file: the authorities that are trusted when keys are fetched by https; `files.system_ca_file` finds them.
    """

    host: str
    port: int
    endpoints: tuple[Endpoint, ...] = ()
    tls: Tls | None = None
    max_body_bytes: int = 0
    max_request_s: float = 300.0
    ca_file: Path = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Place:
    """Where the proxy's files are, and a folder of a short path for its socket, which may have 104 bytes.

    Args:
        process: tells several processes of one proxy apart, of which one takes over from another: each has a bootstrap
            file and an admin socket of its own, all other files are common to them.
    """

    folder: Path
    sockets: Path
    process: int = 0

    @property
    def bootstrap(self) -> Path:
        """The file that the process is started with."""
        return self.folder / f"bootstrap{self._suffix}.json"

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
    def tokens(self) -> Path:
        """The file of whose tokens open which endpoint."""
        return self.folder / "tokens.json"

    @property
    def certificates(self) -> Path:
        """The file that names the certificate and its key."""
        return self.folder / "certificates.json"

    @property
    def access_log(self) -> Path:
        """The file to which the proxy appends one JSON line a request."""
        return self.folder / "access.log"

    @property
    def admin(self) -> Path:
        """The unix socket of the process's administration."""
        return self.sockets / f"admin{self._suffix}.sock"

    @property
    def _suffix(self) -> str:
        return f"-{self.process}" if self.process else ""


def cluster_name(endpoint: str, deployment: str) -> str:
    """Return the name by which the proxy knows a deployment's set of backends."""
    return f"{endpoint}/{deployment}"


def shadow_name(endpoint: str, deployment: str) -> str:
    """Return the name by which the proxy knows a deployment's set of backends where they get copies of requests."""
    return f"{endpoint}/{deployment}/shadow"
