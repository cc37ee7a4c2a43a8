"""What a platform must be able to do to be a target, and the small abilities that it may have besides."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, runtime_checkable

from reconciler.core.address import Address
from reconciler.core.manifest import Resource, Spec
from reconciler.core.plan import Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.rollout import Rollout
from reconciler.core.state import Live, Served
from reconciler.frozen import dataclass


class Assets(Protocol):
    """Where the content of models, code and build contexts lies, known by digest."""

    def path(self, digest: str) -> Path:
        """The stored file or folder of that digest, read-only, laid down first if it is not yet there.

        Raises:
            ProviderError: the content is neither stored nor where the manifests found it.
        """
        ...

    def distrust(self, digest: str) -> None:
        """Look at the stored content when it is next asked for, and lay it down anew if it was altered."""
        ...

    def holds(self, digest: str) -> bool:
        """Whether it is stored, or where the manifests found it."""
        ...


@dataclass(frozen=True)
class Setting:
    """What a provider is opened with.

    Args:
        target: the target's name.
        folder: a private folder of this target's own, which the provider creates when it needs it.
        options: the target's own keys of `mlops.yaml`, such as `gateway` or `local`.
        assets: where content lies.
        root: the folder against which relative paths in the options are read.
    """

    target: str
    folder: Path
    assets: Assets
    options: Mapping[str, Any] = field(default_factory=dict)
    root: Path = Path()


class Seeing(Protocol):
    """Of a provider, what is asked of it outside of steps."""

    def list(self) -> Sequence[Live]:
        """Everything of this target in bulk, made by whichever state."""
        ...

    def observe(self, address: Address) -> Live | None:
        """One object as it is now; None when there is none."""
        ...

    def fence(self, address: Address, generation: int) -> None:
        """Refuse every operation on the address below this generation from now on."""
        ...


class Provider(Seeing, Protocol):
    """A platform. Calls may come from several threads at once, never two for one address.

    The six methods named after `Action` make `step.after` true and return when it is, or raise `ProviderError` and
    leave what was there before in service; `TransientError` where the same call may succeed in a moment, which is then
    made again with the same operation. Each refuses an `operation` whose generation is below the highest that it has
    seen for the address (by a call or by `fence`), and stores lineage, generation and operation id with the object.
    Doing the same thing twice is not an error: creating what exists with the same operation, deleting what is gone.
    Traffic and a number of instances of which `after` says nothing stay as they are.
    """

    name: ClassVar[str]

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Connect to the platform; nothing is created there yet."""
        ...

    def objections(self, resources: Sequence[Resource]) -> Iterator[Problem]:
        """What this platform cannot do of what is wanted; read only, and quick."""
        ...

    def create(self, step: Step, operation: Operation) -> None:
        """Make the object; for a deployment, return once every instance answers its readiness probe."""
        ...

    def scale(self, step: Step, operation: Operation) -> None:
        """Bring the number of instances to what is wanted, and every instance to readiness."""
        ...

    def roll_out(self, step: Step, operation: Operation) -> None:
        """Replace what runs by what is wanted; the old keeps answering until the new is ready."""
        ...

    def update(self, step: Step, operation: Operation) -> None:
        """Change what needs no new instance."""
        ...

    def route(self, step: Step, operation: Operation) -> None:
        """Put an endpoint's traffic in force."""
        ...

    def delete(self, step: Step, operation: Operation) -> None:
        """Remove the object, finishing the requests that it has."""
        ...

    def close(self) -> None:
        """Let go of connections; what runs keeps running."""
        ...


@runtime_checkable
class FenceSource(Protocol):
    """A provider that can tell which operations it refuses, for a record that is to be made anew."""

    def fences(self) -> Mapping[Address, int]:
        """By address the generation below which operations are refused, also where the object is gone."""
        ...


@runtime_checkable
class Knowing(Protocol):
    """A provider that can tell what it could not make true of specs that come from a record."""

    def lacking(self, address: Address, spec: Spec) -> Iterator[str]:
        """What of an object's spec is not at hand here, in words: the values of its secrets, its content."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A provider that knows what the last operations made true, whatever has become of that since."""

    def made(self) -> Mapping[Address, Spec]:
        """By address, the spec that the last operation made true."""
        ...


@runtime_checkable
class Resealing(Protocol):
    """A provider that keeps the values of its objects' secrets, and can know them by other digests."""

    def reseal(self, key: bytes) -> Collection[Address]:
        """Bring the secrets of every object under a state's key; nothing that runs is touched.

        Returns:
            The objects some of whose values are not at hand: their digests stay.
        """
        ...


@runtime_checkable
class Adopting(Protocol):
    """A provider that can hand an object from the state that made it, or from nobody, to another one."""

    def adopt(self, address: Address, operation: Operation) -> None:
        """Have the object carry the operation's lineage, generation and id; nothing that runs is touched.

        Doing the same thing twice is not an error. Whoever had the object before is refused from now on.

        Raises:
            ProviderError: there is no such object, or a younger operation has been here.
        """
        ...


