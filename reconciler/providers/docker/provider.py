"""The docker target: what runs its instances are containers of a Docker engine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Live
from reconciler.providers.docker.belonging import to_moved
from reconciler.providers.docker.contents import Contents
from reconciler.providers.docker.counting import acknowledge_all
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.gateway import envoys_of
from reconciler.providers.docker.images import Images
from reconciler.providers.docker.instances import Instances
from reconciler.providers.docker.logs import log_lines
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.objections import objections
from reconciler.providers.docker.options import DockerOptions, read_options
from reconciler.providers.docker.reaching import way
from reconciler.providers.docker.recorded import RecordedObjects
from reconciler.providers.docker.records import Records
from reconciler.providers.docker.residents import revive
from reconciler.providers.docker.supplies import Supplies
from reconciler.providers.docker.swarm_provider import SwarmProvider
from reconciler.providers.docker.usage import usage_of
from reconciler.providers.docker.warding import see_to_warden
from reconciler.providers.hosting.awaiting import Patience
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.hosting.provider import HostedProvider, Parts, in_waves
from reconciler.providers.hosting.serving import Ways
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.provider import Assets, Setting, Usage


class DockerProvider(HostedProvider):
    """Deployments as containers of an engine, behind one Envoy a target."""

    name: ClassVar[str] = "docker"

    def __init__(self, layout: Layout, assets: Assets, options: DockerOptions) -> None:
        self._engine, self._names, self._own_options = Engine(options.host), Names(options.project), options
        self._recorded = objects = RecordedObjects(layout.folder, Records(self._engine, self._names), options.mode)
        self._processes = processes = Processes(layout)
        contents = Contents(self._engine, self._names)
        images = Images(self._engine, self._names, assets, layout.folder / "images")
        sources = Sources(objects, assets, self.name)
        self._contents, self._sources, self._assets = contents, sources, assets
        self._supplies = Supplies(self._engine, layout, sources, contents, images, options.base_image)
        patience = Patience(options.common.ready_seconds)
        self._instances = Instances(self._engine, self._names, layout, objects, self._supplies, patience)
        envoys = envoys_of(self._engine, self._names, layout, processes, options.common)
        front = Front(layout, objects, processes, options.common, self._ways, envoys)
        super().__init__(
            Parts(
                layout,
                objects,
                processes,
                front,
                self._instances,
                in_waves(objects, self._instances, front),
                assets,
                options.common,
            )
        )

    @classmethod
    def open(cls, setting: Setting) -> HostedProvider:
        """Read the target's options; the engine is connected to when it is first asked something."""
        options = read_options(setting.options, setting.root, setting.target)
        if options.mode == "swarm":
            return SwarmProvider(setting, options)
        return cls(Layout(setting.folder.absolute()), setting.assets, options)

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:
        """What neither the engine nor this target can do."""
        yield from to_moved(resources, self._recorded.moved())
        yield from objections(
            resources, self._registered, self._own_options.common, lambda: self._supplies.capacity.has_gpus
        )

    def list(self) -> Sequence[Live]:
        """Every object; what looks after the instances is started anew where it ended with the machine."""
        revive(self._processes)
        return super().list()

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on, and put right what was cut off, or lost with the target's folder."""
        super().fence(address, generation)
        self._confirm()
        if address.kind == "deployment" and self._objects.get(address):
            see_to_warden(self._processes, self._layout, self._own_options)

    def delete(self, step: Step, operation: Operation) -> None:
        """Remove the object, finishing the requests that it has; with the last endpoint goes what all of them share."""
        super().delete(step, operation)
        if step.address.kind == "endpoint" and not self._objects.has_endpoints():
            self._instances.end()

    def renew(self, deployment: Address, spec: Spec) -> None:
        """Fill volumes anew with what this spec speaks of; the former go once no container has them."""
        self._outdate(deployment)
        for digest, name in self._sources.contents(spec):
            self._assets.distrust(digest)
            self._contents.distrust(digest, name)

    def printed(self, deployment: Address, *, tail: int, follow: bool, instance: str) -> Iterable[str]:
        """What the instances of a deployment that is there, or one of them, printed."""

        def instances() -> Sequence[str]:
            held = self._objects.get(deployment)
            return [instance] if instance else (held.serving if held else ())

        def containers() -> Mapping[str, str]:
            return self._instances.identities(deployment)

        return log_lines(self._engine, instances, containers, tail=tail, follow=follow)

    def usage(self) -> Sequence[Usage]:
        """What every instance takes of the machine."""
        containers = self._instances.all_identities()
        return usage_of(self._engine, lambda *instance: containers.get(instance, ""), self.list())

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()

    def _run(self, action: Action, step: Step, operation: Operation) -> None:
        super()._run(action, step, operation)
        self._confirm()
        if step.address.kind == "deployment" and action is not Action.DELETE:
            see_to_warden(self._processes, self._layout, self._own_options)

    def _confirm(self) -> None:
        """Take restored files for ours; restarts from before are no news, as nobody knows which were acknowledged."""
        if self._recorded.confirm():
            acknowledge_all(self._engine, self._names, self._layout)

    def _ways(self, deployments: Sequence[Object]) -> Mapping[Address, Ways]:
        """Instances listen on ports of this machine's loopback."""
        places = self._instances.places(name for item in deployments for name in item.serving)
        return {item.address: way(item.serving, places) for item in deployments}
