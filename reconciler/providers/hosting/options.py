"""The keys of `mlops.yaml` that every target on this machine has, read once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass

_KNOWN = {
    "gateway": {"port", "envoy", "tls", "max_request_bytes", "max_request_seconds", "watch_seconds"},
    "tokens": {"issuer", "audience", "jwks_file", "jwks_uri"},
    "metrics": {"port"},
}
_TLS = {"cert_file", "key_file"}


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
        image: what the gateway's container is made of; empty where the target does not say, and where it has none.
        ready_seconds: how long an instance may take to readiness.
        tls: how the gateway shows who it is; None has it speak plain HTTP.
        max_request_bytes: larger requests are refused; 0 is no limit.
        max_request_seconds: requests that take longer to come to their end are refused.
        watch_seconds: how long traffic that moved is watched, to lead it back where an instance is lost.
        issuer: of the tokens for `aad_token`; None has such endpoints refused.
        metrics_port: of 127.0.0.1, where Prometheus may ask; None has nobody listen.
    """

    port: int | None = None
    envoy: Path | None = None
    ready_seconds: float = 600.0
    tls: Certificate | None = None
    max_request_bytes: int = 0
    max_request_seconds: float = 300.0
    watch_seconds: float = 2.0
    issuer: Issuer | None = None
    metrics_port: int | None = None
    image: str = ""


def read_common(
    provider: str, options: Mapping[str, Any], root: Path, own: Mapping[str, set[str] | None]
) -> tuple[Options, Mapping[str, Mapping[str, Any]]]:
    """Read what every target on this machine may choose, and return it with the sections of the provider's own.

    Args:
        provider: its name, which also names the section of `ready_seconds`.
        options: the target's keys.
        root: to which paths are relative.
        own: the provider's own keys, and those below each; None for one that is no section. Those of a section that
            every target has are added to it.

    Raises:
        ProviderError: an option is not known, or is not what it should be.
    """
    known = {**_KNOWN, **{name: below and below | _KNOWN.get(name, set()) for name, below in own.items()}}
    unknown = sorted(set(options) - known.keys())
    if unknown:
        raise ProviderError(
            f"target option {unknown[0]} is not known to a {provider} target; there are {', '.join(known)}"
        )
    sections = {name: _section(options, name, below) for name, below in known.items() if below is not None}
    gateway, tokens, metrics = (sections[name] for name in _KNOWN)
    ready = sections.get(provider, {}).get("ready_seconds", 600)
    common = Options(
        port=_port(gateway, "gateway"),
        envoy=root / str(gateway["envoy"]) if gateway.get("envoy") else None,
        ready_seconds=_seconds(ready, f"{provider}: ready_seconds"),
        tls=_certificate(gateway.get("tls"), root),
        max_request_bytes=_bytes(gateway.get("max_request_bytes", 0)),
        max_request_seconds=_seconds(gateway.get("max_request_seconds", 300), "gateway: max_request_seconds"),
        watch_seconds=_seconds(gateway.get("watch_seconds", 2), "gateway: watch_seconds", least=0.0),
        issuer=_issuer(tokens, root) if tokens else None,
        metrics_port=_port(metrics, "metrics"),
        image=_image(gateway),
    )
    return common, {name: sections[name] for name in own if name in sections}


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


def _image(gateway: Mapping[str, Any]) -> str:
    if "image" in gateway and "envoy" in gateway:
        raise ProviderError("target option gateway: give one of envoy, of this machine, and image, of the engine")
    image = gateway.get("image", "")
    if not isinstance(image, str):
        raise ProviderError(f"target option gateway: image: {image!r} is no image's name")
    return image


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


def _seconds(value: Any, name: str, least: float = 1e-3) -> float:
    if type(value) not in (int, float) or not least <= value < float("inf"):
        raise ProviderError(f"target option {name}: {value!r} is not a number of seconds")
    return float(value)


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
