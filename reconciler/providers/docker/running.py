"""Containers and the network that they join: made, started, kept up, stopped and removed."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.errors import ProviderError
from reconciler.providers.docker.containers import Instance, configuration
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.launch import Launch, Routes
from reconciler.providers.docker.names import PROJECT, Names
from reconciler.providers.docker.ports import free_ports
from reconciler.providers.docker.seeing import Container, containers

_AT_ONCE = 16
# A port may be taken between the look at it and the start of the container.
_TRIES = 5
_PORT_TAKEN = ("port is already allocated", "address already in use", "ports are not available")
_NETWORK = "network"

Each = TypeVar("Each")


@dataclass(frozen=True)
class Running:
    """Handles the containers of a project's instances, several at a stroke."""

    engine: Engine
    names: Names
    # Engines take two networks of one name; then no container can be started on either.
    _networking: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def start(
        self, deployment: Address, launch: Launch, fresh: Sequence[str], operation: Operation, taken: Iterable[int]
    ) -> dict[str, Routes]:
        """Start instances on trial, and return where each will answer.

        Args:
            deployment: whose they are.
            launch: how each is started.
            fresh: their names.
            operation: on whose behalf.
            taken: ports that belong to other instances.

        Raises:
            ProviderError: the engine refuses one; then none of them is left.
        """
        network, passed, made = self.network(), set(taken), dict[str, Routes]()

        def start(name: str) -> None:
            for _ in range(_TRIES):
                ports = free_ports(len(launch.routes.ports), passed)
                passed.update(ports)
                instance = Instance(
                    deployment, name, operation, dict(zip(launch.routes.ports, ports, strict=True)), network
                )
                if self._start(launch, instance):
                    made[name] = launch.routes.published(instance.ports)
                    return
            raise ProviderError(f"{deployment}: somebody else takes every port as soon as it is chosen; try again")

        try:
            _at_once(start, fresh)
        except BaseException:
            _at_once(self._discard, [(deployment, name) for name in made])
            raise
        return made

    def keep(self, found: Sequence[Container]) -> None:
        """Have the engine start containers again when they end; what is gone by now is passed over."""
        _at_once(self._keep, found)

    def stop(self, found: Sequence[Container]) -> None:
        """Tell containers to stop, wait until they have ended, and remove them."""
        _at_once(self._stop, found)

    def network(self) -> str:
        """The network of the project's instances, on which they do not reach each other; made if it is not there.

        Raises:
            ProviderError: there is one of its name that is somebody else's.
        """
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        name = self.names.of(_NETWORK, "instances")
        with self._networking, self.engine.doing(f"network {name} cannot be made"):
            try:
                found = self.engine.api.inspect_network(name)
            except NotFound:
                self.engine.api.create_network(
                    name,
                    driver="bridge",
                    options={"com.docker.network.bridge.enable_icc": "false"},
                    labels=self.names.labels(_NETWORK),
                    check_duplicate=True,
                )
                return name
        if not self._is_ours(found):
            raise ProviderError(
                f"network {name} is somebody else's; remove it, or give the target another docker: project"
            )
        return name

    def remove_network(self) -> None:
        """Remove the project's network; while somebody else's container is on it, it stays."""
        from docker.errors import APIError, NotFound  # noqa: PLC0415 - 300 ms

        name = self.names.of(_NETWORK, "instances")
        with self.engine.doing(f"network {name} cannot be removed"):
            try:
                if self._is_ours(self.engine.api.inspect_network(name)):
                    self.engine.api.remove_network(name)
            except NotFound:
                return
            except APIError as error:
                if error.status_code != 403:
                    raise

    def _start(self, launch: Launch, instance: Instance) -> bool:
        """Start an instance, and return whether its ports were still free."""
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        name = self.names.instance(instance.deployment, instance.name)
        body = configuration(self.names, launch, instance)
        with self.engine.doing(f"{instance.deployment}: instance {instance.name} cannot be started"):
            try:
                container = self.engine.api.create_container_from_config(body, name)["Id"]  # type: ignore[no-untyped-call]  # types-docker lacks it
                self.engine.api.start(container)
            except BaseException as error:
                gone = self._discard((instance.deployment, instance.name))
                taken = isinstance(error, APIError) and any(words in str(error).lower() for words in _PORT_TAKEN)
                if not (taken and gone):
                    raise
                return False
        return True

    def _keep(self, each: Container) -> None:
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        # With `unless-stopped` an engine that was killed ends what it finds running, and leaves that ended.
        policy = {"Name": "always"}
        with self.engine.doing(f"{each.deployment}: instance {each.instance} cannot be kept up"), suppress(NotFound):
            self.engine.api.update_container(each.id, restart_policy=policy)  # type: ignore[arg-type]  # the stubs know two of four

    def _stop(self, each: Container) -> None:
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"{each.deployment}: instance {each.instance} cannot be stopped"), suppress(NotFound):
            # Told, or the SDK gives up waiting before an instance must have ended.
            timeout = self.engine.api.inspect_container(each.id)["Config"].get("StopTimeout")
            self.engine.api.stop(each.id, timeout=timeout)
            self.engine.api.remove_container(each.id, force=True)

    def _discard(self, instance: tuple[Address, str]) -> bool:
        """Remove an instance that came to nothing, and return whether there is none any more.

        It may be there although the engine's answer to its making never came, so it is looked for. What goes wrong is
        not told: the error that led here tells more, and a look at the target counts what stays as a stray.
        """
        with suppress(ProviderError):
            for each in containers(self.engine, self.names, instance[0]):
                if each.instance == instance[1]:
                    self._remove(each.id)
            return True
        return False

    def _remove(self, container: str) -> None:
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        with self.engine.doing(f"container {container} cannot be removed"), suppress(NotFound):
            self.engine.api.remove_container(container, force=True)

    def _is_ours(self, found: dict[str, Any]) -> bool:
        return bool((found.get("Labels") or {}).get(PROJECT) == self.names.project)


def _at_once(call: Callable[[Each], object], wanted: Sequence[Each]) -> None:
    """Do the same to each, all at the same time, and return when all is done."""
    if len(wanted) < 2:
        for each in wanted:
            call(each)
        return
    with ThreadPoolExecutor(min(_AT_ONCE, len(wanted))) as pool:
        list(pool.map(call, wanted))
