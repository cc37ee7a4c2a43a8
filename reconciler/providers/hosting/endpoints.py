"""Endpoints of a local target: what opens them, and their traffic at the gateway."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.core.rollout import Rollout, begun, receiving
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.kinds.endpoint import ENDPOINT
from reconciler.providers.hosting.credentials import ensure_keys
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.objects import Object, Objects
from reconciler.providers.hosting.serving import shares
from reconciler.providers.hosting.watching import Watch


@dataclass(frozen=True)
class Endpoints:
    """The steps of endpoints. `delete_deployment` takes away what hangs on an endpoint that goes."""

    objects: Objects
    front: Front
    delete_deployment: Callable[[Object], None]
    now: Callable[[], str]
    watch: Watch
    clock: Callable[[], float] = time.time

    def create(self, step: Step, operation: Operation) -> None:
        """Give the endpoint an address at the gateway, and keys where these open it."""
        held = self.objects.get(step.address)
        created = held.created if held else self.now()
        fresh = Object(step.address, step.after or {}, "", 0, "", created=created)
        self._put_in_force(held, fresh.by(operation))

    def update(self, step: Step, operation: Operation) -> None:
        """Change what is not traffic; traffic stays as it is, on its way or not."""
        held, after = self.objects.held(step.address), step.after or {}
        ended = held.rollout and not held.rollout.unfinished and "rollout" not in after
        fresh = replace(
            held, spec={**_without_traffic(after), **_traffic(held)}, rollout=None if ended else held.rollout
        )
        self._put_in_force(held, fresh.by(operation))

    def route(self, step: Step, operation: Operation) -> None:
        """Put traffic in force, or the first step to it; every deployment that gets some must be in service.

        Raises:
            ProviderError: one is not, or loses an instance as soon as it gets more; the traffic is then as before.
        """
        held, after = self.objects.held(step.address), step.after or {}
        serving = {item.address.name for item in self.objects.of_endpoint(step.address.name) if item.serving}
        wanted = {name for field in ENDPOINT.route for name in shares(after.get(field) or {})}
        idle = sorted(wanted - serving)
        if idle:
            raise ProviderError(f"{step.address}: traffic for {', '.join(idle)}, which has no instance in service")
        fresh = _routed(held, after, operation, self.clock())
        if fresh.rollout:
            operation.report(str(fresh.rollout))
        before = self.watch.losses(_gaining(held, fresh))
        self._put_in_force(held, fresh.by(operation))
        try:
            self.watch.hold_out(before)
        except ProviderError as error:
            self._put_in_force(fresh, held)
            raise ProviderError(f"{error}; the traffic is as it was before", log_tail=error.log_tail) from error

    def advance(self, address: Address, rollout: Rollout) -> None:
        """Put another step of a roll-out in force, unless a later operation has replaced it."""
        held = self.objects.held(address)
        if held.rollout is None or held.rollout.id != rollout.id:
            raise ProviderError(f"{address}: this roll-out was replaced by a later change")
        spec = {**held.spec, "traffic": rollout.traffic}
        self._put_in_force(held, replace(held, spec=spec, rollout=None if rollout.done else rollout))

    def refuse_while_traffic_leaves(self, deployment: Address) -> None:
        """Let no deployment go that still has traffic of an unfinished roll-out.

        Raises:
            ProviderError: it has.
        """
        held = self.objects.get(deployment.parent) if deployment.parent else None
        if held and held.rollout and held.rollout.unfinished and held.rollout.traffic.get(deployment.name):
            raise ProviderError(f"{deployment} still has traffic: {held.rollout}; delete it once that is done")

    def rollouts(self) -> Mapping[Address, Rollout]:
        """The roll-outs that are not done, by endpoint."""
        return {item.address: item.rollout for item in self.objects.all() if item.rollout}

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
        ensure_keys(self.objects, fresh)
        self.objects.put(fresh)
        try:
            self.front.sync()
        except BaseException:
            if held:
                self.objects.put(held)
            else:
                self.objects.remove(fresh.address)
            raise


def _routed(held: Object, after: Spec, operation: Operation, now: float) -> Object:
    """The endpoint with its traffic moved: at once, or by the first step of a roll-out.

    A roll-out that leads to the same traffic goes on; what leads back to where it came from, goes back at once.
    """
    spec, moving = {**_traffic(held), **after}, held.rollout
    wanted = shares(spec.get("traffic", {}))
    if moving and moving.unfinished and moving.after == wanted:
        return replace(held, spec={**spec, "traffic": moving.traffic})
    if moving and moving.unfinished and moving.before == wanted:
        return replace(held, spec=spec, rollout=None)
    in_force = shares(held.spec.get("traffic", {}))
    fresh = begun(after.get("rollout"), in_force, wanted, operation=operation.id, now=now)
    return replace(held, spec={**spec, "traffic": fresh.traffic} if fresh else spec, rollout=fresh)


def _gaining(held: Object, fresh: Object) -> list[Address]:
    """The deployments that get more, where there is traffic that can go back."""
    before, after = (shares(each.spec.get("traffic", {})) for each in (held, fresh))
    gaining = receiving(before, after) if before else ()
    return [Address("deployment", name, endpoint=held.address.name) for name in sorted(gaining)]


def _traffic(held: Object) -> Spec:
    return {name: held.spec[name] for name in ENDPOINT.route if name in held.spec}


def _without_traffic(spec: Spec) -> Spec:
    return {name: value for name, value in spec.items() if name not in ENDPOINT.route}
