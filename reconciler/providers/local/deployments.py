"""Deployments of a local target: instances are started beside the old ones, waited for, then swapped in."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.core.secret import Secret
from reconciler.errors import ProviderError
from reconciler.kinds.deployment import DEPLOYMENT
from reconciler.providers.local.front import Front
from reconciler.providers.local.instances import Instances
from reconciler.providers.local.objects import Object, Objects
from reconciler.providers.local.supplies import Supplies


@dataclass(frozen=True)
class Deployments:
    """The steps of deployments.

    The object says which instances serve. It is written once they are ready; then the gateway follows, their trial
    ends, and whatever else runs for the deployment is stopped. `settle` does that second half, and can do it again
    wherever a run was cut off.
    """

    objects: Objects
    supplies: Supplies
    instances: Instances
    front: Front
    now: Callable[[], str]

    def create(self, step: Step, operation: Operation) -> None:
        """Start every instance, and put them in service once all are ready."""
        self._require_endpoint(step.address)
        held, after = self.objects.get(step.address), step.after or {}
        if held and held.operation == operation.id and held.serving:
            self.scale(step, operation)
            return
        if held is None:
            begun = Object(step.address, after, "", 0, "", status="Creating", created=self.now())
            self.objects.put(begun.by(operation))
        try:
            self._replace(self.objects.held(step.address), after, operation)
        except BaseException:
            if held is None:
                self.objects.remove(step.address)
            raise

    def roll_out(self, step: Step, operation: Operation) -> None:
        """Start new instances beside the old; these answer until the new are ready."""
        self._replace(self.objects.held(step.address), step.after or {}, operation)

    def scale(self, step: Step, operation: Operation) -> None:
        """Bring the instances to the number that is wanted; those that do not answer are replaced."""
        held, after = self.objects.held(step.address), step.after or {}
        spec = {**held.spec, **{name: after[name] for name in DEPLOYMENT.scale if name in after}}
        staying = self._answering(held)[: int(spec["instance_count"])]
        fresh = self._started(step.address, spec, int(spec["instance_count"]) - len(staying), operation)
        self._swap(held, replace(held, spec=spec), (*staying, *fresh), operation)
        self.instances.acknowledge(step.address, staying)

    def delete(self, step: Step, _operation: Operation) -> None:
        """Take the deployment out of the gateway, let its instances finish what they have, and end them."""
        held = self.objects.get(step.address)
        if held:
            self.take_away(held)

    def take_away(self, held: Object) -> None:
        """Out of the gateway first, then the instances."""
        self.objects.put(replace(held, status="Deleting", serving=()))
        self.front.sync()
        self.instances.stop(held.address, self.instances.of(held.address))
        self.instances.forget(held.address)
        self.objects.remove(held.address)

    def settle(self, address: Address) -> None:
        """Make the gateway and the running instances what the object says, wherever a step was cut off."""
        held = self.objects.get(address)
        serving = held.serving if held else ()
        leftover = self.instances.left(address) - set(serving)
        self.front.sync()
        self.instances.settle(address, serving)
        self.instances.stop(address, leftover)

    def _require_endpoint(self, address: Address) -> None:
        if address.parent and self.objects.get(address.parent) is None:
            raise ProviderError(f"{address}: there is no {address.parent}")

    def _replace(self, held: Object, after: Spec, operation: Operation) -> None:
        """Put new instances of a spec in the place of all that serve."""
        fresh = self._started(held.address, after, int(after["instance_count"]), operation)
        self._swap(held, replace(held, spec=after), fresh, operation)

    def _started(self, address: Address, spec: Spec, count: int, operation: Operation) -> tuple[str, ...]:
        """Start instances of a spec on trial; the values of its variables are kept for those started later."""
        if count <= 0:
            return ()
        stored = self.objects.secrets(address)
        variables = revealed(spec.get("environment_variables") or {}, stored)
        launch = self.supplies.launch(spec, variables, operation.report)
        self.objects.keep_secrets(address, {**stored, **_by_digest(spec, variables)})
        return self.instances.start(address, launch, count)

    def _swap(self, held: Object, wanted: Object, serving: Sequence[str], operation: Operation) -> None:
        """Wait for instances and put them in service; where that fails, what was before goes on serving."""
        address = held.address
        try:
            self.instances.await_ready(address, serving, operation.report)
            self.objects.admit(address, operation)
            self._put_in_force(held, replace(wanted, status="Succeeded", serving=tuple(serving)).by(operation))
        except BaseException:
            self.instances.stop(address, set(serving) - set(held.serving))
            raise
        self.instances.settle(address, serving)
        leaving = self.instances.of(address).keys() - set(serving)
        if leaving:
            operation.report(f"draining {len(leaving)} {'instance' if len(leaving) == 1 else 'instances'}")
        self.instances.stop(address, self.instances.left(address) - set(serving))
        self._forget_old_secrets(wanted)

    def _put_in_force(self, held: Object, wanted: Object) -> None:
        """Store a deployment and bring the gateway to it, or both to what they were."""
        self.objects.put(wanted)
        try:
            self.front.sync()
        except BaseException:
            self.objects.put(held)
            with suppress(ProviderError):
                self.front.sync()
            raise

    def _answering(self, held: Object) -> list[str]:
        """Those in service that are kept up and ready. One that is up and does not answer may hang for ever."""
        known = self.instances.of(held.address)
        ready = self.instances.ready(name for name in held.serving if name in known)
        return [name for name in held.serving if name in ready]

    def _forget_old_secrets(self, held: Object) -> None:
        variables = held.spec.get("environment_variables") or {}
        digests = {value.digest for value in variables.values() if isinstance(value, Secret)}
        stored = self.objects.secrets(held.address)
        if stored.keys() - digests:
            kept = {digest: value for digest, value in stored.items() if digest in digests}
            self.objects.keep_secrets(held.address, kept)


def revealed(variables: Mapping[str, object], stored: Mapping[str, str]) -> dict[str, str]:
    """The values of environment variables, from the step, or from what was kept under their digests.

    Raises:
        ProviderError: a value is in neither.
    """
    return {name: _revealed(name, value, stored) for name, value in variables.items()}


def _revealed(name: str, value: object, stored: Mapping[str, str]) -> str:
    if not isinstance(value, Secret):
        return str(value)
    if value.value is not None:
        return value.reveal()
    if value.digest not in stored:
        raise ProviderError(f"the value of environment variable {name} is not at hand; apply its manifest again")
    return stored[value.digest]


def _by_digest(spec: Spec, variables: Mapping[str, str]) -> dict[str, str]:
    given = spec.get("environment_variables") or {}
    return {value.digest: variables[name] for name, value in given.items() if isinstance(value, Secret)}
