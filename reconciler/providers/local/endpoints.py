"""Endpoints of a local target: their keys, and their traffic at the gateway."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.errors import ProviderError
from reconciler.kinds.endpoint import ENDPOINT
from reconciler.providers.local.front import Front
from reconciler.providers.local.objects import Object, Objects
from reconciler.providers.local.serving import shares

KEYS = ("primaryKey", "secondaryKey")


@dataclass(frozen=True)
class Endpoints:
    """The steps of endpoints. `delete_deployment` takes away what hangs on an endpoint that goes."""

    objects: Objects
    front: Front
    delete_deployment: Callable[[Object], None]
    now: Callable[[], str]

    def create(self, step: Step, operation: Operation) -> None:
        """Give the endpoint keys and an address at the gateway."""
        held = self.objects.get(step.address)
        if not self.objects.secrets(step.address):
            self.objects.keep_secrets(step.address, {name: secrets.token_urlsafe(32) for name in KEYS})
        created = held.created if held else self.now()
        fresh = Object(step.address, step.after or {}, "", 0, "", created=created)
        self._put_in_force(held, fresh.by(operation))

    def update(self, step: Step, operation: Operation) -> None:
        """Change what is not traffic; traffic that the step says nothing of stays as it is."""
        held = self.objects.held(step.address)
        traffic = {name: held.spec[name] for name in ENDPOINT.route if name in held.spec}
        self._put_in_force(held, replace(held, spec={**traffic, **(step.after or {})}).by(operation))

    def route(self, step: Step, operation: Operation) -> None:
        """Put traffic in force; every deployment that gets some must be in service."""
        held, after = self.objects.held(step.address), step.after or {}
        serving = {item.address.name for item in self.objects.of_endpoint(step.address.name) if item.serving}
        idle = sorted(shares(after.get("traffic", {})).keys() - serving)
        if idle:
            raise ProviderError(f"{step.address}: traffic for {', '.join(idle)}, which has no instance in service")
        self._put_in_force(held, replace(held, spec=after).by(operation))

    def delete(self, step: Step, _operation: Operation) -> None:
        """Take the endpoint away, and deployments that still hang on it; with the last one the gateway ends."""
        held = self.objects.get(step.address)
        children = list(self.objects.of_endpoint(step.address.name))
        if held:
            self.objects.put(replace(held, spec=_without_traffic(held.spec)))
        for child in children:
            self.delete_deployment(child)
        self.objects.remove(step.address)
        self.front.sync()

    def _put_in_force(self, held: Object | None, fresh: Object) -> None:
        """Store an endpoint and bring the gateway to it; what was before is put back where that fails."""
        self.objects.put(fresh)
        try:
            self.front.sync()
        except BaseException:
            if held:
                self.objects.put(held)
            else:
                self.objects.remove(fresh.address)
            raise


def _without_traffic(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name not in ENDPOINT.route}
