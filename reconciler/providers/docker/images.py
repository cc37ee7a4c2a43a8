"""The images of environments: found, pulled or built once, and known by the digest of their content.

An image is made in up to three stages, each upon the one below: the base, which is pulled or built from a context; the
packages of the conda file; what our scoring server needs. The tag of each is a digest of all that decides it, so what
is there already is neither built nor looked into again. What has to be known of an image is in its labels.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.core.manifest import Spec
from reconciler.core.secret import masked, with_texts
from reconciler.errors import ProviderError
from reconciler.providers.docker import recipes
from reconciler.providers.docker.building import Builder, Facts, Tell
from reconciler.providers.docker.dockerfiles import bases
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.installing import Installer
from reconciler.providers.docker.launch import Image
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.package_settings import proxies
from reconciler.providers.docker.pulling import Puller
from reconciler.providers.docker.server_packages import ServerPackages
from reconciler.providers.docker.serving_images import ServingImages
from reconciler.providers.hosting.locking import locked
from reconciler.providers.hosting.packages import SERVER_REQUIREMENTS
from reconciler.providers.provider import Assets


def _to_nobody(_line: str) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class _Stage:
    """An image, how it is made of the one below, and the digest that it is known by; a base has nothing below."""

    digest: str
    reference: str
    make: Callable[[Facts], None]


class Images:
    """The images of environments on an engine; they are kept, and shared by all projects.

    Args:
        engine: that has them.
        names: of the project on whose behalf they are made.
        assets: where build contexts lie.
        folder: for locks: threads and processes that want the same image wait for the first.
        env: the process environment: index, proxy and certificate settings are the machine's own.
        requirements: what the program that runs scoring scripts needs.
        repository: what built images are called; the tag is the digest.
    """

    def __init__(
        self,
        engine: Engine,
        names: Names,
        assets: Assets,
        folder: Path,
        *,
        env: Mapping[str, str] = os.environ,
        requirements: Sequence[str] = SERVER_REQUIREMENTS,
        repository: str = recipes.REPOSITORY,
    ) -> None:
        self._assets, self._folder, self._env = assets, folder, env
        self._repository = repository
        self._packages = ServerPackages(env, requirements)
        self._puller = Puller(engine)
        self._builder = Builder(engine, names)

    def ready(self, environment: Spec, *, wants_server: bool, report: Tell = _to_nobody) -> Image:
        """The image of an environment, pulled or built first if need be.

        Args:
            environment: its spec.
            wants_server: whether our scoring server is to run in it; never so with `inference_config`, whose image
                brings its own.
            report: told what is going on, and all that a build prints, a line at a time.

        Raises:
            ProviderError: it cannot be had; carries the last lines of a build that failed, of which nothing is left.
        """
        stages = [self._base(environment, report)]
        if conda := environment.get("conda_file"):
            stages.append(self._with_packages(stages[-1].digest, conda, report))
        serves = wants_server and not environment.get("inference_config")
        if serves:
            stages.append(self._with_server(stages[-1].digest, report))
        found = self._made(stages)
        labels = found["Config"].get("Labels") or {}
        folder = labels.get(recipes.FOLDER, "")
        return Image(
            reference=stages[-1].reference,
            python=labels.get(recipes.PYTHON, "") if serves else "",
            path=(folder,) if folder else (),
        )

    def _made(self, stages: Sequence[_Stage]) -> Facts:
        """The image of the last stage; where it is not there it is made, of the one below."""
        *below, last = stages
        if found := self._builder.facts(last.reference):
            return found
        with locked(self._folder / f"{last.digest}.lock"):
            if found := self._builder.facts(last.reference):
                return found
            self._builder.clear(last.digest)
            last.make(self._made(below) if below else {})
            found = self._builder.facts(last.reference)
        if found is None:
            raise ProviderError(f"image {last.reference} was removed as soon as it was made; apply again")
        return found

    def _base(self, environment: Spec, tell: Tell) -> _Stage:
        if build := environment.get("build"):
            return self._built(build, tell)
        name = str(environment.get("image") or "")
        if not name:
            raise ProviderError("the environment names neither an image nor a build context; give it an image")
        # By its id: every instance of a version is made of the same, wherever the name moves meanwhile.
        found = self._present(name, tell)
        return _Stage(recipes.digest_of("image", found["Id"]), str(found["Id"]), _gone)

    def _present(self, name: str, tell: Tell) -> Facts:
        """An image by its name: the one that the engine has, else the one that its registry has."""
        if found := self._builder.facts(name):
            return found
        with locked(self._folder / f"{recipes.digest_of('pull', name)}.lock"):
            if found := self._builder.facts(name):
                return found
            self._puller.pull(name, tell)
            found = self._builder.facts(name)
        if found is None:
            raise ProviderError(f"image {name} was removed as soon as it was pulled; apply again")
        return found

    def _built(self, build: Mapping[str, Any], tell: Tell) -> _Stage:
        """The image of a context. Its digest has those that it builds on: one that has moved makes it another."""
        content = build.get("path")
        if not isinstance(content, Mapping) or "digest" not in content:
            told = masked(repr(content))
            raise ProviderError(f"build.path {told} is not in this repository; copy the context into it")
        dockerfile = str(build.get("dockerfile_path") or "Dockerfile")
        context = self._assets.path(str(content["digest"]))
        below = {name: self._present(name, tell)["Id"] for name in bases(_text(context, dockerfile))}
        digest = recipes.digest_of("build", content["digest"], dockerfile, below, self._builder.architecture())
        reference = f"{self._repository}:{digest}"

        def make(_below: Facts) -> None:
            tell(f"building image {reference} from {dockerfile}")
            self._builder.build(context, dockerfile, reference, recipes.labels(digest), proxies(self._env), tell)

        return _Stage(digest, reference, make)

    def _with_packages(self, below: str, conda: Mapping[str, Any], tell: Tell) -> _Stage:
        # What opens an index is no part of what is installed from it.
        digest = recipes.digest_of("conda", below, with_texts(conda, masked))
        reference = f"{self._repository}:{digest}"

        def make(image: Facts) -> None:
            tell(f"building image {reference}")
            Installer(self._builder, self._env).install(
                conda, image, reference, digest, lambda line: tell(masked(line))
            )

        return _Stage(digest, reference, make)

    def _with_server(self, below: str, tell: Tell) -> _Stage:
        digest = recipes.digest_of("server", below, self._packages.lines)
        reference = f"{self._repository}:{digest}"

        def make(image: Facts) -> None:
            tell(f"building image {reference}")
            ServingImages(self._builder, self._packages).make(image, reference, digest, tell)

        return _Stage(digest, reference, make)


def _gone(_below: Facts) -> None:
    raise ProviderError("the environment's image was removed from the engine just now; apply again")


def _text(context: Path, dockerfile: str) -> str:
    """What a Dockerfile says; it lies in its context."""
    path = (context / dockerfile).resolve()
    if not path.is_relative_to(context.resolve()) or not path.is_file():
        raise ProviderError(f"build.dockerfile_path {dockerfile} is not in the build context; write its path in it")
    return path.read_text(encoding="utf-8", errors="replace")
