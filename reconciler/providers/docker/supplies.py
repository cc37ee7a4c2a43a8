"""What instances need on the engine before they start: an image, and volumes with code, model and scoring server."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Protocol

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.errors import ProviderError
from reconciler.providers.docker.capacity import capacity_of
from reconciler.providers.docker.contents import Content
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.images import Images
from reconciler.providers.docker.launch import Image, Launch, Mount, routes_of
from reconciler.providers.docker.limits import Capacity, Limits, limits_of, memory_at_least_limited, told, within
from reconciler.providers.docker.surroundings import RUNTIME, Placed, code_folder, command, model_folder, variables
from reconciler.providers.hosting.initializer import initializer_log
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.runtime import laid_runtime
from reconciler.providers.hosting.sources import Sources

Tell = Callable[[str], None]


class Volumed(Protocol):
    """What brings content to the engine."""

    def lay(self, wanted: Sequence[Content]) -> Sequence[str]:
        """The names of the volumes that hold contents, or of whatever else a mount is made of, in their order.

        Raises:
            ProviderError: a content is nowhere, or the engine does not take it.
        """
        ...

    def sweep(self) -> None:
        """Remove what nothing has."""
        ...


@dataclass(frozen=True)
class Supplies:
    """Lays down what a deployment's instances need; everything is known by content and shared.

    Args:
        base_image: what the environment of an MLflow model is built on, where the deployment names none.
    """

    engine: Engine
    layout: Layout
    sources: Sources
    contents: Volumed
    images: Images
    base_image: str
    _said: set[str] = field(default_factory=set)

    def launch(self, deployment: Address, spec: Spec, given: Mapping[str, str], report: Tell) -> Launch:
        """Lay everything down, and return how to start an instance with it.

        Args:
            deployment: whose instances they will be.
            spec: which version of it they run.
            given: the user's own environment variables, in the clear.
            report: is told what is going on.

        Raises:
            ProviderError: something is not there and cannot be made.
        """
        with initializer_log(self.layout.initializer_log(deployment), deployment) as log:

            def both(line: str) -> None:
                report(line)
                log(line)

            try:
                return self._launch(spec, given, both, log)
            except ProviderError as error:
                log(str(error))
                raise

    @cached_property
    def capacity(self) -> Capacity:
        """What the engine has."""
        return capacity_of(self.engine)

    def _launch(self, spec: Spec, given: Mapping[str, str], report: Tell, log: Tell) -> Launch:
        code = (spec.get("code_configuration") or {}).get("code")
        model = self.sources.referenced("model", spec.get("model"))
        # An MLflow model's own environment says what is installed, and not in which image.
        environment = {"image": self.base_image, **self.sources.environment(spec, model)}
        image = self.images.ready(environment, wants_server=True, report=report)
        routes = routes_of(environment)
        placed = self._placed(spec, code, model, served=bool(image.python))
        for line in _facts(placed):
            log(line)
        return Launch(
            spec,
            image,
            routes,
            tuple(self._mounts(code, model, placed, image)),
            variables(spec, image, placed, given),
            command(image, routes.scoring.port),
            str(RUNTIME),
            self._limits(spec, report),
        )

    def _limits(self, spec: Spec, report: Tell) -> Limits:
        """What an instance may take, of what there is; that it is less than wanted is said once, not by wave."""
        wanted = limits_of(spec)
        granted = within(wanted, self.capacity)
        limits, limited = memory_at_least_limited(granted, spec, self.capacity)
        for said in filter(None, (told(wanted, granted), limited)):
            if said not in self._said:
                self._said.add(said)
                report(said)
        return limits

    def _placed(self, spec: Spec, code: Any, model: Spec, *, served: bool) -> Placed:
        script = (spec.get("code_configuration") or {}).get("scoring_script", "")
        return Placed(
            code=code_folder(code) if code else None,
            script=script,
            model=model_folder(spec, model) if model.get("path") else None,
            mlflow=self.sources.mlflow_folder(model) if served and not code else "",
        )

    def _mounts(self, code: Any, model: Spec, placed: Placed, image: Image) -> Iterator[Mount]:
        wanted: dict[PurePosixPath, Content] = {}
        if image.python:
            runtime = laid_runtime(self.layout.runtime)
            wanted[RUNTIME] = Content(runtime.name, lambda: runtime)
        if placed.code:
            wanted[placed.code] = self._content(code, "code")
        if placed.model:
            path = model["path"]
            wanted[placed.model] = self._content(path, "model path", str(path["name"]))
        for target, volume in zip(wanted, self.contents.lay(list(wanted.values())), strict=True):
            yield Mount(volume, target)

    def _content(self, content: Any, what: str, name: str = "") -> Content:
        digest = content["digest"] if isinstance(content, Mapping) else ""
        return Content(str(digest), lambda: self.sources.stored(content, what), name)


def _facts(placed: Placed) -> Iterator[str]:
    """What instances find where, for the log."""
    if placed.code:
        yield f"code -> {placed.code}"
    if placed.model:
        yield f"model -> {placed.model}"
