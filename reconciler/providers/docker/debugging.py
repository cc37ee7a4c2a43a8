"""A container in which a deployment is debugged: as an instance's, but with the files of this machine in it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reconciler.core.address import Address
from reconciler.providers.docker.containers import LOOPBACK, confinement, instance_user, share
from reconciler.providers.docker.contents import Content
from reconciler.providers.docker.launch import Launch
from reconciler.providers.docker.names import ADDRESS, Names
from reconciler.providers.docker.surroundings import RUNTIME

KIND = "debugged"
DEBUGPY = PurePosixPath("/var/mlops/debugpy")
_MODEL = "AZUREML_MODEL_DIR"


@dataclass(frozen=True)
class Places:
    """Content where it lies on this machine, in the place of volumes: an edit of it is one of what runs."""

    def lay(self, wanted: Sequence[Content]) -> list[str]:
        """The paths of contents."""
        return [str(each.source()) for each in wanted]

    def sweep(self) -> None:
        """Nothing was made."""


@dataclass(frozen=True)
class Debugged:
    """What is debugged in a container.

    Args:
        address: of the deployment.
        ports: of this machine's loopback and of the container alike.
        debugpy: the folder of the package.
        variables: besides those of the launch, which they win over.
        network: that it joins, on which no other container reaches it.
    """

    address: Address
    ports: Sequence[int]
    debugpy: Path
    variables: Mapping[str, str]
    network: str


def configuration(names: Names, launch: Launch, debugged: Debugged, argv: Sequence[str]) -> dict[str, Any]:
    """The body of the engine's call that makes the container: it is removed when it ends, or nobody holds its input."""
    user = own_user()
    return {
        "Image": launch.image.reference,
        "Entrypoint": list(argv),
        "Cmd": [],
        "WorkingDir": launch.folder,
        "User": user,
        "Env": [f"{name}={value}" for name, value in sorted({**launch.variables, **debugged.variables}.items())],
        "Labels": names.labels(KIND, **{ADDRESS: str(debugged.address)}),
        **dict.fromkeys(("OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr"), True),
        "ExposedPorts": {f"{port}/tcp": {} for port in debugged.ports},
        "HostConfig": {
            **confinement(launch.limits, user),
            **share(launch.limits),
            "AutoRemove": True,
            "NetworkMode": debugged.network,
            "PortBindings": {f"{port}/tcp": [{"HostIp": LOOPBACK, "HostPort": str(port)}] for port in debugged.ports},
            "Mounts": [_bound(source, target) for source, target in _mounts(launch, debugged)],
        },
    }


def own_user() -> str:
    """The user of this machine's files, root too: it has no capability to read those of others."""
    return f"{os.getuid()}:{os.getgid()}" if hasattr(os, "getuid") else instance_user()


def code_of(launch: Launch, name: str) -> PurePosixPath:
    """Where what runs is in the container: the code, or the content of a model that is served without any."""
    code = launch.variables.get("MLOPS_CODE_FOLDER")
    return PurePosixPath(code) if code else PurePosixPath(launch.variables.get(_MODEL, str(RUNTIME))) / name


def _mounts(launch: Launch, debugged: Debugged) -> Iterator[tuple[str, PurePosixPath]]:
    yield str(debugged.debugpy), DEBUGPY
    model = launch.spec.get("model") or {}
    for mount in launch.mounts:
        is_model = str(mount.target) == launch.variables.get(_MODEL)
        yield mount.volume, mount.target / model["path"]["name"] if is_model else mount.target


def _bound(source: str, target: PurePosixPath) -> dict[str, Any]:
    return {"Type": "bind", "Source": source, "Target": str(target), "ReadOnly": True}
