"""Volumes of an engine, filled and read through its archive API: no path of this machine has to mean anything to it."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from reconciler.errors import ProviderError
from reconciler.providers.docker.archives import EMPTY, only_file_of
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names

_WITHIN = "/content"


@dataclass(frozen=True)
class Volumes:
    """The volumes of one kind that a project has, handled through containers of an empty image that never run.

    Whatever fails raises a ProviderError in one line.

    Args:
        kind: what is in them, such as `content`.
    """

    engine: Engine
    names: Names
    kind: str
    _own: set[str] = field(default_factory=set, init=False, repr=False)

    def mark(self, name: str, **labels: str) -> dict[str, str]:
        """Make an empty volume for the sake of its labels, and return those that it has.

        An engine makes a volume of one name once: where there was one before, its labels are returned. One without
        any is made anew, unless a container has it.

        Raises:
            ProviderError: somebody else has a volume of this name.
        """
        wanted = self.names.labels(self.kind, **labels)
        found = self._made(name, wanted)
        if not found:
            # An engine that ends while it makes a volume forgets the labels and keeps the name.
            self.remove(name)
            found = self._made(name, wanted)
        if not found.keys() >= wanted.keys():
            raise ProviderError(
                f"volume {name} is somebody else's; remove it, or give the target another docker: project"
            )
        return found

    def _made(self, name: str, labels: Mapping[str, str]) -> dict[str, str]:
        with self.engine.doing(f"volume {name} cannot be made"):
            found: dict[str, str] = self.engine.api.create_volume(name, labels=dict(labels))["Labels"] or {}
        return found

    @contextmanager
    def filled(self, volumes: Sequence[str], archive: Iterable[bytes], **labels: str) -> Iterator[None]:
        """Make volumes with the content of a tar archive; they are in use until the body ends.

        A volume whose filling was cut off, by the end of this process or of the engine, stays as it is. Therefore
        nobody uses one unless something that is made in the body names it. Where the body fails no volume stays.

        Args:
            volumes: their names; the first one gets what the archive has in its folder `0`, and so on.
            archive: its pieces.
            labels: of the volumes, besides those of the project.
        """
        try:
            with self._handled(volumes, **labels) as container:
                with self.engine.doing(f"volume {volumes[0]} cannot be filled"):
                    self.engine.api.put_archive(container, _WITHIN, iter(archive))
                yield
        except BaseException:
            with suppress(ProviderError):  # The first error tells more.
                for volume in volumes:
                    self.remove(volume)
            raise

    def read(self, volume: str, name: str) -> bytes | None:
        """A small file of a volume; None when there is no such file."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self._handled([volume]) as container, self.engine.doing(f"volume {volume} cannot be read"):
            try:
                pieces, _ = self.engine.api.get_archive(container, f"{_WITHIN}/0/{name}")
            except NotFound:
                return None
            return only_file_of(pieces)

    def labels(self, *, idle: bool = False) -> dict[str, dict[str, str]]:
        """The labels of all of them, by name.

        Args:
            idle: only those that no container has, running or not.
        """
        filters = {**self.names.filter(self.kind), **({"dangling": ["true"]} if idle else {})}
        with self.engine.doing("the engine's volumes cannot be listed"):
            found = self.engine.api.volumes(filters=filters)["Volumes"] or []
        return {each["Name"]: each["Labels"] or {} for each in found}

    def remove(self, volume: str) -> bool:
        """Remove a volume, and return whether it is gone; one that a container has stays."""
        from docker.errors import APIError, NotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"volume {volume} cannot be removed"):
            try:
                self.engine.api.remove_volume(volume)
            except NotFound:
                return True
            except APIError as error:
                if error.status_code != 409:
                    raise
                return False
        return True

    def clear_handling(self) -> None:
        """Remove the containers that processes which were killed left behind; no other one handles volumes now."""
        with self.engine.doing("the engine's containers cannot be listed"):
            left = self.engine.api.containers(all=True, filters=self.names.filter(self._handling))
        for container in left:
            if not self._own.intersection(container["Names"]):
                self._remove_container(container["Id"])

    def remove_image(self) -> None:
        """Remove the empty image, as long as nobody has a container of it; it is made again when it is needed."""
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"image {self._image} cannot be removed"):
            try:
                self.engine.api.remove_image(self._image)
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise

    @property
    def _handling(self) -> str:
        return f"{self.kind}-handling"

    @property
    def _image(self) -> str:
        return f"{self.names.of('image', 'empty')}:1"

    @contextmanager
    def _handled(self, volumes: Sequence[str], **labels: str) -> Iterator[str]:
        """A container that has volumes; they are made with it, so that none is without one unfilled."""
        name = self.names.of(self._handling, os.urandom(6).hex())
        self._own.add(f"/{name}")  # As the engine lists it.
        with self.engine.doing(f"volume {volumes[0]} cannot be made"):
            container = self._container(name, volumes, labels)
        try:
            yield container
        except BaseException:
            with suppress(ProviderError):  # The first error tells more; `clear_handling` finds the container.
                self._remove_container(container)
            raise
        self._remove_container(container)

    def _container(self, name: str, volumes: Sequence[str], labels: Mapping[str, str]) -> str:
        from docker.errors import ImageNotFound  # noqa: PLC0415 - 300 ms
        from docker.types import Mount  # noqa: PLC0415

        api = self.engine.api
        marked = self.names.labels(self.kind, **labels)
        mounts = [
            Mount(f"{_WITHIN}/{number}", volume, type="volume", labels=marked, no_copy=True)
            for number, volume in enumerate(volumes)
        ]
        create = partial(
            api.create_container,
            self._image,
            ["never started"],
            name=name,
            labels=self.names.labels(self._handling),
            host_config=api.create_host_config(mounts=mounts, network_mode="none"),
        )
        try:
            return str(create()["Id"])
        except ImageNotFound:
            self._make_image()
            return str(create()["Id"])

    def _make_image(self) -> None:
        repository, _, tag = self._image.partition(":")
        marks = [f'LABEL "{name}"="{value}"' for name, value in self.names.labels("image").items()]
        self.engine.api.import_image_from_data(EMPTY, repository=repository, tag=tag, changes=marks)

    def _remove_container(self, container: str) -> None:
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing("a container that held a volume cannot be removed"), suppress(NotFound):
            self.engine.api.remove_container(container, force=True, v=False)
