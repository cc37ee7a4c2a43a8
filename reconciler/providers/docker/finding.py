"""Which Docker engine is meant: what the target says, else what the docker command would take."""

import hashlib
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reconciler.errors import ProviderError

_WINDOWS_PIPE = "npipe:////./pipe/docker_engine"
_LINUX_SOCKET = "unix:///var/run/docker.sock"
_SCHEMES = ("unix", "npipe", "tcp", "http", "https", "ssh")


@dataclass(frozen=True)
class Tls:
    """How an engine shows who it is, and we to it.

    Args:
        folder: of ca.pem, cert.pem and key.pem; those that are not there are done without.
        verify: whether the engine's certificate must be signed, by ca.pem or else by one that the system trusts.
    """

    folder: Path
    verify: bool

    @property
    def ca(self) -> Path | None:
        """What the engine's certificate must be signed by."""
        return self._file("ca.pem")

    @property
    def client(self) -> tuple[str, str] | None:
        """Our certificate and its key."""
        certificate, key = self._file("cert.pem"), self._file("key.pem")
        return (str(certificate), str(key)) if certificate and key else None

    def _file(self, name: str) -> Path | None:
        return self.folder / name if (self.folder / name).is_file() else None


@dataclass(frozen=True)
class Endpoint:
    """Where an engine is.

    Args:
        address: such as `unix:///var/run/docker.sock`.
        told_by: what says so, for messages.
        tls: None for a connection in the clear.
    """

    address: str
    told_by: str
    tls: Tls | None = None


def find(host: str, environment: Mapping[str, str], home: Path, *, windows: bool = False) -> Endpoint:
    """Return which engine is meant, in the order of the docker command.

    Args:
        host: what the target says; empty for nothing.
        environment: of the operator.
        home: of the operator, where the docker command keeps its settings unless DOCKER_CONFIG says otherwise.

    Raises:
        ProviderError: what says so cannot be read, or means an engine of another machine.
    """
    folder = Path(environment.get("DOCKER_CONFIG") or home / ".docker")
    if host:
        endpoint = Endpoint(host, "docker: host of the target", _tls(environment, folder))
    elif environment.get("DOCKER_HOST"):
        endpoint = Endpoint(environment["DOCKER_HOST"], "DOCKER_HOST", _tls(environment, folder))
    else:
        context = environment.get("DOCKER_CONTEXT") or _read(folder / "config.json").get("currentContext")
        default = Endpoint(_WINDOWS_PIPE if windows else _LINUX_SOCKET, "the default")
        endpoint = default if context in (None, "", "default") else _of_context(str(context), folder / "contexts")
    return _on_this_machine(endpoint)


def _tls(environment: Mapping[str, str], folder: Path) -> Tls | None:
    verify, where = bool(environment.get("DOCKER_TLS_VERIFY")), environment.get("DOCKER_CERT_PATH")
    return Tls(Path(where or folder), verify) if verify or where or environment.get("DOCKER_TLS") else None


def _of_context(name: str, folder: Path) -> Endpoint:
    """The engine of a context, from where `docker context create` writes it."""
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = _read(folder / "meta" / key / "meta.json")
    if not meta:
        raise ProviderError(
            f"the docker command's context {name!r} is not there; see docker context ls, and choose one with "
            "docker context use, DOCKER_CONTEXT or DOCKER_HOST"
        )
    endpoint = meta.get("Endpoints", {}).get("docker", {})
    certificates = folder / "tls" / key / "docker"
    tls = Tls(certificates, verify=not endpoint.get("SkipTLSVerify")) if certificates.is_dir() else None
    return Endpoint(str(endpoint.get("Host") or _LINUX_SOCKET), f"the docker command's context {name!r}", tls)


def _read(file: Path) -> Mapping[str, Any]:
    """What a file of the docker command says; nothing where there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ProviderError(f"{file} of the docker command cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ProviderError(f"{file} of the docker command is no JSON object")
    return content


def _on_this_machine(endpoint: Endpoint) -> Endpoint:
    """Refuse what is no address, or one of another machine: instances listen on this machine's loopback alone."""
    scheme, _, rest = endpoint.address.partition("://")
    if scheme not in _SCHEMES or not rest:
        raise ProviderError(
            f"{endpoint.address!r} ({endpoint.told_by}) is no address of a Docker engine; "
            "write unix:///PATH or tcp://127.0.0.1:PORT"
        )
    if scheme in ("unix", "npipe"):
        return Endpoint(endpoint.address, endpoint.told_by)
    if scheme == "ssh" or not _is_loopback(urlsplit(endpoint.address).hostname or ""):
        raise ProviderError(
            f"the Docker engine at {endpoint.address} ({endpoint.told_by}) is on another machine; a docker target "
            "reaches its instances on 127.0.0.1, so run mlops on the engine's machine"
        )
    return endpoint


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
