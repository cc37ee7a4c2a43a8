"""What instances need on the engine before they start: an image, and volumes with code, model and scoring server."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from reconciler.core.address import Address
from reconciler.core.manifest import Spec
from reconciler.errors import ProviderError
from reconciler.providers.docker.capacity import capacity_of
from reconciler.providers.docker.contents import Contents
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.launch import Image, Launch, Mount, routes_of
from reconciler.providers.docker.limits import Capacity, limits_of, told, within
from reconciler.providers.docker.surroundings import RUNTIME, Placed, code_folder, command, model_folder, variables
from reconciler.providers.hosting.initializer import initializer_log
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.runtime import laid_runtime
from reconciler.providers.hosting.sources import Sources

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Supplies:
    """Lays down what a deployment's instances need; everything is known by content and shared."""

    engine: Engine
    layout: Layout
    sources: Sources
    contents: Contents

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
        environment = self.sources.environment(spec, model)
        image, routes = self._image(environment, report, log), routes_of(environment)
        placed = self._placed(spec, code, model, served=bool(image.python))
        wanted = limits_of(spec)
        limits = within(wanted, self.capacity)
        for line in (told(wanted, limits), *_facts(placed)):
            if line:
                log(line)
        return Launch(
            spec,
            image,
            routes,
            tuple(self._mounts(code, model, placed, image)),
            variables(spec, image, placed, given),
            command(image, routes.scoring.port),
            str(RUNTIME),
            limits,
        )

    def _image(self, environment: Mapping[str, Any], report: Tell, log: Tell) -> Image:
        reference = str(environment["image"])
        return Image(reference, "" if "inference_config" in environment else "/usr/bin/python3")

    def _placed(self, spec: Spec, code: Any, model: Spec, *, served: bool) -> Placed:
        script = (spec.get("code_configuration") or {}).get("scoring_script", "")
        return Placed(
            code=code_folder(code) if code else None,
            script=script,
            model=model_folder(spec, model) if model.get("path") else None,
            mlflow=self.sources.mlflow_folder(model) if served and not code else "",
        )

    def _mounts(self, code: Any, model: Spec, placed: Placed, image: Image) -> Iterator[Mount]:
        if image.python:
            runtime = laid_runtime(self.layout.runtime)
            yield Mount(self.contents.volume(runtime.name, lambda: runtime), RUNTIME)
        if placed.code:
            yield Mount(self._volume(code, "code"), placed.code)
        if placed.model:
            path = model["path"]
            yield Mount(self._volume(path, "model path", str(path["name"])), placed.model)

    def _volume(self, content: Any, what: str, name: str = "") -> str:
        digest = content["digest"] if isinstance(content, Mapping) else ""
        return self.contents.volume(str(digest), lambda: self.sources.stored(content, what), name)


def _facts(placed: Placed) -> Iterator[str]:
    """What instances find where, for the log."""
    if placed.code:
        yield f"code -> {placed.code}"
    if placed.model:
        yield f"model -> {placed.model}"