@runtime_checkable
class LogSource(Protocol):
    """A provider that can show what a deployment's instances printed."""

    def logs(self, address: Address, *, tail: int, follow: bool, instance: str = "") -> Iterable[str]:
        """The last lines of every instance, or of one, each without its line end; with `follow`, also those to come."""
        ...


@runtime_checkable
class CredentialSource(Protocol):
    """A provider that can hand out what opens an endpoint."""

    def credentials(self, endpoint: Address) -> Mapping[str, str | int]:
        """By Azure's names the keys, `primaryKey` and `secondaryKey`, or with `auth_mode: aml_token` a fresh token.

        A token comes as `accessToken`, `tokenType`, and `expiryTimeUtc` and `refreshAfterTimeUtc` in seconds since the
        epoch.

        Raises:
            ProviderError: somebody else hands out what opens the endpoint.
        """
        ...


Key = Literal["primary", "secondary"]


@runtime_checkable
class KeyRotation(Protocol):
    """A provider that can replace one key of an endpoint while the other goes on to open it."""

    def rotate(self, endpoint: Address, which: Key) -> None:
        """Put a new key in force, and the old one out of force, before it returns.

        Raises:
            ProviderError: the endpoint has no keys, or the new one cannot be put in force; the old one goes on.
        """
        ...


@dataclass(frozen=True)
class Usage:
    """What one instance of a deployment takes.

    Args:
        state: as `status` tells it, such as `running` or `not ready`.
        cpu_seconds: of CPU, since the instance started.
        memory_bytes: that it holds now.
    """

    deployment: Address
    instance: str
    state: str
    cpu_seconds: float
    memory_bytes: int


@runtime_checkable
class UsageSource(Protocol):
    """A provider that can tell what its instances take."""

    def usage(self) -> Sequence[Usage]:
        """Every instance of the target."""
        ...


@runtime_checkable
class ServedSource(Protocol):
    """A provider whose instances tell which content they have loaded."""

    def served(self) -> Sequence[Served]:
        """Every instance in service, each asked itself; one that does not answer, or has a server of another's, too."""
        ...


@runtime_checkable
class Renewing(Protocol):
    """A provider that can lay content down anew where it was altered behind its back."""

    def renew(self, deployment: Address, spec: Spec) -> None:
        """Have the next step of a deployment take what this spec speaks of from its source, not from where it lies."""
        ...


@dataclass(frozen=True)
class Connections:
    """The connections of clients to a target's gateway.

    Args:
        active: those there are now.
        accepted: how many there have been since the proxy started.
    """

    active: int
    accepted: int


@runtime_checkable
class ConnectionSource(Protocol):
    """A provider that can tell of the connections to its gateway."""

    def connections(self) -> Connections | None:
        """The connections as they are now; None where no gateway answers."""
        ...


@runtime_checkable
class TableSource(Protocol):
    """A provider that keeps logs in Azure's columns."""

    def tables(self) -> Mapping[str, Sequence[Path]]:
        """Files of JSON lines by the name of Azure's table, such as `AmlOnlineEndpointTrafficLog`, the oldest first."""
        ...


@runtime_checkable
class DemandSource(Protocol):
    """A provider whose gateway knows what it is asked for at this moment."""

    def demand(self) -> Mapping[Address, int]:
        """By deployment, the requests that are being answered or wait for an instance."""
        ...


@runtime_checkable
class Progressive(Protocol):
    """A provider that moves traffic in steps, and leaves it to the attendant when the next one is due.

    Its `route` puts the first step in force and returns, where the endpoint has a `rollout` policy and had traffic.
    """

    def rollouts(self) -> Mapping[Address, Rollout]:
        """By endpoint, the roll-outs that are not done; one that has returned stays until the next `route`."""
        ...

    def advance(self, endpoint: Address, rollout: Rollout) -> None:
        """Put the traffic of a roll-out in force and remember how far it is; only while nobody else changes the target.

        Raises:
            ProviderError: a later step has replaced it, or the traffic cannot be put in force.
        """
        ...


@runtime_checkable
class Attended(Protocol):
    """A provider that can keep a process of ours beside the target: started again when it ends, gone with the target.

    Args:
        metrics_port: of 127.0.0.1, where the process is to answer Prometheus; None where nobody asks.
    """

    @property
    def metrics_port(self) -> int | None:
        """Where Prometheus may ask."""
        ...

    def attend(self, argv: Sequence[str], folder: Path) -> None:
        """Have the process run in a folder; one that runs with the same words is left alone."""
        ...

    def unattend(self) -> None:
        """End it, if there is one; a process that says so of itself is told to stop like any other."""
        ...

    def attended(self) -> bool:
        """Whether it is there."""
        ...
