"""The local target's own keys of `mlops.yaml`, read once."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting.options import Options, read_common

_OWN: Mapping[str, set[str] | None] = {"local": {"python", "ready_seconds"}, "server": None}
_SERVERS = ("mlops", "azureml")


@dataclass(frozen=True)
class LocalOptions:
    """What a local target may choose.

    Args:
        common: what every target on this machine may choose.
        exact_python: whether to refuse a conda file whose Python is not on the machine.
        server: what runs the scoring script: `mlops` is our own, `azureml` is azureml-inference-server-http of the
            deployment's environment.
    """

    common: Options = field(default_factory=Options)
    exact_python: bool = False
    server: str = "mlops"


def read_options(options: Mapping[str, Any], root: Path) -> LocalOptions:
    """Read the options; paths are relative to `root`.

    Raises:
        ProviderError: an option is not known, or is not what it should be.
    """
    common, own = read_common("local", options, root, _OWN)
    python, server = own["local"].get("python", "nearest"), options.get("server", "mlops")
    if python not in ("exact", "nearest"):
        raise ProviderError(f"target option local: python: {python!r} is neither exact nor nearest")
    if server not in _SERVERS:
        raise ProviderError(f"target option server: {server!r} is neither mlops nor azureml")
    return LocalOptions(common, python == "exact", str(server))
