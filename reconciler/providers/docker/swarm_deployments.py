"""The steps of deployments where the swarm does the work: told what is wanted, watched, and followed by the gateway."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.errors import ProviderError
from reconciler.kinds.autoscaling import COUNT
from reconciler.kinds.deployment import DEPLOYMENT
from reconciler.providers.docker.names import DIGEST, LINEAGE, Names, generation_of
from reconciler.providers.docker.supplies import Supplies
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_files import SwarmFiles
from reconciler.providers.docker.swarm_services import Service as Laid
from reconciler.providers.docker.swarm_services import body, labels, replicas, template_of
from reconciler.providers.docker.swarm_standing import Standing, in_service
from reconciler.providers.docker.swarm_tasks import Service
from reconciler.providers.docker.swarm_waiting import RolledBackError, Waiting, Wanted
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Object, Objects, by_digest, with_values
from reconciler.providers.hosting.replacing import revealed

# Of an update that fails over the engine alone.
_TRIES = 3


@dataclass(frozen=True)
class SwarmDeployments:
    """The steps of deployments, each a service of the swarm.

    The object's spec is what was last made true, and it names the instances in service; which tasks run these is asked
    of the swarm each time. The swarm goes on with what it was told when this process ends, and `settle` brings the
    object to what came of it.
    """

    layout: Layout
    objects: Objects
    swarm: Swarm
    names: Names
    supplies: Supplies
    files: SwarmFiles
    waiting: Waiting
    front: Front
    standing: Standing
    now: Callable[[], str]

    def create(self, step: Step, operation: Operation) -> None:
        """Have the swarm start every instance, and put them in service once all are ready."""
        self.objects.require_parent(step.address)
        after, held = step.after or {}, self.objects.get(step.address)
        there = self._service(step.address)
        if there:
            refuse(there, step.address, operation)
        if held and there:
            self._bring(held, after, operation, status="Creating")
            return
        if there:
            self._remove(there)
        begun = held or Object(step.address, after, "", 0, "", created=self.now()).by(operation)
        self._start(begun, after, operation, status="Creating")

    def roll_out(self, step: Step, operation: Operation) -> None:
        """Have the swarm replace the instances by those of another version; it goes back where they fail."""
        held = self.objects.held(step.address)
        after = {COUNT: held.spec[COUNT], **(step.after or {})}
        self._bring(held, after, operation, status="Updating")

    def scale(self, step: Step, operation: Operation) -> None:
        """Have the swarm run as many instances as are wanted; the gateway follows."""
        held, after = self.objects.held(step.address), step.after or {}
        others = {name: value for name, value in held.spec.items() if name not in DEPLOYMENT.scale}
        scaled = {name: value for name, value in after.items() if name in DEPLOYMENT.scale}
        spec = {**others, COUNT: held.spec[COUNT], **scaled}
        service = self._service(held.address)
        if service is None:
            self._start(replace(held, serving=(), versions={}), spec, operation, status="Scaling")
            return
        refuse(service, held.address, operation)
        self.objects.put(replace(held, status="Scaling"))
        try:
            self._resize(service, int(spec[COUNT]), operation)
        except ProviderError as error:
            raise self.standing.size_as_before(held, service, error, operation) from error
        self.standing.store(replace(held, spec=spec).by(operation), operation)

    def delete(self, step: Step, operation: Operation) -> None:
        """Take the deployment out of the gateway, let its instances finish what they have, and end them."""
        held, service = self.objects.get(step.address), self._service(step.address)
        if held:
            self.take_away(held)
        elif service:
            refuse(service, step.address, operation)
            self._remove(service)
            self.files.sweep()
            self.supplies.contents.sweep()

    def take_away(self, held: Object) -> None:
        """Out of the gateway first, then the service."""
        self.objects.put(replace(held.without(held.serving), status="Deleting"))
        self.front.sync()
        service = self._service(held.address)
        if service:
            self._remove(service)
        self.objects.remove(held.address)
        self.files.sweep()
        self.supplies.contents.sweep()
        shutil.rmtree(self.layout.logs(held.address), ignore_errors=True)

    def settle(self, address: Address) -> None:
        """Make the object what the swarm has, and the gateway what the object says, wherever a step was cut off.

        Instances of two versions are left as they are, and the object `Updating`: a roll-out brings it to its end.
        """
        held, service = self.objects.get(address), self._service(address)
        if service and (held is None or not held.serving):
            # Of a create that was cut off, or of a delete.
            self._remove(service)
            self.files.sweep()
        elif held and service:
            found = in_service(held, self.swarm.look())
            if found != held:
                self.objects.put(found)
        self.front.sync()
        held = self.objects.get(address)
        if held and held.under_way:
            self.objects.put(held.at_rest())

    def _bring(self, held: Object, spec: Spec, operation: Operation, *, status: str) -> None:
        """Have the swarm run what a spec says, and follow it there."""
        service = self._service(held.address)
        if service is None:
            # Somebody removed it; there is nothing to keep up meanwhile.
            self._start(replace(held, serving=(), versions={}), spec, operation, status=status)
            return
        refuse(service, held.address, operation)
        self.objects.put(replace(held, status=status))
        try:
            self._replace(service, held, spec, operation)
        except RolledBackError as error:
            raise self.standing.rolled_back(held, spec, error, operation) from error
        except ProviderError as error:
            raise self.standing.version_as_before(held, service, error, operation) from error
        self.standing.store(replace(held, spec=spec).by(operation), operation)

    def _replace(self, service: Service, held: Object, spec: Spec, operation: Operation) -> None:
        """Have the swarm run another version; where an engine was to blame that it went back, once more."""
        for _ in range(_TRIES - 1):
            try:
                self.waiting.updated(self._update(service, held, spec, operation), operation.report)
            except RolledBackError as error:
                if not error.hiccup:
                    raise
                operation.report(f"{error.why}; trying again")
                service = self.swarm.inspect(service)
            else:
                return
        self.waiting.updated(self._update(service, held, spec, operation), operation.report)

    def _update(self, service: Service, held: Object, spec: Spec, operation: Operation) -> Wanted:
        """Tell the swarm to run another version."""
        before = self._tasks(held.address)
        with self._laid(held, spec, operation) as laid:
            fresh = body(self.names, laid, operation)
            self.swarm.change(service, lambda _: fresh)
        return Wanted(held.address, template_of(fresh), int(spec[COUNT]), before)

    def _start(self, begun: Object, spec: Spec, operation: Operation, *, status: str) -> None:
        """Make the service, and take it away again where not all instances get ready."""
        held = self.objects.get(begun.address)
        self.objects.put(replace(begun, status=status))
        try:
            with self._laid(begun, spec, operation) as laid:
                fresh = body(self.names, laid, operation)
                self.swarm.create(fresh)
            self.waiting.started(Wanted(begun.address, template_of(fresh), int(spec[COUNT])), operation.report)
            self.standing.store(replace(begun, spec=spec).by(operation), operation)
        except BaseException:
            self._give_up(begun, held)
            raise

    @contextmanager
    def _laid(self, held: Object, spec: Spec, operation: Operation) -> Iterator[Laid]:
        """Lay down what a spec needs; the values of its variables are kept for the day that it is rolled out again."""
        stored = self.objects.secrets(held.address)
        known = with_values(spec, stored)
        given = revealed(known.get("environment_variables") or {}, stored)
        launch = self.supplies.launch(held.address, known, given, operation.report)
        if launch.limits.gpus:
            raise ProviderError(f"{held.address}: a swarm gives no GPUs to instances; use mode: containers")
        self.objects.keep_secrets(held.address, {**stored, **by_digest(known)})
        with self.files.service(held.address, launch, given) as laid:
            yield self._placed(laid, operation)

    def _placed(self, laid: Laid, operation: Operation) -> Laid:
        """Keep a service on this node that needs what is on no other; say what follows from its image."""
        image = laid.launch.image
        facts = self._inspected(image.reference)
        if facts and not image.python and not (facts["Config"] or {}).get("Healthcheck"):
            operation.report(
                f"image {image.reference} has no HEALTHCHECK: the swarm takes instances for ready once they run, and "
                "restarts none that hangs"
            )
        local = [
            *(["its image is in no registry"] if facts and not facts.get("RepoDigests") else []),
            *(["its content is too large for configs"] if laid.launch.mounts else []),
        ]
        if local and self.swarm.has_other_nodes():
            operation.report(f"instances run on this node alone: {' and '.join(local)}")
        fixed = replace(image, reference=_fixed(facts) or image.reference)
        return replace(laid, launch=replace(laid.launch, image=fixed), bound=bool(local))

    def _inspected(self, image: str) -> Mapping[str, Any]:
        """The engine's words of an image; empty for one that is yet to be pulled."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.swarm.doing(f"image {image} cannot be inspected"):
            try:
                return dict(self.swarm.api.inspect_image(image))
            except NotFound:
                return {}

    def hand_over(self, address: Address, operation: Operation) -> None:
        """Have a deployment's service, if it has one, carry another state's mark; its tasks go on."""
        service = self._service(address)
        if service:
            marks = labels(self.names, address, operation, service.labels.get(DIGEST, ""), self.swarm.node)
            self.swarm.change(service, lambda former: {**former, "Labels": marks})

    def _resize(self, service: Service, count: int, operation: Operation) -> None:
        """Have the swarm run so many instances, each of which answers."""
        before, address = self._tasks(service.deployment), service.deployment
        self.waiting.end_hung(address)
        version = service.labels.get(DIGEST, "")
        marks = labels(self.names, address, operation, version, self.swarm.node)
        self.swarm.change(service, lambda former: {**former, "Labels": marks, "Mode": replicas(count)})
        self.waiting.resized(Wanted(address, service.template, count, before), operation.report)

    def _give_up(self, begun: Object, held: Object | None) -> None:
        """Leave nothing of a service that did not come to be."""
        if held is None:
            self.objects.remove(begun.address)
        else:
            self.objects.put(replace(begun, status="Failed"))
        with suppress(ProviderError):  # The first error tells more.
            self.front.sync()
        service = self._service(begun.address)
        if service:
            self._remove(service)
        self.files.sweep()

    def _service(self, address: Address) -> Service | None:
        return self.swarm.look().services.get(address)

    def _tasks(self, address: Address) -> frozenset[str]:
        return frozenset(task.id for task in self.swarm.look().of(address))

    def _remove(self, service: Service) -> None:
        self.swarm.remove(service)
        self.waiting.ended(service)


def refuse(service: Service, address: Address, operation: Operation) -> None:
    """Refuse what would undo the work of others; a service tells of it even where this target's files do not.

    Raises:
        ProviderError: the service is another state's, or a younger operation has been here.
    """
    if service.labels.get(LINEAGE) != operation.lineage:
        raise ProviderError(f"{address}: its service was not made by this state; import it first")
    generation = generation_of(service.labels)
    if generation > operation.generation:
        raise ProviderError(
            f"{address}: operation of generation {operation.generation} is late; {generation} has been here"
        )


def _fixed(image: Mapping[str, Any]) -> str:
    """The name of an image by what is in it: in a registry where it is in one, else on this node.

    By any other name the swarm would ask a registry for it before each task, and take what somebody else put there.
    """
    names: Sequence[str] = image.get("RepoDigests") or ()
    return min(names) if names else str(image.get("Id", ""))
