"""The local target's own keys of `mlops.yaml`, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError

_KNOWN = {"gateway": {"port", "envoy"}, "local": {"python", "ready_seconds"}}


@dataclass(frozen=True)
class Options:
    """What a target may choose.

    Args:
        port: of the gateway; None has one chosen once and remembered.
        envoy: another Envoy than the one of the wheel.
        exact_python: whether to refuse a conda file whose Python is not on the machine.
        ready_seconds: how long an instance may take to readiness.
    """

    port: int | None = None
    envoy: Path | None = None
    exact_python: bool = False
    ready_seconds: float = 600.0


def read_options(options: Mapping[str, Any], root: Path) -> Options:
    """Read the options; paths are relative to `root`.

    Raises:
        ProviderError: an option is not known, or is not what it should be.
    """
    gateway, local = (_section(options, name) for name in _KNOWN)
    port, python, ready = gateway.get("port"), local.get("python", "nearest"), local.get("ready_seconds", 600)
    if port is not None and (type(port) is not int or not 0 < port < 65536):
        raise ProviderError(f"target option gateway: port: {port!r} is not a port; write a number from 1 to 65535")
    if python not in ("exact", "nearest"):
        raise ProviderError(f"target option local: python: {python!r} is neither exact nor nearest")
    if type(ready) not in (int, float) or ready <= 0:
        raise ProviderError(f"target option local: ready_seconds: {ready!r} is not a number of seconds")
    envoy = root / str(gateway["envoy"]) if gateway.get("envoy") else None
    return Options(port, envoy, exact_python=python == "exact", ready_seconds=float(ready))


def _section(options: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = options.get(name) or {}
    if not isinstance(section, Mapping):
        raise ProviderError(f"target option {name}: {section!r} is not a mapping")
    unknown = sorted(set(section) - _KNOWN[name])
    if unknown:
        known = ", ".join(sorted(_KNOWN[name]))
        raise ProviderError(f"target option {name}: {unknown[0]!r} is not known; there are {known}")
    return section
