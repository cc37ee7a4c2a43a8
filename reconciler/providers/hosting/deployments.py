"""Deployments: which instances stay, how the others are replaced, and the way back."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.errors import ProviderError, TransientError
from reconciler.frozen import dataclass
from reconciler.kinds.autoscaling import COUNT
from reconciler.kinds.deployment import DEPLOYMENT
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.instances import Instances
from reconciler.providers.hosting.objects import Object, Objects, version_of
from reconciler.providers.hosting.replacing import Replacing, WaveError
from reconciler.providers.hosting.waves import Wave, wave_size, waves

# How a roll-out that came to nothing ends, and how to go on.
SERVES_AS_BEFORE = "the former version serves as before; correct the files and apply again, or revert them"


@dataclass(frozen=True)
class Deployments:
    """The steps of deployments.

    The object's spec is what was last made true. While a step is under way the object also says so, and which
    instances of which version serve; `settle` brings everything else to what it says, wherever a run was cut off.
    """

    objects: Objects
    replacing: Replacing
    instances: Instances
    front: Front
    now: Callable[[], str]

    def create(self, step: Step, operation: Operation) -> None:
        """Start every instance, and put them in service once all are ready."""
        self.objects.require_parent(step.address)
        after, held = step.after or {}, self.objects.get(step.address)
        if held is None:
            self.instances.clear(step.address, operation)
        begun = held or Object(step.address, after, "", 0, "", created=self.now()).by(operation)
        steps = self._waves(begun, after, at_once=int(after["instance_count"]), version=version_of(after))
        try:
            self._bring(begun, after, steps, operation, status="Creating")
        except BaseException:
            if held is None:
                self.objects.remove(step.address)
            raise

    def roll_out(self, step: Step, operation: Operation) -> None:
        """Replace the instances that run another version, wave by wave; a wave that fails has all of them go back."""
        held = self.objects.held(step.address)
        after = {COUNT: held.spec[COUNT], **(step.after or {})}
        steps = self._waves(held, after, at_once=wave_size(after), version=version_of(after))
        self._bring(held, after, steps, operation, status="Updating")

    def scale(self, step: Step, operation: Operation) -> None:
        """Bring the instances to the number that is wanted; those that do not answer are replaced."""
        held, after = self.objects.held(step.address), step.after or {}
        others = {name: value for name, value in held.spec.items() if name not in DEPLOYMENT.scale}
        scaled = {name: value for name, value in after.items() if name in DEPLOYMENT.scale}
        spec = {**others, COUNT: held.spec[COUNT], **scaled}
        steps = self._waves(held, spec, at_once=int(spec["instance_count"]))
        self._bring(held, spec, steps, operation, status="Scaling")

    def delete(self, step: Step, operation: Operation) -> None:
        """Take the deployment out of the gateway, let its instances finish what they have, and end them."""
        held = self.objects.get(step.address)
        if held:
            self.take_away(held)
        else:
            self.instances.clear(step.address, operation)
            self.instances.forget(step.address)

    def take_away(self, held: Object) -> None:
        """Out of the gateway first, then the instances."""
        self.objects.put(replace(held.without(held.serving), status="Deleting"))
        self.front.sync()
        self.instances.stop(held.address, self.instances.of(held.address))
        self.instances.forget(held.address)
        self.objects.remove(held.address)

    def settle(self, address: Address) -> None:
        """Make the gateway and the running instances what the object says, wherever a step was cut off.

        Instances of two versions are left as they are, and the object `Updating`: a roll-out brings it to its end.
        """
        held = self.objects.get(address)
        serving = held.serving if held else ()
        leftover = self.instances.left(address) - set(serving)
        self.front.sync()
        self.instances.settle(address, serving)
        self.instances.stop(address, leftover)
        if held and held.under_way:
            self.objects.put(held.at_rest())

    def _waves(self, held: Object, spec: Spec, *, at_once: int, version: str = "") -> tuple[Wave, ...]:
        """How to get as many instances as a spec says: those stay that answer, and run the version if one is given."""
        count, answering = int(spec["instance_count"]), self.replacing.answering(held)
        staying = [name for name in answering if version in ("", held.version(name))][:count]
        # Those that do not answer go first.
        leaving = sorted(set(held.serving) - set(staying), key=lambda name: name in answering)
        return waves(leaving, kept=len(staying), count=count, size=at_once)

    def _bring(self, former: Object, spec: Spec, steps: Sequence[Wave], operation: Operation, *, status: str) -> None:
        """Carry out waves, after which a spec is true; where that fails, go back."""
        held = replace(former, status=status)
        self.objects.put(held)
        try:
            reached = self.replacing.carry_out(held, spec, steps, operation)
            done = replace(reached, spec=spec).by(operation)
            self.replacing.put_in_force(reached, done.at_rest(), operation)
        except Exception as error:
            raise self._gone_back(former, spec, error, operation) from error
        self._stop_strays(done)
        self.instances.acknowledge(former.address, done.serving)
        if not done.others:
            self.replacing.forget_old_secrets(done)

    def _stop_strays(self, held: Object) -> None:
        """End what no object names: what an earlier run has left, as its own new instances are in service by now."""
        self.instances.stop(held.address, self.instances.left(held.address) - set(held.serving))

    def _gone_back(self, former: Object, spec: Spec, error: Exception, operation: Operation) -> ProviderError:
        """Have what served before serve again, and say what happened.

        Raises:
            ProviderError: a younger operation has been here, whose business it is now.
        """
        self.objects.admit(former.address, operation)
        said, tail = _told(former.address, error)
        # What may pass may pass: the same operation goes on from wherever this leaves the deployment.
        failed = TransientError if isinstance(_cause(error), TransientError) else ProviderError
        try:
            self._go_back(former, spec, operation)
        except (WaveError, ProviderError, OSError) as second:
            return failed(f"{said}; {self._stuck(former.address, spec, second)}", log_tail=tail)
        if not former.serving:
            return failed(said, log_tail=tail)
        is_new = version_of(spec) != version_of(former.spec)
        back = SERVES_AS_BEFORE if is_new else "the deployment is as it was before; apply again to go on"
        return failed(f"{said}; {back}", log_tail=tail)

    def _go_back(self, former: Object, spec: Spec, operation: Operation) -> None:
        """Replace what the step has started by what the former spec says, as long as there was something before it.

        Where the step's version is the former one, as in scaling, other versions were none of its business.
        """
        held, version = self.objects.held(former.address), version_of(former.spec)
        any_version = version_of(spec) == version
        count = min(int(former.spec["instance_count"]), len(former.serving))
        there = [name for name in former.serving if name in held.serving]
        staying = [name for name in there if any_version or held.version(name) == version][:count]
        leaving = [name for name in held.serving if name not in staying]
        steps = waves(leaving, kept=len(staying), count=count, size=wave_size(former.spec))
        if steps:
            operation.report("going back")
        reached = self.replacing.carry_out(held, former.spec, steps, operation, why="going back: ")
        self.objects.put(reached.at_rest())
        self.replacing.forget_old_secrets(reached)

    def _stuck(self, address: Address, spec: Spec, error: Exception) -> str:
        """Say where a deployment stands that could go neither on nor back."""
        held, version = self.objects.held(address), version_of(spec)
        self.objects.put(replace(held, status="Failed"))
        fresh = sum(held.version(name) == version for name in held.serving)
        why, _ = _told(address, error)
        return (
            f"going back failed too: {why}; of the {len(held.serving)} instances in service {fresh} run the new "
            "version; `mlops apply` goes on from here, to the version that the files say then"
        )


def _told(address: Address, error: Exception) -> tuple[str, Sequence[str]]:
    """What to say of an error, and the log lines that come with it."""
    cause = _cause(error)
    said = str(cause) if isinstance(cause, ProviderError) else f"{address}: {type(cause).__name__}: {cause}"
    where = f"; {error}" if isinstance(error, WaveError) and error.total > 1 else ""
    return f"{said}{where}", cause.log_tail if isinstance(cause, ProviderError) else ()


def _cause(error: Exception) -> BaseException:
    """What made a wave fail, or the error itself."""
    return (error.__cause__ or error) if isinstance(error, WaveError) else error
