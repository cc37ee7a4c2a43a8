"""The docker target: what runs its instances are containers of a Docker engine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Self

from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import Operation, Step
from reconciler.core.problem import Problem
from reconciler.errors import ProviderError
from reconciler.gateway.values import Backend
from reconciler.providers.docker.containers import LOOPBACK
from reconciler.providers.docker.contents import Contents
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.instances import Instances, Place
from reconciler.providers.docker.launch import Routes
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.options import DockerOptions, read_options
from reconciler.providers.docker.supplies import Supplies
from reconciler.providers.hosting.awaiting import Patience
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.hosting.provider import HostedProvider, Parts
from reconciler.providers.hosting.serving import Ways
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.provider import Assets, Setting, Usage


class DockerProvider(HostedProvider):
    """Deployments as containers of an engine, behind one Envoy a target."""

    name: ClassVar[str] = "docker"

    def __init__(self, layout: Layout, assets: Assets, options: DockerOptions) -> None:
        self._engine, self._names, self._own_options = Engine(options.host), Names(options.project), options
        objects, processes = Objects(layout.folder), Processes(layout)
        contents = Contents(self._engine, self._names)
        supplies = Supplies(self._engine, layout, Sources(objects, assets, self.name), contents)
        patience = Patience(options.common.ready_seconds)
        self._instances = Instances(self._engine, self._names, layout, objects, supplies, patience)
        front = Front(layout, objects, processes, options.common, self._ways)
        super().__init__(Parts(layout, objects, processes, front, self._instances, assets, options.common))

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Read the target's options; the engine is connected to when it is first asked something."""
        options = read_options(setting.options, setting.root, setting.target)
        return cls(Layout(setting.folder.absolute()), setting.assets, options)

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:
        """What neither the engine nor this target can do."""
        return iter(())

    def delete(self, step: Step, operation: Operation) -> None:
        """Remove the object, finishing the requests that it has; with the last endpoint goes what all of them share."""
        super().delete(step, operation)
        if step.address.kind == "endpoint" and not self._objects.has_endpoints():
            self._instances.end()

    def logs(self, address: Address, *, tail: int, follow: bool, instance: str = "") -> Iterable[str]:
        """What the deployment's instances, or one of them, printed."""
        raise ProviderError(f"{address}: no logs yet")

    def usage(self) -> Sequence[Usage]:
        """What every instance takes."""
        return ()

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()

    def _ways(self, deployments: Sequence[Object]) -> Mapping[Address, Ways]:
        """Instances listen on ports of this machine's loopback."""
        places = self._instances.places(name for item in deployments for name in item.serving)
        return {
            item.address: _way([(name, places[name]) for name in item.serving if name in places])
            for item in deployments
        }


def _way(places: Sequence[tuple[str, Place]]) -> Ways:
    """How instances are reached; while a roll-out has two versions in service, paths are those of the new one."""
    if not places:
        return Ways(())
    newest = places[-1][1]
    return Ways(
        tuple(_backend(name, place.routes) for name, place in places),
        queues=newest.ours,
        scoring_path=newest.routes.scoring.path,
        readiness_path=newest.routes.readiness.path,
        own_paths=not newest.ours,
    )


def _backend(name: str, routes: Routes) -> Backend:
    health = routes.readiness.port
    return Backend(name, f"{LOOPBACK}:{routes.scoring.port}", None if health == routes.scoring.port else health)
