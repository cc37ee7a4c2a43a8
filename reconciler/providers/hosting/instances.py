"""What runs the instances of deployments, as the steps need it; here platforms differ."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation
from reconciler.core.state import Live
from reconciler.frozen import dataclass
from reconciler.keeper.values import Status
from reconciler.providers.hosting.objects import Object

# Starts so many instances on trial, and returns their names.
Starter = Callable[[int], Sequence[str]]


@dataclass(frozen=True)
class Sight:
    """What was seen of instances in one look.

    Args:
        statuses: of every instance that there is, by deployment and by name.
        ready: the names of those that answer.
        orphans: what is left of deployments that no object speaks of; without a spec.
        strays: how many instances of a deployment its object does not name, as a run that was cut off leaves them.
    """

    statuses: Mapping[Address, Mapping[str, Status]] = field(default_factory=dict)
    ready: frozenset[str] = frozenset()
    orphans: tuple[Live, ...] = ()
    strays: Mapping[Address, int] = field(default_factory=dict)


def strays(held: Sequence[Object], statuses: Mapping[Address, Mapping[str, Status]]) -> dict[Address, int]:
    """How many instances each deployment has that are not in service; those on trial right now among them."""
    found = {item.address: len(statuses.get(item.address, {}).keys() - set(item.serving)) for item in held}
    return {address: count for address, count in found.items() if count}


class Visible(Protocol):
    """What can be looked at."""

    def see(self, held: Sequence[Object]) -> Sight:
        """Look at the instances of deployments, all at a stroke."""
        ...


class Instances(Visible, Protocol):
    """The instances of a target's deployments, each known by a name that is never given twice."""

    def prepare(self, deployment: Address, spec: Spec, variables: Mapping[str, str], operation: Operation) -> Starter:
        """Lay down what a spec needs, and return what starts instances with it.

        Nothing is sent to instances on trial, and one that ends is not started again.

        Args:
            deployment: whose instances they will be.
            spec: which version of it they run.
            variables: the values of its environment variables.
            operation: on whose behalf; it is told what is going on.

        Raises:
            ProviderError: something is not there and cannot be made.
        """
        ...

    def await_ready(self, deployment: Address, names: Sequence[str], report: Callable[[str], None]) -> None:
        """Wait until each of the instances is ready.

        Raises:
            ProviderError: one of them ended first, or the deadline passed; the last lines of its log come along.
        """
        ...

    def ready(self, names: Iterable[str]) -> frozenset[str]:
        """Those that run and answer."""
        ...

    def settle(self, deployment: Address, names: Sequence[str]) -> None:
        """End the trial: what is in service is kept up from now on."""
        ...

    def stop(self, deployment: Address, names: Iterable[str]) -> None:
        """Let instances finish what they have, then end them; what they leave goes with them."""
        ...

    def acknowledge(self, deployment: Address, names: Iterable[str]) -> None:
        """A step is done: count restarts anew, as what was lost is mended, and remove what nothing needs any more."""
        ...

    def forget(self, deployment: Address) -> None:
        """Remove what is left of a deployment that is gone."""
        ...

    def clear(self, deployment: Address, operation: Operation) -> None:
        """Stop and remove what is left of a deployment that no object speaks of.

        Raises:
            ProviderError: another state made it.
        """
        ...

    def of(self, deployment: Address) -> Mapping[str, Status]:
        """A deployment's instances that there are, by name."""
        ...

    def left(self, deployment: Address) -> set[str]:
        """The names of those that there are, and of those of which only something is left."""
        ...
