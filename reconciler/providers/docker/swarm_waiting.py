"""Waiting for what the swarm was told to do, with the gateway following every step of it."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.providers.docker.containers import OURS
from reconciler.providers.docker.names import ADDRESS, SERVER
from reconciler.providers.docker.notes import seconds
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_feed import Feed
from reconciler.providers.docker.swarm_instances import SwarmInstances, answering, exit_of_task
from reconciler.providers.docker.swarm_services import TASK
from reconciler.providers.docker.swarm_tasks import LOST, Look, Service, Task
from reconciler.providers.hosting.awaiting import Patience, ending

Report = Callable[[str], None]
# How often the swarm is asked: instances that leave do not wait much longer for the gateway to follow.
_POLL_S = 0.2
_WATCHING_S = 60.0
_STUCK = "rollback_paused"
_BACK = frozenset({"rollback_completed", _STUCK})
# So engines say now and then when they attach configs and secrets, while they start other containers.
_BUSY = "unable to remount dir as readonly"
# So the swarm says of a process that ended.
_EXIT = "task: non-zero exit"
_MOVING = frozenset({"updating", "rollback_started"})


class RolledBackError(Exception):
    """The swarm has gone back to the former version.

    Args:
        why: an instance failed, in words.
        replaced: how many instances of the new version there were at most.
        log_tail: the last lines that the failing instance printed.
        hiccup: whether it was the engine that failed, in a way that may well not come again.
        stuck: whether the former version failed too, so that the swarm has stopped on its way back.
    """

    def __init__(
        self, why: str, replaced: int, log_tail: Sequence[str], *, hiccup: bool = False, stuck: bool = False
    ) -> None:
        super().__init__(why)
        self.hiccup = hiccup
        self.stuck = stuck
        self.why = why
        self.replaced = replaced
        self.log_tail = log_tail


@dataclass(frozen=True)
class Wanted:
    """What the swarm was told.

    Args:
        template: the digest of the tasks' settings.
        count: how many instances.
        before: the tasks that there were before it was told.
    """

    deployment: Address
    template: str
    count: int
    before: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Waiting:
    """Waits for services.

    Args:
        patience: how long an instance may take to readiness, since the last one was ready.
        feed: what brings the gateway to the tasks.
    """

    swarm: Swarm
    instances: SwarmInstances
    feed: Feed
    patience: Patience = field(default_factory=Patience)

    def started(self, wanted: Wanted, report: Report) -> None:
        """Wait until all instances of a new service are ready.

        Raises:
            ProviderError: one of them ended first, or the deadline passed; the last lines of its log come along.
        """
        for look, ready in self._ready(wanted, report, "{ready} of {count} instances ready"):
            self._refuse_lost(look, wanted)
            if ready >= wanted.count:
                return

    def resized(self, wanted: Wanted, report: Report) -> None:
        """Wait until a service has the wanted number of ready instances, and no more; the gateway follows.

        Raises:
            ProviderError: a new one ended, or the deadline passed.
        """
        for look, ready in self._ready(wanted, report, "{ready} of {count} instances ready"):
            self.feed.follow(look)
            self._refuse_lost(look, wanted)
            if ready == wanted.count == len(_staying(look, wanted.deployment)):
                return

    def updated(self, wanted: Wanted, report: Report) -> None:
        """Wait until the swarm has replaced all instances and watched the last for a while; the gateway follows.

        Raises:
            RolledBackError: one of the new ones ended, and the swarm went back.
            ProviderError: the deadline passed.
        """
        most = 0
        for look, ready in self._ready(wanted, report, "{ready} of {count} instances replaced"):
            self.feed.follow(look)
            service, most = look.services.get(wanted.deployment), max(most, ready)
            if service is None:
                raise ProviderError(f"{wanted.deployment}: somebody removed its service")
            if service.update in _BACK:
                raise self._rolled_back(look, service, wanted, most)
            if service.update == "paused":
                raise ProviderError(f"{wanted.deployment}: the swarm has paused the update: {service.message}")
            there = _staying(look, wanted.deployment)
            if ready == wanted.count == len(there) and service.update not in _MOVING:
                return

    def end_hung(self, deployment: Address) -> None:
        """End what has run for longer than an instance may take to readiness and does not answer.

        The swarm starts another in its place. Its own health checks do the same where our server runs; other servers
        may have none. What runs on other nodes cannot be reached for it.
        """
        look = self.swarm.look()
        tasks = look.serving(deployment)
        ready = answering(look, tasks)
        for name, task in tasks.items():
            if name not in ready and time.time() - seconds(task.at) > self.patience.deadline_s:
                self._kill(task.container, "SIGKILL")

    def ended(self, service: Service) -> None:
        """Wait until nothing of a service that was removed is left on the engine's own node.

        The gateway sends it nothing any more. So our servers there, which the swarm's first SIGTERM has go on for a
        while, are sent another: they finish what they have begun, and end.

        Raises:
            ProviderError: it does not end.
        """
        started, longest_s = self.patience.now(), _stop_seconds(service) + 30
        while True:
            tasks = self.swarm.look().of(service.deployment)
            containers = self._containers(service.deployment)
            if not tasks and not containers:
                return
            for each in containers:
                if each["State"] == "running" and each["Labels"].get(SERVER) == OURS:
                    self._kill(str(each["Id"]), "SIGTERM")
            if self.patience.now() - started > longest_s:
                raise ProviderError(f"{service.deployment}: its instances have not ended after {longest_s:g} s")
            self.patience.sleep(_POLL_S)

    def _containers(self, deployment: Address) -> list[Mapping[str, Any]]:
        filters = self.swarm.names.filter(TASK)
        filters["label"].append(f"{ADDRESS}={deployment}")
        with self.swarm.doing("the engine's containers cannot be listed"):
            return list(self.swarm.api.containers(all=True, filters=filters))

    def _kill(self, container: str, how: str) -> None:
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        with self.swarm.doing(f"container {container[:12]} cannot be ended"):
            try:
                self.swarm.api.kill(container, how)
            except APIError as error:
                # It is gone, on another node, or has just ended.
                if error.status_code not in (404, 409):
                    raise

    def _ready(self, wanted: Wanted, report: Report, words: str) -> Iterator[tuple[Look, int]]:
        """Look again and again, each time with how many instances of what is wanted are ready.

        Raises:
            ProviderError: none got ready for too long.
        """
        told, progress, since = -1, None, self.patience.now()
        while True:
            look = self.swarm.look()
            ready = len(answering(look, _fresh(look, wanted)))
            if ready != told:
                report(words.format(ready=ready, count=wanted.count))
                told = ready
            if _progress(look, wanted.deployment, ready) != progress:
                progress, since = _progress(look, wanted.deployment, ready), self.patience.now()
            yield look, ready
            # Once all are ready, what is left is the swarm's own: to watch them for a while.
            longest_s = self.patience.deadline_s + (0 if ready < wanted.count else _WATCHING_S)
            if self.patience.now() - since > longest_s:
                raise self._late(look, wanted)
            self.patience.sleep(_POLL_S)

    def _refuse_lost(self, look: Look, wanted: Wanted) -> None:
        lost = [task for task in _lost(look, wanted) if not _is_hiccup(task)]
        if lost:
            raise ProviderError(f"{wanted.deployment}: {_why(lost[0])}", log_tail=self._tail(look, lost[0]))

    def _rolled_back(self, look: Look, service: Service, wanted: Wanted, replaced: int) -> RolledBackError:
        lost = _lost(look, wanted)
        why = _why(lost[0]) if lost else f"the swarm says: {service.message}"
        stuck = service.update == _STUCK
        hiccup = bool(lost) and not stuck and all(map(_is_hiccup, lost))
        return RolledBackError(why, replaced, self._tail(look, lost[0]) if lost else (), hiccup=hiccup, stuck=stuck)

    def _late(self, look: Look, wanted: Wanted) -> ProviderError:
        waiting = [task for task in _staying(look, wanted.deployment) if task.template == wanted.template]
        task = next((task for task in waiting if not task.serves), None)
        why = f"the swarm says: {task.error}" if task and task.error else "init() may be waiting for something"
        message = f"{wanted.deployment}: not ready after {self.patience.deadline_s:g} s; {why}"
        return ProviderError(message, log_tail=self._tail(look, task) if task else ())

    def _tail(self, look: Look, task: Task) -> Sequence[str]:
        service = look.services.get(task.deployment)
        return self.instances.tail(service, task) if service else ()


def _fresh(look: Look, wanted: Wanted) -> Mapping[str, Task]:
    """The tasks of what is wanted that can be asked, by instance."""
    serving = look.serving(wanted.deployment)
    return {name: task for name, task in serving.items() if task.template == wanted.template}


def _progress(look: Look, deployment: Address, ready: int) -> object:
    """What changes as long as the swarm gets on, be it forth or back."""
    service = look.services.get(deployment)
    return ready, sorted(task.id for task in look.serving(deployment).values()), service and service.update


def _staying(look: Look, deployment: Address) -> list[Task]:
    """The tasks that the swarm wants to run."""
    return [task for task in look.of(deployment) if task.wanted]


def _lost(look: Look, wanted: Wanted) -> list[Task]:
    """The tasks of what is wanted that ended although nobody asked them to, the first one first."""
    found = [
        task
        for task in look.of(wanted.deployment)
        if task.template == wanted.template and task.state in LOST and task.id not in wanted.before
    ]
    return sorted(found, key=lambda task: task.created)


def _is_hiccup(task: Task) -> bool:
    """Whether an engine could not start a container because it was busy with others; the swarm tries again."""
    return _BUSY in task.error


def _why(task: Task) -> str:
    if task.error and not task.error.startswith(_EXIT):
        # It never ran, such as for want of its image, or its health check failed.
        return f"the swarm says: {task.error}"
    return ending(exit_of_task(task))


def _stop_seconds(service: Service) -> float:
    nanoseconds: int = service.body["TaskTemplate"]["ContainerSpec"].get("StopGracePeriod", 10**10)
    return nanoseconds / 1e9
