"""The docker target in swarm mode: what runs its instances are services of Docker Swarm."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Self

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Live
from reconciler.providers.docker.belonging import to_moved
from reconciler.providers.docker.contents import Contents
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.envoys import ContainerEnvoys
from reconciler.providers.docker.gateway import Upkeep, envoys_of
from reconciler.providers.docker.images import Images
from reconciler.providers.docker.limits import limits_of
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.objections import objections
from reconciler.providers.docker.options import DockerOptions, read_options
from reconciler.providers.docker.recorded import RecordedObjects
from reconciler.providers.docker.records import Records
from reconciler.providers.docker.residents import revive
from reconciler.providers.docker.supplies import Supplies
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_deployments import SwarmDeployments
from reconciler.providers.docker.swarm_feed import Feed, see_to_feed
from reconciler.providers.docker.swarm_files import SwarmContents, SwarmFiles
from reconciler.providers.docker.swarm_instances import SwarmInstances
from reconciler.providers.docker.swarm_standing import Standing
from reconciler.providers.docker.swarm_tasks import Look
from reconciler.providers.docker.swarm_waiting import Waiting
from reconciler.providers.docker.usage import usage_of
from reconciler.providers.hosting.awaiting import Patience
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.hosting.provider import HostedProvider, Parts, now
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.provider import Setting, Usage

# Of an instance that runs on another node, or not at all.
_NO_CONTAINER = "none"
_GPUS = "a swarm gives no GPUs to instances; choose mode: containers, or a size without GPUs"


class SwarmProvider(HostedProvider):
    """Deployments as services of a swarm, behind one Envoy on this machine."""

    name: ClassVar[str] = "docker"

    def __init__(self, setting: Setting, options: DockerOptions) -> None:
        layout = Layout(setting.folder.absolute())
        self._setting, self._own_options = setting, options
        self._engine, names = Engine(options.host), Names(options.project)
        self._swarm = Swarm(self._engine, names)
        self._recorded = objects = RecordedObjects(layout.folder, Records(self._engine, names), options.mode)
        self._processes = processes = Processes(layout)
        contents = SwarmContents(Contents(self._engine, names))
        images = Images(self._engine, names, setting.assets, layout.folder / "images")
        sources = Sources(objects, setting.assets, self.name)
        self._supplies = Supplies(self._engine, layout, sources, contents, images, options.base_image)
        self._instances = SwarmInstances(self._swarm, objects)
        self.upkeep = Upkeep(ContainerEnvoys(self._engine, names, layout), layout)
        envoys = envoys_of(self._engine, names, layout, processes, options.common)
        front = Front(layout, objects, processes, options.common, self._instances.ways, envoys)
        self.feed = Feed(objects, front)
        waiting = Waiting(self._swarm, self._instances, self.feed, Patience(options.common.ready_seconds))
        files = SwarmFiles(self._swarm, names, contents)
        standing = Standing(objects, self._swarm, files, waiting, front)
        self._steps = steps = SwarmDeployments(
            layout, objects, self._swarm, names, self._supplies, files, waiting, front, standing, now
        )
        super().__init__(
            Parts(layout, objects, processes, front, self._instances, lambda: steps, setting.assets, options.common)
        )

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Read the target's options; the engine is connected to when it is first asked something."""
        return cls(setting, read_options(setting.options, setting.root, setting.target))

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:
        """What neither the swarm nor this target can do."""
        yield from to_moved(resources, self._recorded.moved())
        # Whether the engine has GPUs does not matter: a swarm does not hand them out.
        yield from objections(resources, self._registered, self._own_options.common, lambda: True)
        for resource in resources:
            if resource.address.kind == "deployment" and _wants_gpus(resource.spec):
                field = "resources" if resource.spec.get("resources") else "instance_type"
                yield resource.manifest.problem(field, "E-UNSUPPORTED", _GPUS)

    def look(self) -> Look:
        """Look at the swarm's services and tasks."""
        return self._swarm.look()

    def list(self) -> Sequence[Live]:
        """Every object; what feeds the gateway is started anew where it ended with the machine."""
        revive(self._processes)
        return super().list()

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on, and put right what was cut off, or lost with the target's folder."""
        super().fence(address, generation)
        self._recorded.confirm()
        if address.kind == "deployment" and self._objects.get(address):
            see_to_feed(self._processes, self._layout, self._setting)

    def adopt(self, address: Address, operation: Operation) -> None:
        """Make an object another state's, its service first: one that was cut off between can be done again."""
        self._objects.held(address)
        self._steps.hand_over(address, operation)
        super().adopt(address, operation)

    def printed(self, deployment: Address, *, tail: int, follow: bool, instance: str) -> Iterable[str]:
        """What the instances of a deployment that is there, or one of them, printed."""
        return self._instances.printed(deployment, tail=tail, follow=follow, instance=instance)

    def usage(self) -> Sequence[Usage]:
        """What every instance takes of this machine; nothing is known of those of other nodes."""
        containers = {(task.deployment, task.instance): task.container for task in self.look().tasks if task.serves}
        return usage_of(self._engine, lambda *instance: containers.get(instance) or _NO_CONTAINER, self.list())

    def close(self) -> None:
        """Let go of the engine."""
        self._engine.close()

    def _run(self, action: Action, step: Step, operation: Operation) -> None:
        super()._run(action, step, operation)
        self._recorded.confirm()
        if step.address.kind == "deployment" and action is not Action.DELETE:
            see_to_feed(self._processes, self._layout, self._setting)


def _wants_gpus(spec: Spec) -> bool:
    """Whether a deployment is to have GPUs; what is no quantity is objected to elsewhere."""
    try:
        return limits_of(spec).gpus > 0
    except ValueError:
        return False
