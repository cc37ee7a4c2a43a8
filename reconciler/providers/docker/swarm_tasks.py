"""The services and tasks of a Docker Swarm as plain values, read from what its API answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.providers.docker.containers import OURS
from reconciler.providers.docker.launch import Routes, routes_from_text
from reconciler.providers.docker.names import ADDRESS, DIGEST, ROUTES, SERVER
from reconciler.providers.docker.swarm_services import TEMPLATE, template_of

# States in which a task does not come back: the swarm starts another in its place, unless it wants fewer.
ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
# Of these, the ones that nobody asked for.
LOST = frozenset({"complete", "failed", "rejected", "orphaned"})


@dataclass(frozen=True)
class Task:
    """One try of the swarm to run an instance.

    Args:
        slot: the instance's number; the tasks that follow each other in its place have the same.
        wanted: whether the swarm wants it to run.
        state: the swarm's word for what it does.
        error: what went wrong.
        message: what it waits for.
        node: that it runs on.
        at: when its state was reached, as the engine writes it; such times can be compared as text.
        ports: of its node, by port of the container.
        template: the digest of its settings.
        version: of its deployment's spec.
        ours: whether our scoring server runs in it.
        routes: where it answers inside its container.
    """

    id: str
    deployment: Address
    slot: int
    wanted: bool
    state: str
    error: str
    message: str
    node: str
    at: str
    created: str
    container: str
    pid: int | None
    exit_code: int | None
    ports: Mapping[int, int]
    template: str
    version: str
    ours: bool
    routes: Routes

    @property
    def instance(self) -> str:
        """The name of its instance, which no other of the target has."""
        return f"{self.deployment.endpoint}.{self.deployment.name}.{self.slot}"

    @property
    def serves(self) -> bool:
        """Whether it is up, is to stay so, and every route of it is published."""
        return self.wanted and self.state == "running" and all(port in self.ports for port in self.routes.ports)


@dataclass(frozen=True)
class Service:
    """A deployment as the swarm has it.

    Args:
        body: its settings, in the words of the API.
        version: by which the swarm knows whether somebody else changed it meanwhile.
        updated: when it was changed last, as the engine writes it.
        update: how its last update stands; empty where there was none.
        message: what the swarm says of that.
    """

    id: str
    deployment: Address
    body: Mapping[str, Any]
    version: int
    updated: str
    update: str
    message: str

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        return self.body.get("Labels") or {}

    @property
    def replicas(self) -> int:
        """How many instances it is to have."""
        return int(self.body["Mode"]["Replicated"]["Replicas"])

    @property
    def template(self) -> str:
        """The digest of the settings of its tasks."""
        return template_of(self.body)


@dataclass(frozen=True)
class Look:
    """What was seen of a project in one look.

    Args:
        services: by deployment.
        tasks: of all of them, also those that have ended and are not forgotten.
        hosts: how the nodes are reached from here, by their ids.
    """

    services: Mapping[Address, Service]
    tasks: Sequence[Task]
    hosts: Mapping[str, str]

    def of(self, deployment: Address) -> list[Task]:
        """A deployment's tasks, by slot and age."""
        found = [task for task in self.tasks if task.deployment == deployment]
        return sorted(found, key=lambda task: (task.slot, task.created))

    def serving(self, deployment: Address) -> dict[str, Task]:
        """The tasks that can be sent requests, the youngest of each instance, by the instance's name."""
        return {task.instance: task for task in self.of(deployment) if task.serves}

    def host(self, task: Task) -> str:
        """How a task's node is reached from here."""
        return self.hosts.get(task.node, "")


def service_of(facts: Mapping[str, Any]) -> Service:
    """A service as the API has it."""
    status = facts.get("UpdateStatus") or {}
    return Service(
        str(facts["ID"]),
        Address.parse(facts["Spec"]["Labels"][ADDRESS]),
        facts["Spec"],
        int(facts["Version"]["Index"]),
        str(facts["UpdatedAt"]),
        str(status.get("State", "")),
        str(status.get("Message", "")),
    )


def task_of(facts: Mapping[str, Any]) -> Task:
    """A task as the API has it."""
    labels, status = labels_of(facts), facts["Status"]
    container = status.get("ContainerStatus") or {}
    published = (status.get("PortStatus") or {}).get("Ports") or []
    return Task(
        id=str(facts["ID"]),
        deployment=Address.parse(labels[ADDRESS]),
        slot=int(facts.get("Slot", 0)),
        wanted=facts["DesiredState"] in ("running", "ready"),
        state=str(status["State"]),
        error=str(status.get("Err", "")),
        message=str(status.get("Message", "")),
        node=str(facts.get("NodeID", "")),
        at=str(status["Timestamp"]),
        created=str(facts["CreatedAt"]),
        container=str(container.get("ContainerID", "")),
        pid=container.get("PID"),
        exit_code=container.get("ExitCode"),
        # Each is published for IPv4 and then for IPv6, at ports that may differ; instances are reached by the former.
        ports={int(each["TargetPort"]): int(each["PublishedPort"]) for each in reversed(published)},
        template=labels.get(TEMPLATE, ""),
        version=labels.get(DIGEST, ""),
        ours=labels.get(SERVER) == OURS,
        routes=routes_from_text(labels[ROUTES]),
    )


def labels_of(task: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels of a task's container."""
    return task["Spec"]["ContainerSpec"].get("Labels") or {}
