"""Instances as processes of this machine: started on trial, waited for, put in service, drained and stopped."""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation
from reconciler.frozen import dataclass
from reconciler.keeper.values import Status
from reconciler.providers.hosting.awaiting import TAIL, WAITING, Patience, short
from reconciler.providers.hosting.instances import Sight, Starter, strays
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.logs import last_lines
from reconciler.providers.hosting.objects import Object
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.local.launch import Launch, process
from reconciler.providers.local.probing import ready_ones
from reconciler.providers.local.supplies import Supplies


@dataclass(frozen=True)
class Instances:
    """The instances of a target's deployments, each known by twelve random hexadecimal digits.

    Args:
        outer: the operator's environment, of which instances get a few harmless names.
        patience: how long an instance may take to readiness.
    """

    layout: Layout
    processes: Processes
    supplies: Supplies
    patience: Patience = field(default_factory=Patience)
    outer: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def prepare(self, deployment: Address, spec: Spec, variables: Mapping[str, str], operation: Operation) -> Starter:
        """Lay down what a spec needs, and return what starts processes with it."""
        launch = self.supplies.launch(deployment, spec, variables, operation.report)
        return lambda count: self.start(deployment, launch, count)

    def start(self, deployment: Address, launch: Launch, count: int) -> tuple[str, ...]:
        """Start instances on trial: nothing is sent to them, and one that ends is not started again."""
        names = tuple(os.urandom(6).hex() for _ in range(count))
        folder = self.layout.logs(deployment)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in names:
            log = folder / f"{name}.log"
            self.processes.start(process(launch, kept(deployment, name), self.layout.socket(name), log, self.outer))
        return names

    def await_ready(self, deployment: Address, names: Sequence[str], report: Callable[[str], None]) -> None:
        """Wait until each of the instances is ready."""
        self.patience.await_ready(self, deployment, names, report)

    def ready(self, names: Iterable[str]) -> frozenset[str]:
        """Those that answer."""
        return frozenset(path.stem for path in ready_ones(map(self.layout.socket, names)))

    def unready(self, _deployment: Address, _name: str) -> str:
        """Why an instance that runs is not ready: all run our server, which is ready once init() has returned."""
        return WAITING

    def settle(self, deployment: Address, names: Sequence[str]) -> None:
        """End the trial: what is in service is kept up from now on."""
        self.processes.settle([kept(deployment, name) for name in names])

    def stop(self, deployment: Address, names: Iterable[str]) -> None:
        """Let instances finish what they have, then end them; their sockets and logs go with them."""
        leaving = list(names)
        self.processes.remove([kept(deployment, name) for name in leaving])
        for name in leaving:
            self.layout.socket(name).unlink(missing_ok=True)
            for log in self.layout.logs(deployment).glob(f"{name}.log*"):
                log.unlink(missing_ok=True)

    def acknowledge(self, deployment: Address, names: Iterable[str]) -> None:
        """Count restarts anew: what was lost is mended."""
        self.processes.acknowledge([kept(deployment, name) for name in names])

    def forget(self, deployment: Address) -> None:
        """Remove what is left of a deployment that is gone."""
        shutil.rmtree(self.layout.logs(deployment), ignore_errors=True)

    def clear(self, deployment: Address, _operation: Operation) -> None:
        """Stop and remove what is left of a deployment that no object speaks of."""
        self.stop(deployment, self.left(deployment))

    def of(self, deployment: Address) -> dict[str, Status]:
        """A deployment's instances that the keeper knows, by name."""
        return of_deployment(self.processes.list(), deployment)

    def left(self, deployment: Address) -> set[str]:
        """Those that the keeper knows, and those of which only a log is left."""
        logs = {path.name.partition(".")[0] for path in self.layout.logs(deployment).glob("*.log*")}
        return logs | self.of(deployment).keys()

    def tail(self, deployment: Address, name: str) -> list[str]:
        """The last lines of an instance's log, each as far as a reader would follow it."""
        return short(last_lines(self.layout.logs(deployment) / f"{name}.log", TAIL))

    def see(self, held: Sequence[Object]) -> Sight:
        """Look at the sockets and the keeper; a keeper that alone has died is started anew."""
        if not held:
            return Sight()
        ready = self.ready(name for item in held for name in item.serving)
        statuses = self.processes.seen()
        if statuses is None and ready:
            # The keeper alone has died: a new one adopts what still answers. Where nothing does, as after a restart
            # of the machine, a look starts nothing; the next step does.
            statuses = self.processes.list()
        found = {item.address: of_deployment(statuses or {}, item.address) for item in held}
        return Sight(found, ready, strays=strays(held, found))


def kept(deployment: Address, name: str) -> str:
    """The name by which the keeper knows an instance."""
    return f"{deployment.endpoint}/{deployment.name}/{name}"


def of_deployment(statuses: Mapping[str, Status], deployment: Address) -> dict[str, Status]:
    """Those of the kept processes that are a deployment's instances, by their own names."""
    prefix = kept(deployment, "")
    return {name.removeprefix(prefix): status for name, status in statuses.items() if name.startswith(prefix)}
