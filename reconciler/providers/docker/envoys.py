"""Envoy as containers of an engine: made, started, kept up, told from one another, and removed."""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.envoy import bootstrap, command
from reconciler.gateway.values import Gateway, Place
from reconciler.keeper.values import Exit, Status
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.envoy_container import KIND, configuration, files_named, files_of, published_image
from reconciler.providers.docker.names import INSTANCE, Names
from reconciler.providers.docker.restarts import exit_of
from reconciler.providers.hosting.envoys import Program
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.logs import last_lines

_TAIL = 10
_STOP_S = 10
_ENDED = ("exited", "dead")
_CONFLICT = 409


@dataclass(frozen=True)
class ContainerEnvoys:
    """Envoy as containers in this machine's network, which see the target's files where this machine has them.

    Args:
        image: what they are made of; empty for the image that the project Envoy publishes of the package's version,
            which then need not be there. Neither is ever pulled.
    """

    engine: Engine
    names: Names
    layout: Layout
    image: str = ""

    def choose(self, gateway: Gateway) -> Program | None:
        """Return what is to serve a gateway; None where that is no container.

        Raises:
            ProviderError: there can be none, and the target names an image.
        """
        name = self.image or published_image()
        image = self._image_id(name) if name else ""
        obstacle = self._obstacle(name, image)
        if obstacle and self.image:
            raise ProviderError(f"target option gateway: image: {obstacle}")
        if obstacle:
            return None
        wanted = configuration(self.names, self.layout, image, 0, files_of(gateway))

        def start(number: int) -> None:
            # The files that are in place may still name the certificate that is about to be replaced.
            files = files_of(gateway) | files_named(self.layout)
            self._start(number, configuration(self.names, self.layout, image, number, files))

        return Program(f"{_recipe(name)}-{_digest(wanted)}", start, image)

    def is_current(self, identity: str) -> bool:
        """Whether the image's name, the command line and the bootstrap are still the same."""
        name = self.image or published_image()
        return bool(name) and identity.startswith(f"{_recipe(name)}-")

    def statuses(self) -> Mapping[int, Status]:
        """Those that the engine lists."""
        return {number: self._status(each) for number, each in self._found()}

    def seen(self, number: int) -> bool:
        """Whether it answers on its admin socket."""
        return Admin(self._place(number).admin).running()

    def settle(self, number: int) -> None:
        """Have the engine start it again when it ends, and after a restart of its own."""
        # With `unless-stopped` an engine that was killed ends what it finds running, and leaves that ended.
        policy = {"Name": "always"}
        with self.engine.doing("the gateway's container cannot be kept up"):
            self.engine.api.update_container(self._name(number), restart_policy=policy)  # type: ignore[arg-type]  # the stubs know two of four

    def remove(self, numbers: Iterable[int]) -> None:
        """Stop and remove them."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        ending = frozenset(numbers)
        for number, each in self._found():
            if number in ending:
                with self.engine.doing("the gateway's container cannot be removed"), suppress(NotFound):
                    self.engine.api.stop(each["Id"], timeout=_STOP_S)
                    self.engine.api.remove_container(each["Id"], force=True, v=True)

    def restart(self, number: int) -> bool:
        """Kill a process that hangs and start it again; tell whether it was there.

        Raises:
            ProviderError: the engine refuses.
        """
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing("the gateway's container cannot be restarted"):
            try:
                self.engine.api.restart(self._name(number), timeout=0)
            except NotFound:
                return False
        return True

    def tail(self, number: int) -> list[str]:
        """The last lines of the proxy's log, and what it printed where it could not yet write there."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        printed = b""
        with self.engine.doing("the gateway's container says nothing"), suppress(NotFound):
            printed = self.engine.api.logs(self._name(number), tail=_TAIL)
        return [*last_lines(self.layout.gateway_log, _TAIL), *printed.decode(errors="replace").splitlines()][-_TAIL:]

    def _obstacle(self, name: str, image: str) -> str:
        """Why there can be no container; empty where there can."""
        if not image:
            return f"the engine has no image {name}; pull it, `docker pull {name}`"
        if not self._shares_network:
            return "a container of this engine is not in this machine's network; leave the option out"
        return ""

    @cached_property
    def _shares_network(self) -> bool:
        """Whether a container in the engine's own network is in this machine's, under the operator's user id."""
        if sys.platform != "linux":
            return False
        with self.engine.doing("the engine does not tell what it is"):
            info = self.engine.api.info()
        rootless = any("rootless" in each for each in info.get("SecurityOptions") or ())
        return info.get("OperatingSystem") != "Docker Desktop" and not rootless

    def _image_id(self, name: str) -> str:
        from docker.errors import ImageNotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"image {name} cannot be inspected"):
            try:
                return str(self.engine.api.inspect_image(name)["Id"])  # type: ignore[no-untyped-call]  # types-docker lacks it
            except ImageNotFound:
                return ""

    def _start(self, number: int, body: Mapping[str, Any]) -> None:
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        name, api = self._name(number), self.engine.api
        with self.engine.doing("the gateway's container cannot be started"):
            try:
                container = api.create_container_from_config(body, name)["Id"]  # type: ignore[no-untyped-call]  # as above
            except APIError as error:
                if error.status_code != _CONFLICT:
                    raise
                raise ProviderError(
                    f"container {name} is there and was not made by this target; remove or rename it"
                ) from error
            try:
                api.start(container)
            except BaseException:
                api.remove_container(container, force=True, v=True)
                raise

    def _found(self) -> Sequence[tuple[int, Mapping[str, Any]]]:
        with self.engine.doing("the engine's containers cannot be listed"):
            listed = self.engine.api.containers(all=True, filters=self.names.filter(KIND))
        return [(int(each["Labels"][INSTANCE]), each) for each in listed]

    def _status(self, listed: Mapping[str, Any]) -> Status:
        return Status(
            listed["Names"][0].lstrip("/"),
            pid=None,
            started_at=float(listed["Created"]),
            running=listed["State"] == "running",
            trial=False,
            restarts=0,
            last_exit=self._exit(listed["Id"]) if listed["State"] in _ENDED else None,
            log=str(self.layout.gateway_log),
        )

    def _exit(self, container: str) -> Exit | None:
        """How it ended; None where it is gone by now."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing("the gateway's container cannot be inspected"):
            try:
                state = self.engine.api.inspect_container(container)["State"]
            except NotFound:
                return None
        return exit_of(int(state["ExitCode"]), str(state.get("Error") or ""))

    def _place(self, number: int) -> Place:
        return Place(self.layout.gateway, self.layout.sockets, number)

    def _name(self, number: int) -> str:
        return self.names.of(KIND, str(number))


def _recipe(image: str) -> str:
    place = Place(Path(), Path())
    return _digest([image, command("envoy", place), bootstrap(place)])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
