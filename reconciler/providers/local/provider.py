"""The local target: what runs its instances are processes of this machine."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.problem import Problem
from reconciler.gateway.values import Backend
from reconciler.providers.hosting.awaiting import Patience
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.logs import log_lines
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.hosting.provider import HostedProvider, Parts, in_waves
from reconciler.providers.hosting.serving import Ways
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.local.environments import Environments
from reconciler.providers.local.instances import Instances
from reconciler.providers.local.options import LocalOptions, read_options
from reconciler.providers.local.supplies import Supplies
from reconciler.providers.local.usage import usage_of
from reconciler.providers.provider import Assets, Setting, Usage


class LocalProvider(HostedProvider):
    """Deployments as processes of this machine, behind one Envoy a target, kept up by one resident process."""

    name: ClassVar[str] = "local"

    def __init__(self, folder: Path, assets: Assets, options: LocalOptions) -> None:
        layout, objects = Layout(folder), Objects(folder)
        processes = Processes(layout)
        environments = Environments(layout.environments, exact=options.exact_python)
        self._sources, self._assets = Sources(objects, assets, self.name), assets
        supplies = Supplies(layout, self._sources, environments, options.server)
        instances = Instances(layout, processes, supplies, Patience(options.common.ready_seconds))
        self._own_options = options
        front = Front(layout, objects, processes, options.common, self._ways)
        super().__init__(
            Parts(
                layout,
                objects,
                processes,
                front,
                instances,
                in_waves(objects, instances, front),
                assets,
                options.common,
            )
        )

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Read the target's options; nothing is made yet."""
        return cls(setting.folder.absolute(), setting.assets, read_options(setting.options, setting.root))

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:
        """What needs an image, a registry or a token service."""
        from reconciler.providers.local.objections import objections  # noqa: PLC0415 - only a plan has any

        return objections(resources, self._registered, self._own_options)

    def printed(self, deployment: Address, *, tail: int, follow: bool, instance: str) -> Iterable[str]:
        """What the instances of a deployment that is there, or one of them, printed."""
        folder = self._layout.logs(deployment)
        return log_lines(lambda: self._logs_of(deployment, folder, instance), tail=tail, follow=follow)

    def usage(self) -> Sequence[Usage]:
        """What every instance takes of the machine."""
        return usage_of(self.list())

    def renew(self, deployment: Address, spec: Spec) -> None:
        """Look at the stored content before it is next used; deployments of equal content share it."""
        self._outdate(deployment)
        for digest, _ in self._sources.contents(spec):
            self._assets.distrust(digest)

    def close(self) -> None:
        """Nothing is held."""

    def _logs_of(self, address: Address, folder: Path, instance: str) -> Sequence[Path]:
        held = self._objects.get(address)
        names = [instance] if instance else (held.serving if held else ())
        return [folder / f"{name}.log" for name in names]

    def _ways(self, deployments: Sequence[Object]) -> Mapping[Address, Ways]:
        """Instances listen on unix sockets."""
        queues = self._own_options.server == "mlops"
        return {
            item.address: Ways(
                tuple(Backend(name, str(self._layout.socket(name))) for name in item.serving), queues=queues
            )
            for item in deployments
        }
