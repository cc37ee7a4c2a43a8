"""The configuration of an instance's container as a pure function, in the words of the engine's API."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.providers.docker.launch import Launch, Mount, routes_text
from reconciler.providers.docker.limits import Limits
from reconciler.providers.docker.names import DIGEST, INSTANCE, PROBES, ROUTES, SERVER, Names, made_by
from reconciler.providers.docker.probes import probes_text
from reconciler.providers.hosting.objects import version_of
from reconciler.providers.hosting.variables import stop_seconds

_HOME = "/tmp"  # noqa: S108 - the container's own
KIND = "instance"
OURS = "ours"
# Where instances listen on this machine: nobody else reaches them but through the gateway.
LOOPBACK = "127.0.0.1"
_MIB, _GIB = 1 << 20, 1 << 30
# A server's threads count too: enough for those of many cores, too few for a fork bomb to harm the machine.
PIDS = 4096
_LOG_SIZE, _LOG_FILES = "10m", "5"
# The user of instances where the operator is root, who must not be theirs.
_NOBODY_IN_PARTICULAR = "1000:1000"


def instance_user() -> str:
    """Who instances run as: the operator, unless that is root or the platform knows no user ids."""
    if not hasattr(os, "getuid") or os.getuid() == 0:
        return _NOBODY_IN_PARTICULAR
    return f"{os.getuid()}:{os.getgid()}"


@dataclass(frozen=True)
class Instance:
    """One instance that is about to be started.

    Args:
        deployment: whose it is.
        name: its own.
        operation: on whose behalf.
        ports: of this machine, by port of the container.
        network: that it joins.
        user: `UID:GID` that it runs as.
    """

    deployment: Address
    name: str
    operation: Operation
    ports: Mapping[int, int]
    network: str
    user: str = field(default_factory=instance_user)


def configuration(names: Names, launch: Launch, instance: Instance) -> dict[str, Any]:
    """The body of the engine's call that makes the container of an instance on trial."""
    return {
        "Image": launch.image.reference,
        **_process(launch),
        "User": instance.user,
        "Env": [f"{name}={value}" for name, value in sorted(launch.variables.items())],
        "Labels": labels(names, launch, instance),
        "ExposedPorts": {f"{port}/tcp": {} for port in instance.ports},
        "StopSignal": "SIGTERM",
        "StopTimeout": stop_seconds(launch.spec),
        "HostConfig": {
            **confinement(launch.limits, instance.user),
            **share(launch.limits),
            # What ends while it is on trial is not started again: its end is the answer.
            "RestartPolicy": {"Name": "no"},
            "NetworkMode": instance.network,
            "PortBindings": {
                f"{port}/tcp": [{"HostIp": LOOPBACK, "HostPort": str(published)}]
                for port, published in instance.ports.items()
            },
            "Mounts": [_mount(each) for each in launch.mounts],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": _LOG_SIZE, "max-file": _LOG_FILES}},
        },
    }


def labels(names: Names, launch: Launch, instance: Instance) -> dict[str, str]:
    """By which an instance, its deployment and where it answers are known without any file."""
    return {
        **names.labels(KIND, **made_by(instance.deployment, instance.operation)),
        DIGEST: version_of(launch.spec),
        INSTANCE: instance.name,
        ROUTES: routes_text(launch.routes.published(instance.ports)),
        SERVER: OURS if launch.image.python else "image",
        PROBES: probes_text(launch.spec),
    }


def temporary_folders(limits: Limits, user: str) -> dict[str, str]:
    """The folders in memory that an instance may write to, with their mount options.

    Programs may be run from /tmp alone: compilers of models such as `torch.compile` load from there what they made.
    """
    uid, _, gid = user.partition(":")
    return {
        # By name the user's own: some engines give a folder the mode that it has in the image, whatever is said here.
        folder: f"rw,nosuid,nodev,mode=1777,uid={uid},gid={gid},{'exec' if folder == _HOME else 'noexec'},size={size}"
        for folder, size in temporary_sizes(limits).items()
    }


def temporary_sizes(limits: Limits) -> dict[str, int]:
    """The same folders with their sizes in bytes; what is in them counts as the instance's memory."""
    return {
        _HOME: min(_GIB, (limits.memory_bytes or 4 * _GIB) // 4),
        "/var/tmp": 64 * _MIB,  # noqa: S108 - the container's own
        "/run": 16 * _MIB,
    }


def _process(launch: Launch) -> dict[str, Any]:
    """What runs; without a command of ours all of it is as the image says."""
    if not launch.command:
        return {}
    # As the entry point: what images have there starts a server of their own.
    return {"Entrypoint": list(launch.command), "Cmd": [], "WorkingDir": launch.folder}


def confinement(limits: Limits, user: str) -> dict[str, Any]:
    """What keeps an instance from harming the machine, whatever its model's code does."""
    return {
        # Reaps what workers leave behind, and passes SIGTERM on to servers that expect no such thing as process 1.
        "Init": True,
        "ReadonlyRootfs": True,
        "Tmpfs": temporary_folders(limits, user),
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "PidsLimit": PIDS,
        "IpcMode": "private",
    }


def share(limits: Limits) -> dict[str, Any]:
    """How much of the machine an instance may take."""
    found = {
        "NanoCpus": None if limits.cpus is None else int(limits.cpus * 1e9),
        "Memory": limits.memory_bytes,
        # Memory and swap together: a model that swaps answers nobody in time.
        "MemorySwap": limits.memory_bytes,
        "MemoryReservation": limits.reserved_memory_bytes,
        "CpuShares": None if limits.reserved_cpus is None else max(2, int(limits.reserved_cpus * 1024)),
        "DeviceRequests": device_requests(limits),
    }
    return {name: value for name, value in found.items() if value}


def device_requests(limits: Limits) -> list[dict[str, Any]]:
    """How the engine is asked for GPUs; by number it gives the first ones, so those are named where it wants names."""
    if limits.cdi_gpus:
        return [{"Driver": "cdi", "DeviceIDs": list(limits.cdi_gpus)}]
    return [{"Driver": "nvidia", "Count": limits.gpus, "Capabilities": [["gpu"]]}] if limits.gpus else []


def _mount(mount: Mount) -> dict[str, Any]:
    return {
        "Type": "volume",
        "Source": mount.volume,
        "Target": str(mount.target),
        "ReadOnly": True,
        # The volume's content counts, whatever the image has in its place.
        "VolumeOptions": {"NoCopy": True},
    }
