"""A target on this machine: its parts put together, and each step given to the part that does it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from reconciler.core.address import Address
from reconciler.core.contents import contents_of, valueless
from reconciler.core.manifest import Resource, Spec
from reconciler.core.plan import Action, Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.rollout import Rollout
from reconciler.core.state import Live, Served
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting.awaiting import TAIL
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.instances import Instances, Visible
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.options import Options
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.hosting.reading import Reading
from reconciler.providers.hosting.resealing import resealed
from reconciler.providers.provider import Assets, Connections, Key, Usage

if TYPE_CHECKING:
    from reconciler.providers.hosting.attending import Attending
    from reconciler.providers.hosting.credentials import Credentials
    from reconciler.providers.hosting.endpoints import Endpoints
    from reconciler.providers.hosting.observing import Observing

Call = Callable[[Step, Operation], None]


class Deploying(Protocol):
    """The steps of deployments, in waves of our own or as the platform has them."""

    def create(self, step: Step, operation: Operation) -> None:
        """Start every instance, and put them in service once all are ready."""
        ...

    def roll_out(self, step: Step, operation: Operation) -> None:
        """Replace the instances by those of another version; where that fails, those of the former serve on."""
        ...

    def scale(self, step: Step, operation: Operation) -> None:
        """Bring the instances to the number that is wanted; those that do not answer are replaced."""
        ...

    def delete(self, step: Step, operation: Operation) -> None:
        """Take the deployment out of the gateway, let its instances finish what they have, and end them."""
        ...

    def take_away(self, held: Object) -> None:
        """The same, for one that hangs on an endpoint that goes."""
        ...

    def settle(self, address: Address) -> None:
        """Put right what a step that was cut off left behind."""
        ...


@dataclass(frozen=True)
class Parts:
    """What a target is made of; only `instances` and `deployments` differ from platform to platform.

    Args:
        layout: where its files are.
        objects: what it holds.
        processes: its keeper.
        front: its gateway.
        instances: what runs its deployments.
        deployments: makes the steps of deployments.
        assets: where content lies.
        options: what it chooses.
    """

    layout: Layout
    objects: Objects
    processes: Processes
    front: Front
    instances: Visible
    deployments: Callable[[], Deploying]
    assets: Assets
    options: Options


class HostedProvider(ABC):
    """Deployments behind one Envoy a target on this machine; a subclass says what runs their instances."""

    name: ClassVar[str]

    def __init__(self, parts: Parts) -> None:
        self._parts, self._assets = parts, parts.assets
        self._layout, self._objects, self._options = parts.layout, parts.objects, parts.options
        self._reading, self._ways = Reading(parts.objects, parts.instances, parts.front), parts.front.backends

    @abstractmethod
    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:
        """What this platform cannot do of what is wanted."""

    @abstractmethod
    def printed(self, deployment: Address, *, tail: int, follow: bool, instance: str) -> Iterable[str]:
        """What the instances of a deployment that is there, or one of them, printed."""

    @abstractmethod
    def usage(self) -> Sequence[Usage]:
        """What every instance takes."""

    def list(self) -> Sequence[Live]:
        """Every object, in one look at the keeper, the gateway and the instances."""
        return self._reading.list()

    def some(self, addresses: Collection[Address]) -> Sequence[Live]:
        """These objects, in one look."""
        return self._reading.some(addresses)

    def observe(self, address: Address) -> Live | None:
        """One object as it is now."""
        return self._reading.observe(address)

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on, and put right what a step that was cut off left behind."""
        self._layout.prepare()
        self._objects.fence(address, generation)
        if address.kind == "deployment":
            self._deployments.settle(address)

    def fences(self) -> Mapping[Address, int]:
        """By address the generation below which operations are refused, also where the object is gone."""
        return self._objects.fences()

    def made(self) -> Mapping[Address, Spec]:
        """By address, what the last operation made true, whatever has become of the instances since."""
        return {item.address: item.spec for item in self._objects.all()}

    def reseal(self, key: bytes) -> Collection[Address]:
        """Bring the secrets of every deployment under a state's key."""
        return {item.address for item in list(self._objects.all()) if not resealed(self._objects, item, key)}

    def adopt(self, address: Address, operation: Operation) -> None:
        """Make an object another state's; what runs goes on."""
        self._objects.held(address)
        self.fence(address, operation.generation)
        self._objects.take_over(address, operation)

    def lacking(self, address: Address, spec: Spec) -> Iterator[str]:
        """The secrets whose values are not kept with the object, and content that is not stored."""
        stored = self._objects.secrets(address)
        yield from (f"the value of {path}" for path, secret in valueless(spec) if secret.digest not in stored)
        yield from (f"the content {digest}" for digest in contents_of(spec) if not self._assets.holds(digest))

    def create(self, step: Step, operation: Operation) -> None:
        """Make the object; one that another state made is not touched."""
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

    @abstractmethod
    def close(self) -> None:
        """Let go of connections; what runs keeps running."""

    def logs(self, address: Address, *, tail: int, follow: bool, instance: str = "") -> Iterable[str]:
        """What the deployment's instances, or one of them, printed."""
        if address.kind != "deployment":
            raise ProviderError(f"{address} prints nothing; ask for the logs of deployment/ENDPOINT/NAME")
        self._objects.held(address)
        return self.printed(address, tail=tail, follow=follow, instance=instance)

    def credentials(self, endpoint: Address) -> Mapping[str, str | int]:
        """The endpoint's two keys, or a fresh token."""
        return self._credentials.of(endpoint)

    def rotate(self, endpoint: Address, which: Key) -> None:
        """Replace one of the endpoint's keys."""
        self._credentials.rotate(endpoint, which)

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

    def served(self) -> Sequence[Served]:
        """What every instance in service says that it has loaded."""
        held = [item for item in self._objects.all() if item.address.kind == "deployment" and item.serving]
        if not held:
            return ()
        from reconciler.providers.hosting.served import served_of  # noqa: PLC0415 - HTTP, which takes 18 ms to load

        return served_of(held, self._ways)

    # A look needs none of what follows, so it is loaded by whoever changes something, or asks for more.

    @cached_property
    def _deployments(self) -> Deploying:
        return self._parts.deployments()

    @cached_property
    def _endpoints(self) -> "Endpoints":
        from reconciler.providers.hosting.endpoints import Endpoints  # noqa: PLC0415
        from reconciler.providers.hosting.watching import Watch  # noqa: PLC0415

        watch = Watch(self._reading.observe, self._tail, self._options.watch_seconds)
        return Endpoints(self._objects, self._parts.front, self._deployments.take_away, now, watch)

    @cached_property
    def _credentials(self) -> "Credentials":
        from reconciler.providers.hosting.credentials import Credentials  # noqa: PLC0415
        from reconciler.providers.hosting.tokens import Signer  # noqa: PLC0415

        signer = Signer(self._layout.signing_key)
        return Credentials(self._objects, self._parts.front, signer, self._options.issuer)

    @cached_property
    def _observing(self) -> "Observing":
        from reconciler.providers.hosting.observing import Observing  # noqa: PLC0415

        return Observing(self._layout)

    @cached_property
    def _attending(self) -> "Attending":
        from reconciler.providers.hosting.attending import Attending  # noqa: PLC0415

        return Attending(self._layout, self._parts.processes)

    def _outdate(self, deployment: Address) -> None:
        """Have the next roll-out replace every instance, whatever it is to; cut off, they show as mixed."""
        held = self._objects.held(deployment)
        self._objects.put(replace(held, versions=dict.fromkeys(held.serving, "altered")))

    def _tail(self, deployment: Address) -> Iterable[str]:
        return self.printed(deployment, tail=TAIL, follow=False, instance="")

    def _registered(self, address: Address) -> Spec | None:
        held = self._objects.get(address)
        return held.spec if held else None

    def _run(self, action: Action, step: Step, operation: Operation) -> None:
        call = self._calls.get((step.address.kind, action))
        if call is None:
            raise ProviderError(f"{step.address}: a {self.name} target has no {action} for this kind")
        held = self._objects.get(step.address)
        if held and held.lineage != operation.lineage:
            raise ProviderError(f"{step.address} exists already and was not made by this state; import it first")
        self._layout.prepare()
        self._objects.admit(step.address, operation)
        call(step, operation)
        self._objects.mirror()

    @cached_property
    def _calls(self) -> dict[tuple[str, Action], Call]:
        from reconciler.providers.hosting.registered import Registered  # noqa: PLC0415

        endpoints, registered = self._endpoints, Registered(self._objects, self._assets, now)
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


def in_waves(objects: Objects, instances: Instances, front: Front) -> Callable[[], Deploying]:
    """What makes the steps of deployments whose instances we replace ourselves."""

    def make() -> Deploying:
        from reconciler.providers.hosting.deployments import Deployments  # noqa: PLC0415 - as above
        from reconciler.providers.hosting.replacing import Replacing  # noqa: PLC0415

        return Deployments(objects, Replacing(objects, instances, front), instances, front, now)

    return make


def now() -> str:
    """The time as objects have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
