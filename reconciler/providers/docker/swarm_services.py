"""The service of a deployment as a pure function, in the words of the API of Docker Swarm."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.providers.docker.containers import OURS, PIDS, instance_user, temporary_sizes
from reconciler.providers.docker.launch import Launch, Route, routes_text
from reconciler.providers.docker.limits import Limits
from reconciler.providers.docker.names import ADDRESS, DIGEST, ROUTES, SERVER, Names, made_by
from reconciler.providers.hosting.objects import version_of
from reconciler.providers.hosting.variables import stop_seconds
from reconciler.providers.hosting.waves import wave_size

KIND, TASK = "service", "task"
# Of a task: what all of its settings are, so that those of one update are told from those of another.
TEMPLATE = "mlops.template"
# Of a service: the node that its gateway runs on, whose tasks are reached on its loopback.
NODE = "mlops.node"
# Where our scoring server finds the variables of the user's.
VARIABLES_FILE = "/run/secrets/mlops-variables.json"
# An instance that is told to stop goes on serving until nothing has come for so long. Whoever feeds the gateway looks
# at the tasks several times meanwhile.
DRAIN_GRACE_S = 3.0
_SECOND = 10**9
_LONGEST_LOOK_S = 5.0
# How long a new instance must not die for its update to be a good one.
_MONITOR_S = 5
_LONGEST_NAME = 63
# What a swarm has of what keeps an instance from harming its machine.
_CONFINEMENT: Mapping[str, Any] = {
    "Init": True,
    "ReadOnly": True,
    "CapabilityDrop": ["ALL"],
    # Engines before 25 do not know it, and pass over it.
    "Privileges": {"NoNewPrivileges": True},
}


@dataclass(frozen=True)
class Attached:
    """A config or a secret of the swarm, and the file as which instances find it."""

    id: str
    name: str
    target: str


@dataclass(frozen=True)
class Service:
    """What a service is made of.

    Args:
        deployment: that it is.
        launch: how its instances are started; each of its mounts is a volume.
        configs: small files of content.
        secret: the user's environment variables, as a file; None where they are in the environment.
        node: the one that the gateway runs on.
        bound: whether its instances can run on that node alone.
    """

    deployment: Address
    launch: Launch
    configs: Sequence[Attached]
    secret: Attached | None
    node: str
    bound: bool = False


def service_name(names: Names, deployment: Address) -> str:
    """The name of a deployment's service, by a digest where it would be longer than a swarm takes."""
    name = f"mlops-{names.project}-{deployment.endpoint}-{deployment.name}"
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST_NAME - 13].rstrip('-')}-{digest}"


def body(names: Names, service: Service, operation: Operation) -> dict[str, Any]:
    """The service in the words of the engine's call that makes or changes it."""
    spec = service.launch.spec
    return {
        "Name": service_name(names, service.deployment),
        "Labels": labels(names, service.deployment, operation, version_of(spec), service.node),
        "TaskTemplate": _marked(task(names, service)),
        "Mode": replicas(int(spec["instance_count"])),
        "UpdateConfig": _update(service),
        "RollbackConfig": {**_update(service), "FailureAction": "pause", "MaxFailureRatio": 1.0},
        "EndpointSpec": {"Ports": [_port(port) for port in service.launch.routes.ports]},
    }


def template_of(service: Mapping[str, Any]) -> str:
    """The digest of the settings of a service's tasks."""
    return str(service["TaskTemplate"]["ContainerSpec"]["Labels"][TEMPLATE])


def labels(names: Names, deployment: Address, operation: Operation, version: str, node: str) -> dict[str, str]:
    """By which a service, its deployment and the last operation on it are known; they change without any restart."""
    return names.labels(KIND, **{**made_by(deployment, operation), DIGEST: version, NODE: node})


def replicas(count: int) -> dict[str, Any]:
    """How many instances a service has."""
    return {"Replicated": {"Replicas": count}}


def task(names: Names, service: Service) -> dict[str, Any]:
    """What all instances of a version are; any change of it has the swarm replace them."""
    launch = service.launch
    return {
        "ContainerSpec": {
            "Image": launch.image.reference,
            **_process(launch),
            "User": instance_user(),
            "Env": sorted(f"{name}={value}" for name, value in environment(launch, service.secret).items()),
            "Labels": _task_labels(names, service),
            "StopGracePeriod": (stop_seconds(launch.spec) + int(DRAIN_GRACE_S)) * _SECOND,
            "StopSignal": "SIGTERM",
            **_CONFINEMENT,
            **_files(service),
            **_health(launch),
        },
        "Resources": _resources(launch.limits),
        **({"Placement": {"Constraints": [f"node.id=={service.node}"]}} if service.bound else {}),
        "RestartPolicy": {"Condition": "any", "Delay": _SECOND},
        "LogDriver": {"Name": "json-file", "Options": {"max-size": "10m", "max-file": "5"}},
        "ForceUpdate": 0,
    }


def environment(launch: Launch, secret: Attached | None) -> dict[str, str]:
    """What is in the service's settings for everybody to read who may look at those."""
    found = dict(launch.variables)
    if launch.image.python:
        found["MLOPS_DRAIN_GRACE_SECONDS"] = str(DRAIN_GRACE_S)
    if secret:
        found["MLOPS_VARIABLES_FILE"] = secret.target
    return found


