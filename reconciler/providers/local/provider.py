"""The local target: its parts put together, and each step given to the part that does it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Self

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.rollout import Rollout
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.providers.local import objections
from reconciler.providers.local.attending import Attending
from reconciler.providers.local.credentials import Credentials
from reconciler.providers.local.deployments import Deployments
from reconciler.providers.local.endpoints import Endpoints
from reconciler.providers.local.environments import Environments
from reconciler.providers.local.front import Front
from reconciler.providers.local.instances import Instances
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.logs import log_lines
from reconciler.providers.local.objects import Objects
from reconciler.providers.local.observing import Observing
from reconciler.providers.local.options import Options, read_options
from reconciler.providers.local.processes import Processes
from reconciler.providers.local.reading import Reading
from reconciler.providers.local.registered import Registered
from reconciler.providers.local.replacing import Replacing
from reconciler.providers.local.supplies import Supplies
from reconciler.providers.local.tokens import Signer
from reconciler.providers.provider import Assets, Connections, Key, Setting, Usage

Call = Callable[[Step, Operation], None]


class LocalProvider:
    """Deployments as processes of this machine, behind one Envoy a target, kept up by one resident process."""

    name: ClassVar[str] = "local"

    def __init__(self, folder: Path, assets: Assets, options: Options) -> None:
        self._options = options
        self._layout = Layout(folder)
        self._objects = Objects(folder)
        processes = Processes(self._layout)
        front = Front(self._layout, self._objects, processes, options)
        instances = Instances(self._layout, processes, deadline_s=options.ready_seconds)
        environments = Environments(self._layout.environments, exact=options.exact_python)
        supplies = Supplies(self._layout, self._objects, assets, environments, options.server)
        self._credentials = Credentials(self._objects, front, Signer(self._layout.signing_key), options.issuer)
        self._reading = Reading(self._objects, processes, instances, front)
        self._observing = Observing(self._layout, self._reading)
        replacing = Replacing(self._objects, supplies, instances, front)
        self._deployments = Deployments(self._objects, replacing, instances, front, _now)
        self._endpoints = Endpoints(self._objects, front, self._deployments.take_away, _now)
        self._calls = self._table(self._endpoints, assets)
        self._attending = Attending(self._layout, processes)

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Read the target's options; nothing is made yet."""
        return cls(setting.folder.absolute(), setting.assets, read_options(setting.options, setting.root))

    def list(self) -> Sequence[Live]:
        """Every object, in one look at the keeper, the gateway and the instances."""
        return self._reading.list()

    def observe(self, address: Address) -> Live | None:
        """One object as it is now."""
        return self._reading.observe(address)

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on, and put right what a step that was cut off left behind."""
        self._objects.fence(address, generation)
        if address.kind == "deployment":
            self._deployments.settle(address)

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:
        """What needs an image, a registry or a token service."""
        return objections.objections(resources, self._registered, self._options)

    def create(self, step: Step, operation: Operation) -> None:
        """Make the object; one that another state made is not touched."""
        held = self._objects.get(step.address)
        if held and held.lineage != operation.lineage:
            raise ProviderError(f"{step.address} exists already and was not made by this state; import it first")
        self._run(Action.CREATE, step, operation)

    def scale(self, step: Step, operation: Operation) -> None:
        """Bring a deployment to the wanted number of ready instances."""
        self._run(Action.SCALE, step, operation)

    def roll_out(self, step: Step, operation: Operation) -> None:
        """Replace a deployment's instances in waves, the old answering until the new are ready."""
        self._run(Action.ROLL_OUT, step, operation)

    def update(self, step: Step, operation: Operation) -> None:
        """Change what needs no new instance."""
        self._run(Action.UPDATE, step, operation)

    def route(self, step: Step, operation: Operation) -> None:
        """Put an endpoint's traffic in force."""
        self._run(Action.ROUTE, step, operation)

    def delete(self, step: Step, operation: Operation) -> None:
        """Remove the object, finishing the requests that it has."""
        if step.address.endpoint:
            self._endpoints.refuse_while_traffic_leaves(step.address)
        self._run(Action.DELETE, step, operation)

    def close(self) -> None:
        """Nothing is held; what runs keeps running."""

    def credentials(self, endpoint: Address) -> Mapping[str, str | int]:
        """The endpoint's two keys, or a fresh token."""
        return self._credentials.of(endpoint)

    def rotate(self, endpoint: Address, which: Key) -> None:
        """Replace one of the endpoint's keys."""
        self._credentials.rotate(endpoint, which)

    def logs(self, address: Address, *, tail: int, follow: bool, instance: str = "") -> Iterable[str]:
        """What the deployment's instances, or one of them, printed."""
        if address.kind != "deployment":
            raise ProviderError(f"{address} prints nothing; ask for the logs of deployment/ENDPOINT/NAME")
        self._objects.held(address)
        folder = self._layout.logs(address)
        return log_lines(lambda: self._logs_of(address, folder, instance), tail=tail, follow=follow)

    def usage(self) -> Sequence[Usage]:
        """What every instance takes of the machine."""
        return self._observing.usage()

    def connections(self) -> Connections | None:
        """The connections to the gateway."""
        return self._observing.connections()

    def tables(self) -> Mapping[str, Sequence[Path]]:
        """The files of the kept logs."""
        return self._observing.tables()

    def rollouts(self) -> Mapping[Address, Rollout]:
        """The roll-outs of traffic that are not done."""
        return self._endpoints.rollouts()

    def advance(self, endpoint: Address, rollout: Rollout) -> None:
        """Put another step of a roll-out of traffic in force."""
        self._endpoints.advance(endpoint, rollout)

    def demand(self) -> Mapping[Address, int]:
        """How many requests the gateway has under way, by deployment."""
        return self._attending.demand()

    @property
    def metrics_port(self) -> int | None:
        """Where Prometheus may ask."""
        return self._options.metrics_port

    def attend(self, argv: Sequence[str], folder: Path) -> None:
        """Have the attendant run."""
        self._attending.attend(argv, folder)

    def unattend(self) -> None:
        """End the attendant."""
        self._attending.unattend()

    def attended(self) -> bool:
        """Whether there is an attendant."""
        return self._attending.attended()

    def _registered(self, address: Address) -> Spec | None:
        held = self._objects.get(address)
        return held.spec if held else None

    def _logs_of(self, address: Address, folder: Path, instance: str) -> Sequence[Path]:
        held = self._objects.get(address)
        names = [instance] if instance else (held.serving if held else ())
        return [folder / f"{name}.log" for name in names]

    def _run(self, action: Action, step: Step, operation: Operation) -> None:
        call = self._calls.get((step.address.kind, action))
        if call is None:
            raise ProviderError(f"{step.address}: a local target has no {action} for this kind")
        self._layout.prepare()
        self._objects.admit(step.address, operation)
        call(step, operation)

    def _table(self, endpoints: Endpoints, assets: Assets) -> dict[tuple[str, Action], Call]:
        registered = Registered(self._objects, assets, _now)
        assets_calls = {
            Action.CREATE: registered.create,
            Action.UPDATE: registered.update,
            Action.DELETE: registered.delete,
        }
        return {
            ("endpoint", Action.CREATE): endpoints.create,
            ("endpoint", Action.UPDATE): endpoints.update,
            ("endpoint", Action.ROUTE): endpoints.route,
            ("endpoint", Action.DELETE): endpoints.delete,
            ("deployment", Action.CREATE): self._deployments.create,
            ("deployment", Action.SCALE): self._deployments.scale,
            ("deployment", Action.ROLL_OUT): self._deployments.roll_out,
            ("deployment", Action.DELETE): self._deployments.delete,
            **{(kind, action): call for kind in ("model", "environment") for action, call in assets_calls.items()},
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
