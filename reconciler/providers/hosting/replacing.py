"""Instances take the place of others, wave by wave, in the order that loses no request; nothing is undone here."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation
from reconciler.core.secret import Secret, secrets_of
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.hosting.front import Front
from reconciler.providers.hosting.instances import Instances, Starter
from reconciler.providers.hosting.objects import Object, Objects, by_digest, version_of, with_values
from reconciler.providers.hosting.waves import Wave

Report = Callable[[str], None]


class WaveError(Exception):
    """A wave came to nothing; the object says what is in service. The cause is the exception that it was raised from.

    Args:
        number: of the wave, from 1.
        total: how many waves there were to be.
    """

    def __init__(self, number: int, total: int) -> None:
        super().__init__(f"wave {number} of {total} failed")
        self.number = number
        self.total = total


@dataclass(frozen=True)
class Replacing:
    """Carries out waves.

    Between any two of its steps the object names instances that are ready: whoever finds it after a crash brings the
    gateway to it, stops what it does not name, and goes on from there.
    """

    objects: Objects
    instances: Instances
    front: Front

    def answering(self, held: Object) -> list[str]:
        """Those in service that are kept up and ready. One that is up and does not answer may hang for ever."""
        known = self.instances.of(held.address)
        ready = self.instances.ready(name for name in held.serving if name in known)
        return [name for name in held.serving if name in ready]

    def carry_out(
        self, held: Object, spec: Spec, waves: Sequence[Wave], operation: Operation, *, why: str = ""
    ) -> Object:
        """Carry out waves whose new instances run `spec`, and return the object as it is then.

        Args:
            why: the first words of what is reported.

        Raises:
            WaveError: one of them failed. Its new instances were stopped, those of the waves before it serve.
        """
        for number, wave in enumerate(waves, 1):
            prefix = f"{why}wave {number} of {len(waves)}: " if len(waves) > 1 else why
            try:
                held = self._joined(held, spec, wave.start, operation, _prefixed(operation.report, prefix))
                held = self._left(held, wave.leaving, operation, _prefixed(operation.report, prefix))
            except Exception as error:
                raise WaveError(number, len(waves)) from error
        return held

    def put_in_force(self, held: Object, wanted: Object, operation: Operation) -> None:
        """Store a deployment and bring the gateway to it, or both to what they were.

        Raises:
            ProviderError: the gateway refuses, or a younger operation has been here.
        """
        self.objects.admit(held.address, operation)
        self.objects.put(wanted)
        try:
            self.front.sync()
        except BaseException:
            self.objects.put(held)
            with suppress(ProviderError):
                self.front.sync()
            raise

    def forget_old_secrets(self, held: Object) -> None:
        """Keep only the values that the object's spec speaks of."""
        forget_old_secrets(self.objects, held)

    def _joined(self, held: Object, spec: Spec, count: int, operation: Operation, report: Report) -> Object:
        """Start instances, wait until all are ready, and have the gateway send requests to them too."""
        if not count:
            return held
        address = held.address
        names = self._starter(held, spec, operation)(count)
        try:
            self.instances.await_ready(address, names, report)
            wider = held.joined_by(names, version_of(spec))
            self.put_in_force(held, wider, operation)
        except BaseException:
            with suppress(ProviderError, OSError):  # The first error tells more; what stays is told and cleared away.
                self.instances.stop(address, names)
            raise
        self.instances.settle(address, names)
        return wider

    def _starter(self, held: Object, spec: Spec, operation: Operation) -> Starter:
        """Lay down what a spec needs; the values of its variables are kept for instances that are started later."""
        stored = self.objects.secrets(held.address)
        known = with_values(spec, stored)
        variables = revealed(known.get("environment_variables") or {}, stored)
        starter = self.instances.prepare(held.address, known, variables, operation)
        self.objects.keep_secrets(held.address, {**stored, **by_digest(known)})
        return starter

    def _left(self, held: Object, leaving: Sequence[str], operation: Operation, report: Report) -> Object:
        """Have the gateway send nothing more to some instances, let them finish what they have, and stop them."""
        if not leaving:
            return held
        ready = self.instances.ready(leaving)
        if ready:
            report(f"draining {_counted(len(ready))}")
        if len(ready) < len(leaving):
            dead = len(leaving) - len(ready)
            report(f"removing {_counted(dead)} that {'does' if dead == 1 else 'do'} not answer")
        fewer = held.without(leaving)
        self.put_in_force(held, fewer, operation)
        self.instances.stop(held.address, leaving)
        return fewer


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


def forget_old_secrets(objects: Objects, held: Object) -> None:
    """Keep only the values that the object's spec speaks of."""
    digests = {secret.digest for secret in secrets_of(held.spec)}
    stored = objects.secrets(held.address)
    if stored.keys() - digests:
        objects.keep_secrets(held.address, {digest: value for digest, value in stored.items() if digest in digests})


def _counted(count: int) -> str:
    return "1 instance" if count == 1 else f"{count} instances"


def _prefixed(report: Report, prefix: str) -> Report:
    return lambda line: report(f"{prefix}{line}")
