"""Instances as containers of an engine: started on trial, waited for, put in service, drained and stopped."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation
from reconciler.errors import ProviderError
from reconciler.keeper.values import Status
from reconciler.providers.docker import restarts
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.orphans import orphans, refuse_others
from reconciler.providers.docker.probing import ready_ones, refusal
from reconciler.providers.docker.reaching import Place
from reconciler.providers.docker.running import Running
from reconciler.providers.docker.seeing import Container, containers, statuses
from reconciler.providers.docker.supplies import Supplies
from reconciler.providers.hosting.awaiting import TAIL, WAITING, Patience, short
from reconciler.providers.hosting.instances import Sight, Starter, strays
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object, Objects

# How often a server that is not ours is asked whether it is ready.
_POLL_S = 0.25


@dataclass(frozen=True)
class Instances:
    """The instances of a target's deployments, each known by twelve random hexadecimal digits.

    Args:
        patience: how long an instance may take to readiness.
    """

    engine: Engine
    names: Names
    layout: Layout
    objects: Objects
    supplies: Supplies
    patience: Patience = field(default_factory=Patience)
    # Where instances answer, as far as it was seen: it is fixed when a container is made, and no name is given twice.
    _known: dict[str, Place] = field(default_factory=dict)

    def prepare(self, deployment: Address, spec: Spec, variables: Mapping[str, str], operation: Operation) -> Starter:
        """Lay down what a spec needs, and return what starts containers with it."""
        launch = self.supplies.launch(deployment, spec, variables, operation.report)

        def start(count: int) -> Sequence[str]:
            fresh = [os.urandom(6).hex() for _ in range(count)]
            taken = {port for each in self._containers() for port in each.routes.ports}
            routes = self._running.start(deployment, launch, fresh, operation, taken)
            self._known.update({name: Place(each, ours=bool(launch.image.python)) for name, each in routes.items()})
            return fresh

        return start

    def await_ready(self, deployment: Address, names: Sequence[str], report: Callable[[str], None]) -> None:
        """Wait until each of the instances is ready."""
        own = all(place.ours for place in self._routed(names).values())
        # Each question is a line of the log of a server that is not ours.
        patience = self.patience if own else replace(self.patience, poll_s=max(_POLL_S, self.patience.poll_s))
        patience.await_ready(self, deployment, names, report)

    def ready(self, names: Iterable[str]) -> frozenset[str]:
        """Those that run and answer: at the port of one that has ended, anybody may answer."""
        answering = ready_ones({name: place.routes.readiness for name, place in self._routed(names).items()})
        # Asked last, and only where there is an answer: whoever waits asks often.
        running = {each.instance for each in self._containers() if each.running} if answering else set()
        return answering & running

    def unready(self, deployment: Address, name: str) -> str:
        """Why an instance that runs is not ready, as far as can be told."""
        place = self._routed([name]).get(name)
        if place is None or place.ours:
            return WAITING
        port = next(
            (each.port_inside(place.routes.readiness.port) for each in self._own(deployment) if each.instance == name),
            0,
        )
        return refusal(place.routes.readiness, port)

    def settle(self, deployment: Address, names: Sequence[str]) -> None:
        """End the trial: the engine starts them again from now on, when they end and after it was itself restarted."""
        wanted = set(names)
        self._running.keep([each for each in self._own(deployment) if each.instance in wanted] if wanted else [])

    def stop(self, deployment: Address, names: Iterable[str]) -> None:
        """Let instances finish what they have, then end them; their logs go with them."""
        leaving = set(names)
        if leaving:
            self._running.stop([each for each in self._own(deployment) if each.instance in leaving])
        for name in leaving:
            self._known.pop(name, None)

    def acknowledge(self, _deployment: Address, names: Iterable[str]) -> None:
        """Count restarts anew, and remove the contents that only former instances had."""
        restarts.acknowledge(self.layout, names)
        # The step is done, whatever becomes of them: what stays goes with the next step.
        with suppress(ProviderError):
            self.supplies.contents.sweep()

    def forget(self, deployment: Address) -> None:
        """Remove what is left of a deployment that is gone."""
        shutil.rmtree(self.layout.logs(deployment), ignore_errors=True)
        self.supplies.contents.sweep()

    def end(self) -> None:
        """Remove what only instances need, once there is none."""
        self._running.remove_network()

    def clear(self, deployment: Address, operation: Operation) -> None:
        """Stop and remove the containers of a deployment that no object speaks of."""
        left = self._containers(deployment)
        refuse_others(deployment, left, operation)
        self._running.stop(left)

    def of(self, deployment: Address) -> dict[str, Status]:
        """A deployment's instances that the engine has, by name."""
        held = self.objects.get(deployment)
        return self._statuses(self._own(deployment), held.serving if held else ())

    def left(self, deployment: Address) -> set[str]:
        """Those that the engine has."""
        return {each.instance for each in self._own(deployment)}

    def tail(self, deployment: Address, name: str) -> list[str]:
        """The last lines that an instance printed, each as far as a reader would follow it."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        container = self.identities(deployment).get(name)
        if container is None:
            return []
        with self.engine.doing(f"the log of instance {name} cannot be read"):
            try:
                text: bytes = self.engine.api.logs(container, tail=TAIL)
            except NotFound:
                return []
        return short(text.decode(errors="replace").splitlines())

    def see(self, held: Sequence[Object]) -> Sight:
        """Look at all instances in one list of the engine, and ask those in service whether they are ready."""
        serving = {name for item in held for name in item.serving}
        found = self._containers()
        up = {each.instance: each.routes.readiness for each in found if each.running and each.instance in serving}
        by_deployment = {item.address: self._statuses(_of(item, found), item.serving) for item in held}
        there = {each.deployment for each in found}
        held_addresses = {address for address in there if self.objects.get(address)}
        return Sight(by_deployment, ready_ones(up), orphans(found, held_addresses), strays(held, by_deployment))

    def places(self, names: Iterable[str]) -> dict[str, Place]:
        """Where instances may be sent requests on this machine.

        Left out is what the engine has no container of, and what has ended for good: whoever takes its port then
        would get its requests. What the engine is about to start again stays, as nobody brings it back otherwise.
        """
        wanted = set(names)
        there = {each.instance for each in self._containers() if not each.over} if wanted else set()
        return {name: self._known[name] for name in wanted & there}

    def identities(self, deployment: Address) -> dict[str, str]:
        """The engine's names of a deployment's containers, by instance: those that we give can be changed."""
        return {each.instance: each.id for each in self._own(deployment)}

    def all_identities(self) -> dict[tuple[Address, str], str]:
        """The same of all deployments, by deployment and instance."""
        return {(each.deployment, each.instance): each.id for each in self._containers()}

    def _routed(self, names: Iterable[str]) -> dict[str, Place]:
        """Where instances answer as long as they run; what the engine has no container of is left out."""
        wanted = set(names)
        if wanted - self._known.keys():
            self._containers()
        return {name: self._known[name] for name in wanted if name in self._known}

    @cached_property
    def _running(self) -> Running:
        return Running(self.engine, self.names)

    def _containers(self, deployment: Address | None = None) -> list[Container]:
        found = containers(self.engine, self.names, deployment)
        self._known.update({each.instance: Place(each.routes, ours=each.ours) for each in found})
        return found

    def _own(self, deployment: Address) -> list[Container]:
        """The containers of a deployment that an object speaks of."""
        held = self.objects.get(deployment)
        return _of(held, self._containers(deployment)) if held else []

    def _statuses(self, found: Iterable[Container], serving: Iterable[str]) -> dict[str, Status]:
        return statuses(self.engine, found, restarts.read_restarts(self.layout), frozenset(serving))


def _of(held: Object, found: Iterable[Container]) -> list[Container]:
    """The containers of an object: those that its state made, or one that had it before, and nobody else."""
    return [each for each in found if each.deployment == held.address and each.lineage in held.lineages]