def is_read_at_start(variable: str) -> bool:
    """Whether an interpreter or its C library reads a variable before our server can read any file."""
    return variable in ("PATH", "GLIBC_TUNABLES") or variable.startswith(("PYTHON", "LD_", "MALLOC_"))


def _task_labels(names: Names, service: Service) -> dict[str, str]:
    launch = service.launch
    return {
        **names.labels(TASK),
        ADDRESS: str(service.deployment),
        DIGEST: version_of(launch.spec),
        ROUTES: routes_text(launch.routes),
        SERVER: OURS if launch.image.python else "image",
    }


def _marked(settings: dict[str, Any]) -> dict[str, Any]:
    """A task's settings with the label that is their own digest."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    container = settings["ContainerSpec"]
    return {**settings, "ContainerSpec": {**container, "Labels": {**container["Labels"], TEMPLATE: digest}}}


def _process(launch: Launch) -> dict[str, Any]:
    return {"Command": list(launch.command), "Dir": launch.folder} if launch.command else {}


def _tmpfs(target: str, size: int) -> dict[str, Any]:
    return {"Type": "tmpfs", "Target": target, "TmpfsOptions": {"SizeBytes": size, "Mode": 0o1777}}


def _files(service: Service) -> dict[str, Any]:
    """Content and variables; these can be read by the instance's user alone."""
    volumes = [
        {
            "Type": "volume",
            "Source": each.volume,
            "Target": str(each.target),
            "ReadOnly": True,
            "VolumeOptions": {"NoCopy": True},
        }
        for each in service.launch.mounts
    ]
    folders = [_tmpfs(target, size) for target, size in temporary_sizes(service.launch.limits).items()]
    secrets = [service.secret] if service.secret else []
    return {
        "Mounts": [*folders, *volumes],
        "Configs": [
            {"ConfigID": each.id, "ConfigName": each.name, "File": _file(each.target, "0:0", 0o444)}
            for each in service.configs
        ],
        "Secrets": [
            {"SecretID": each.id, "SecretName": each.name, "File": _file(each.target, instance_user(), 0o400)}
            for each in secrets
        ],
    }


def _file(target: str, user: str, mode: int) -> dict[str, Any]:
    uid, _, gid = user.partition(":")
    return {"Name": target, "UID": uid, "GID": gid, "Mode": mode}


def _health(launch: Launch) -> dict[str, Any]:
    """How the engine asks whether an instance lives, by its own interpreter; of an image's own server the image says.

    An instance counts as started with the first good answer, and the engine waits for an interval before it asks: so
    the interval is short, and as many more failures are allowed.
    """
    if not launch.image.python:
        return {}
    probe: Mapping[str, Any] = launch.spec["liveness_probe"]
    period_s, timeout_s = float(probe["period"]), float(probe["timeout"])
    interval_s = min(period_s, _LONGEST_LOOK_S)
    question = _question(launch.routes.liveness, timeout_s)
    return {
        "Healthcheck": {
            "Test": ["CMD", launch.image.python, "-I", "-S", "-c", question],
            "Interval": int(interval_s * _SECOND),
            # Python itself has to start, too.
            "Timeout": int((timeout_s + 5) * _SECOND),
            "Retries": max(1, round(int(probe["failure_threshold"]) * period_s / interval_s)),
            "StartPeriod": int(float(probe["initial_delay"]) * _SECOND),
            # Of engines from 25 on.
            "StartInterval": _SECOND,
        }
    }


def _question(route: Route, timeout_s: float) -> str:
    """A program that ends well where there is a good answer; it is short, and imports little, as it runs often."""
    request = f"GET {route.path} HTTP/1.0\r\n\r\n".encode()
    return (
        "import socket,sys;"
        f"s=socket.create_connection(('127.0.0.1',{route.port}),{timeout_s});"
        f"s.sendall({request!r});"
        "sys.exit(s.recv(12)[9:10] not in (b'2',b'3'))"
    )


def _resources(limits: Limits) -> dict[str, Any]:
    most = {
        "NanoCPUs": _nanos(limits.cpus),
        "MemoryBytes": limits.memory_bytes,
        "Pids": PIDS,
    }
    least = {"NanoCPUs": _nanos(limits.reserved_cpus), "MemoryBytes": limits.reserved_memory_bytes}
    return {
        name: {word: value for word, value in values.items() if value}
        for name, values in (("Limits", most), ("Reservations", least))
    }


def _nanos(cpus: float | None) -> int | None:
    return None if cpus is None else int(cpus * _SECOND)


def _update(service: Service) -> dict[str, Any]:
    """How instances are replaced: 20 % at once, new ones first, back to the former where one fails."""
    spec = service.launch.spec
    # Without a health check of ours the next ones follow when an instance has had the time to get ready.
    delay_s = (
        0.0 if service.launch.image.python else float((spec.get("readiness_probe") or {}).get("initial_delay", 10))
    )
    return {
        "Parallelism": wave_size(spec),
        "Delay": int(delay_s * _SECOND),
        "Order": "start-first",
        "FailureAction": "rollback",
        "Monitor": _MONITOR_S * _SECOND,
        "MaxFailureRatio": 0.0,
    }


def _port(port: int) -> dict[str, Any]:
    """Published by the node that an instance runs on, at a port that the engine chooses."""
    return {"Protocol": "tcp", "TargetPort": port, "PublishedPort": 0, "PublishMode": "host"}
