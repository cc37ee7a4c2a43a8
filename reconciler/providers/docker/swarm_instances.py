"""The instances of services: which there are, which of them answer, how often they were lost, what they print."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.keeper.values import Exit, Status
from reconciler.providers.docker.names import LINEAGE, OPERATION, generation_of
from reconciler.providers.docker.notes import seconds
from reconciler.providers.docker.orphans import STATUS as ORPHANED
from reconciler.providers.docker.probing import ready_ones
from reconciler.providers.docker.reaching import Place, way
from reconciler.providers.docker.restarts import exit_of
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_tasks import ENDED, LOST, Look, Service, Task
from reconciler.providers.hosting.awaiting import TAIL, short
from reconciler.providers.hosting.instances import Sight
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.serving import Ways


@dataclass(frozen=True)
class SwarmInstances:
    """An instance is a slot of a service: the swarm fills it with one task after the other."""

    swarm: Swarm
    objects: Objects

    def see(self, held: Sequence[Object]) -> Sight:
        """Look at services and tasks in one list each, and ask what is in service whether it is ready."""
        look = self.swarm.look()
        statuses = {item.address: statuses_of(look, item) for item in held}
        asked = {name: task for item in held for name, task in look.serving(item.address).items()}
        left = (service for address, service in sorted(look.services.items()) if self.objects.get(address) is None)
        return Sight(statuses, answering(look, asked), tuple(map(_orphan, left)))

    def ways(self, deployments: Sequence[Object]) -> Mapping[Address, Ways]:
        """How the gateway reaches the tasks that serve now."""
        if not deployments:
            return {}
        look = self.swarm.look()
        found = {item.address: places(look, look.serving(item.address)) for item in deployments}
        return {address: way(list(known), known) for address, known in found.items()}

    def tail(self, service: Service, task: Task) -> list[str]:
        """The last lines that a task printed, each as far as a reader would follow it."""
        return short(line for origin, line in self.swarm.log(service, tail=TAIL) if origin == task.id)

    def printed(self, deployment: Address, *, tail: int, follow: bool, instance: str = "") -> Iterator[str]:
        """What a deployment's instances printed, or one of them; of each the last task alone, or, to follow, all."""
        look = self.swarm.look()
        service = look.services.get(deployment)
        if service is None:
            return
        last = {task.instance: task.id for task in look.of(deployment)}
        earlier = {task.id for task in look.of(deployment)} - set(last.values())
        others = {task.id for task in look.of(deployment) if instance and task.instance != instance}
        for origin, line in self.swarm.log(service, tail=tail, follow=follow):
            if origin not in earlier and origin not in others:
                yield line


def statuses_of(look: Look, item: Object) -> dict[str, Status]:
    """A deployment's instances by name; what was lost since its service was last changed counts as restarts."""
    service, tasks = look.services.get(item.address), look.of(item.address)
    since = seconds(service.updated) if service else 0.0
    found: dict[str, Status] = {}
    for name in sorted({task.instance for task in tasks if task.state not in ENDED or task.wanted}):
        own = [task for task in tasks if task.instance == name]
        lost = [task for task in own if service and _is_lost(task, service) and seconds(task.at) > since]
        last = _current(own)
        found[name] = Status(
            name=name,
            pid=last.pid,
            started_at=seconds(last.at),
            running=last.state == "running",
            trial=item.status == "Creating",
            restarts=len(lost),
            last_exit=exit_of_task(lost[-1]) if lost else None,
            log="",
        )
    return found


def exit_of_task(task: Task) -> Exit:
    """How a task ended, in the words of the keeper where it has some for it."""
    if task.exit_code:
        return exit_of(task.exit_code)
    return Exit(cause=task.error.removeprefix("task: "))


def answering(look: Look, tasks: Mapping[str, Task]) -> frozenset[str]:
    """Those of the tasks that are ready, by whatever they are known by."""
    found = places(look, tasks)
    return ready_ones(
        {name: place.routes.readiness for name, place in found.items()},
        {name: place.host for name, place in found.items()},
    )


def places(look: Look, serving: Mapping[str, Task]) -> dict[str, Place]:
    """Where tasks answer, the oldest first, by whatever they are known by."""
    by_age = sorted(serving.items(), key=lambda item: item[1].created)
    return {name: Place(task.routes.published(task.ports), task.ours, look.host(task)) for name, task in by_age}


def _orphan(service: Service) -> Live:
    """A service that no object speaks of, as what is left of a deployment."""
    labels = service.labels
    detail = {"note": "a service that no record speaks of"}
    return Live(
        service.deployment, {}, labels[LINEAGE], generation_of(labels), labels[OPERATION], ORPHANED, detail=detail
    )


def _is_lost(task: Task, service: Service) -> bool:
    """Whether nobody asked for its end; what an update replaced may end well, too."""
    return task.state in LOST and task.template == service.template


def _current(tasks: Sequence[Task]) -> Task:
    """The task that an instance is now: the one that serves, else the youngest."""
    serving = [task for task in tasks if task.serves]
    return serving[-1] if serving else tasks[-1]
