"""Models and environments of a local target: a name and a version for content that is laid down."""

from collections.abc import Callable
from dataclasses import replace

from reconciler.core.manifest import Spec
from reconciler.core.plan import Operation, Step
from reconciler.frozen import dataclass
from reconciler.providers.hosting.objects import Object, Objects, by_digest
from reconciler.providers.provider import Assets


@dataclass(frozen=True)
class Registered:
    """The steps of registered assets."""

    objects: Objects
    assets: Assets
    now: Callable[[], str]

    def create(self, step: Step, operation: Operation) -> None:
        """Lay the content down and register it."""
        held, after = self.objects.get(step.address), step.after or {}
        self._lay(after)
        created = held.created if held else self.now()
        if values := by_digest(after):
            self.objects.keep_secrets(step.address, values)
        self.objects.put(Object(step.address, after, "", 0, "", created=created).by(operation))

    def update(self, step: Step, operation: Operation) -> None:
        """Change the description, tags and properties."""
        self.objects.put(replace(self.objects.held(step.address), spec=step.after or {}).by(operation))

    def delete(self, step: Step, _operation: Operation) -> None:
        """Forget the version; its content belongs to the store."""
        self.objects.remove(step.address)

    def _lay(self, spec: Spec) -> None:
        for content in (spec.get("path"), (spec.get("build") or {}).get("path")):
            if isinstance(content, dict) and "digest" in content:
                self.assets.path(str(content["digest"]))
