"""What a platform must be able to do to be a target, and the small abilities that it may have besides."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from reconciler.core.address import Address
from reconciler.core.manifest import Resource
from reconciler.core.plan import Operation, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Live


class Assets(Protocol):
    """Where the content of models, code and build contexts lies, known by digest."""

    def path(self, digest: str) -> Path:
        """The stored file or folder of that digest, read-only, laid down first if it is not yet there.

        Raises:
            ProviderError: the content is neither stored nor where the manifests found it.
        """
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


class Provider(Protocol):
    """A platform. Calls may come from several threads at once, never two for one address.

    The six methods named after `Action` make `step.after` true and return when it is, or raise `ProviderError` and
    leave what was there before in service. Each refuses an `operation` whose generation is below the highest that
    it has seen for the address (by a call or by `fence`), and stores lineage, generation and operation id with the
    object. Doing the same thing twice is not an error: creating what exists with the same operation, deleting
    what is gone. Traffic of which `after` says nothing stays as it is.
    """

    name: ClassVar[str]

    @classmethod
    def open(cls, setting: Setting) -> Self:
        """Connect to the platform; nothing is created there yet."""
        ...

    def list(self) -> Sequence[Live]:
        """Everything of this target in bulk, made by whichever state."""
        ...

    def observe(self, address: Address) -> Live | None:
        """One object as it is now; None when there is none."""
        ...

    def fence(self, address: Address, generation: int) -> None:
        """Refuse every operation on the address below this generation from now on."""
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
class LogSource(Protocol):
    """A provider that can show what a deployment's instances printed."""

    def logs(self, address: Address, *, tail: int, follow: bool) -> Iterable[str]:
        """The last lines of every instance, each without its line end; with `follow`, also those yet to come."""
        ...


@runtime_checkable
class CredentialSource(Protocol):
    """A provider that can hand out an endpoint's keys."""

    def credentials(self, endpoint: Address) -> Mapping[str, str]:
        """The keys by Azure's names, `primaryKey` and `secondaryKey`."""
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
class TableSource(Protocol):
    """A provider that keeps logs in Azure's columns."""

    def tables(self) -> Mapping[str, Sequence[Path]]:
        """Files of JSON lines by the name of Azure's table, such as `AmlOnlineEndpointTrafficLog`, the oldest first."""
        ...
