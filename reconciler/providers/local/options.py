"""The local target's own keys of `mlops.yaml`, read once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError

_KNOWN = {
    "gateway": {"port", "envoy", "tls", "max_request_bytes"},
    "local": {"python", "ready_seconds"},
    "tokens": {"issuer", "audience", "jwks_file", "jwks_uri"},
    "metrics": {"port"},
}
_TLS = {"cert_file", "key_file"}
_SERVERS = ("mlops", "azureml")


@dataclass(frozen=True)
class Certificate:
    """The files of the user's own certificate; without them the target makes a self-signed one."""

    cert_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True)
class Issuer:
    """Who signs the tokens of endpoints with `auth_mode: aad_token`, and where its public keys are: one of the two."""

    issuer: str
    audience: str
    jwks_file: Path | None = None
    jwks_uri: str = ""


@dataclass(frozen=True)
class Options:
    """What a target may choose.

    Args:
        port: of the gateway; None has one chosen once and remembered.
        envoy: another Envoy than the one of the wheel.
        exact_python: whether to refuse a conda file whose Python is not on the machine.
        ready_seconds: how long an instance may take to readiness.
        tls: how the gateway shows who it is; None has it speak plain HTTP.
        max_request_bytes: larger requests are refused; 0 is no limit.
        server: what runs the scoring script: `mlops` is our own, `azureml` is azureml-inference-server-http of the
            deployment's environment.
        issuer: of the tokens for `aad_token`; None has such endpoints refused.
        metrics_port: of 127.0.0.1, where Prometheus may ask; None has nobody listen.
    """

    port: int | None = None
    envoy: Path | None = None
    exact_python: bool = False
    ready_seconds: float = 600.0
    tls: Certificate | None = None
    max_request_bytes: int = 0
    server: str = "mlops"
    issuer: Issuer | None = None
    metrics_port: int | None = None


def read_options(options: Mapping[str, Any], root: Path) -> Options:
    """Read the options; paths are relative to `root`.

    Raises:
        ProviderError: an option is not known, or is not what it should be.
    """
    unknown = sorted(set(options) - _KNOWN.keys() - {"server"})
    if unknown:
        known = ", ".join([*_KNOWN, "server"])
        raise ProviderError(f"target option {unknown[0]} is not known to a local target; there are {known}")
    gateway, local, tokens, metrics = (_section(options, name, known) for name, known in _KNOWN.items())
    python, ready = local.get("python", "nearest"), local.get("ready_seconds", 600)
    if python not in ("exact", "nearest"):
        raise ProviderError(f"target option local: python: {python!r} is neither exact nor nearest")
    if type(ready) not in (int, float) or ready <= 0:
        raise ProviderError(f"target option local: ready_seconds: {ready!r} is not a number of seconds")
    return Options(
        port=_port(gateway, "gateway"),
        envoy=root / str(gateway["envoy"]) if gateway.get("envoy") else None,
        exact_python=python == "exact",
        ready_seconds=float(ready),
        tls=_certificate(gateway.get("tls"), root),
        max_request_bytes=_bytes(gateway.get("max_request_bytes", 0)),
        server=_server(options.get("server", "mlops")),
        issuer=_issuer(tokens, root) if tokens else None,
        metrics_port=_port(metrics, "metrics"),
    )


def _section(options: Mapping[str, Any], name: str, known: set[str]) -> Mapping[str, Any]:
    section = options.get(name) or {}
    if not isinstance(section, Mapping):
        raise ProviderError(f"target option {name}: {section!r} is not a mapping")
    unknown = sorted(set(section) - known)
    if unknown:
        raise ProviderError(f"target option {name}: {unknown[0]!r} is not known; there are {', '.join(sorted(known))}")
    return section


def _port(section: Mapping[str, Any], name: str) -> int | None:
    port = section.get("port")
    if port is not None and (type(port) is not int or not 0 < port < 65536):
        raise ProviderError(f"target option {name}: port: {port!r} is not a port; write a number from 1 to 65535")
    return port


def _certificate(value: Any, root: Path) -> Certificate | None:
    if value is None or value is False:
        return None
    if value is True:
        return Certificate()
    section = _section({"gateway: tls": value}, "gateway: tls", _TLS)
    missing = sorted(_TLS - section.keys())
    if missing:
        raise ProviderError(
            f"target option gateway: tls: {missing[0]} is missing; write `tls: {{cert_file: PATH, key_file: PATH}}`, "
            "or `tls: true` for a self-signed certificate"
        )
    return Certificate(root / str(section["cert_file"]), root / str(section["key_file"]))


def _bytes(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ProviderError(f"target option gateway: max_request_bytes: {value!r} is not a number of bytes")
    return value


def _server(value: Any) -> str:
    if value not in _SERVERS:
        raise ProviderError(f"target option server: {value!r} is neither mlops nor azureml")
    return str(value)


def _issuer(tokens: Mapping[str, Any], root: Path) -> Issuer:
    problem = next(_problems_of_issuer(tokens), "")
    if problem:
        raise ProviderError(f"target option tokens: {problem}")
    file = root / str(tokens["jwks_file"]) if tokens.get("jwks_file") else None
    return Issuer(str(tokens["issuer"]), str(tokens["audience"]), file, str(tokens.get("jwks_uri", "")))


def _problems_of_issuer(tokens: Mapping[str, Any]) -> Iterator[str]:
    for name in ("issuer", "audience"):
        if not tokens.get(name):
            yield f"{name} is missing"
    if bool(tokens.get("jwks_file")) == bool(tokens.get("jwks_uri")):
        yield "give one of jwks_file and jwks_uri, where the issuer's public keys are"
    uri = str(tokens.get("jwks_uri") or "https://")
    if not uri.startswith(("http://", "https://")):
        yield f"jwks_uri: {uri!r} is no http or https address"
