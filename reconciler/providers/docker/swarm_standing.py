"""What became of a step: deployments as the swarm has them, and the way back where a step failed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation
from reconciler.errors import ProviderError
from reconciler.kinds.autoscaling import COUNT
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_files import SwarmFiles
from reconciler.providers.docker.swarm_services import replicas
from reconciler.providers.docker.swarm_tasks import Look, Service
from reconciler.providers.docker.swarm_waiting import RolledBackError, Waiting, Wanted
from reconciler.providers.hosting.deployments import SERVES_AS_BEFORE
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.objects import Object, Objects, version_of
from reconciler.providers.hosting.replacing import forget_old_secrets
from reconciler.providers.hosting.waves import wave_size

# From the settings that a service has to those that it is to have.
Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Standing:
    """Stores deployments as the swarm has them, and brings the gateway to that."""

    objects: Objects
    swarm: Swarm
    files: SwarmFiles
    waiting: Waiting
    front: Front

    def store(self, held: Object, operation: Operation) -> None:
        """Store a deployment whose spec is true, be it a new one or that from before.

        Raises:
            ProviderError: the gateway refuses, or a younger operation has been here.
        """
        self.objects.admit(held.address, operation)
        found = in_service(held, self.swarm.look())
        self.objects.put(found.at_rest())
        self.front.sync()
        forget_old_secrets(self.objects, found)
        self.files.sweep()

    def rolled_back(self, held: Object, spec: Spec, error: RolledBackError, operation: Operation) -> ProviderError:
        """Store that the swarm has gone back from a version, or stopped on its way, and return what says so."""
        self.store(held, operation)
        size, count = wave_size(spec), int(spec[COUNT])
        total, failed = -(-count // size), min(error.replaced, count - 1) // size + 1
        where = f"wave {failed} of {total} failed, {error.replaced} of {count} instances were replaced by then"
        back = f"the swarm went back: {SERVES_AS_BEFORE}"
        if error.stuck:
            found = self.objects.held(held.address)
            self.objects.put(replace(found, status="Failed"))
            back = (
                f"going back failed too: of the {len(found.serving)} instances in service {len(found.others)} run the "
                "new version; `mlops apply` goes on from here, to the version that the files say then"
            )
        return ProviderError(f"{held.address}: {error.why}; {where}; {back}", log_tail=error.log_tail)

    def version_as_before(
        self, held: Object, former: Service, error: ProviderError, operation: Operation
    ) -> ProviderError:
        """Have the swarm run what it ran before, and return the error that says what happened."""
        return self._back(held, former, error, operation, lambda _: former.body, SERVES_AS_BEFORE)

    def size_as_before(
        self, held: Object, former: Service, error: ProviderError, operation: Operation
    ) -> ProviderError:
        """Have the swarm run as many as before, and return the error that says what happened."""
        mode, said = replicas(former.replicas), "there are as many instances as before"
        return self._back(held, former, error, operation, lambda body: {**body, "Mode": mode}, said)

    def _back(
        self, held: Object, former: Service, error: ProviderError, operation: Operation, change: Change, said: str
    ) -> ProviderError:
        try:
            self.objects.admit(held.address, operation)
            there = self.swarm.inspect(former)
            if change(there.body) != there.body:
                operation.report("going back")
                before = frozenset(task.id for task in self.swarm.look().of(held.address))
                self.swarm.change(there, change)
                self.waiting.updated(Wanted(held.address, former.template, former.replicas, before), operation.report)
            self.store(held, operation)
        except (ProviderError, RolledBackError) as second:
            self.objects.put(replace(held, status="Failed"))
            said = f"going back failed too: {second}; `mlops apply` goes on from here"
        return ProviderError(f"{error}; {said}", log_tail=error.log_tail)


def in_service(held: Object, look: Look) -> Object:
    """A deployment with the instances that the swarm wants to run, each with the version of its youngest task."""
    wanted = {task.instance: task.version for task in look.of(held.address) if task.wanted}
    current = version_of(held.spec)
    others = {name: version for name, version in wanted.items() if version != current}
    return replace(held, serving=tuple(wanted), versions=others)
