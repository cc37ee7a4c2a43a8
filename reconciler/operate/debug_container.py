"""A deployment that is debugged in a container of its image: made, listened to, and ended with this process."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TextIO

from reconciler.core.address import Address
from reconciler.errors import MlopsError, ProviderError
from reconciler.operate.debug_finding import Found
from reconciler.operate.debug_server import (
    LAST_MOMENTS_S,
    SERVER,
    Ports,
    Session,
    debugpy_folder,
    refuse_end,
    server_variables,
)
from reconciler.providers.docker.debugging import DEBUGPY, KIND, Debugged, Places, code_of, configuration
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.images import Images
from reconciler.providers.docker.launch import Launch
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.options import read_options
from reconciler.providers.docker.running import Running
from reconciler.providers.docker.supplies import Supplies
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.objects import Objects
from reconciler.providers.hosting.replacing import revealed
from reconciler.providers.hosting.sources import Sources
from reconciler.providers.provider import Assets
from reconciler.workspace import Workspace, folder_of

_DOCKER = "docker"
_LISTENING = b"a debugger may attach to"
# Every address of the container, of which the ports are published on the loopback of this machine alone.
_EVERYWHERE = "0.0.0.0"  # noqa: S104


@dataclass(frozen=True)
class Boxed:
    """How a deployment is started in a container of an engine.

    Args:
        engine: that runs it; closed with the session.
        names: what the engine's objects of the target are called.
        launch: the image, and what a container of it is given.
        code: where the user's own is in it.
    """

    engine: Engine
    names: Names
    launch: Launch
    code: PurePosixPath


def boxed(workspace: Workspace, found: Found, assets: Assets, layout: Layout, report: Callable[[str], None]) -> Boxed:
    """Have the image of a deployment ready, as its target would.

    Raises:
        MlopsError: the target runs no containers, or the image brings a server of its own.
        ProviderError: there is no engine, or the image cannot be had.
    """
    target = workspace.target
    if target.provider != _DOCKER:
        raise MlopsError(f"target {target.name} runs no containers; its provider is {target.provider}")
    options = read_options(target.options, workspace.config.root, target.name)
    engine, names, own = Engine(options.host), Names(options.project), folder_of(workspace.config, target).absolute()
    images = Images(engine, names, assets, own / "images")
    supplies = Supplies(engine, layout, Sources(Objects(own), assets, _DOCKER), Places(), images, options.base_image)
    given = revealed(found.spec.get("environment_variables") or {}, {})
    launch = supplies.launch(found.address, found.spec, given, report)
    if not launch.image.python:
        raise MlopsError(f"{found.address}: its image brings a server of its own (inference_config); debug it by that")
    return Boxed(engine, names, launch, code_of(launch, found.code["name"]))


@contextmanager
def container_session(
    address: Address, box: Boxed, ports: Ports, *, wait: bool, output: TextIO | None
) -> Iterator[Session]:
    """Run the container for as long as the block. It ends when nobody holds its input any more, however that came."""
    launch, engine = box.launch, box.engine
    variables = server_variables(
        (box.code,), port=ports.debugger, package=str(DEBUGPY), python="", wait=wait, host=_EVERYWHERE,
        ends_with_input=True,
    )  # fmt: skip
    argv = (launch.image.python, *SERVER, "--host", _EVERYWHERE, "--port", str(ports.scoring))
    try:
        # Whoever reaches the debugger's port runs code there: other containers shall not.
        network = Running(engine, box.names).network()
        debugged = Debugged(address, (ports.scoring, ports.debugger), debugpy_folder(), variables, network)
        body, name = configuration(box.names, launch, debugged, argv), box.names.of(KIND, os.urandom(6).hex())
        with engine.doing(f"{address}: no container can be made"):
            container = engine.api.create_container_from_config(body, name)["Id"]  # type: ignore[no-untyped-call]  # types-docker lacks it
        running = _Container(address, engine, str(container), output or sys.stdout)
        try:
            running.start()
            yield running
        finally:
            running.end()
    finally:
        engine.close()


class _Container:
    """A server that runs in a container."""

    def __init__(self, address: Address, engine: Engine, container: str, output: TextIO) -> None:
        self._address, self._engine, self._container = address, engine, container
        self._output = output
        self._listening, self._ended = threading.Event(), threading.Event()
        self._code = 0

    def start(self) -> None:
        """Start it, with its input held open and its output printed."""
        with self._engine.doing(f"{self._address}: the container cannot be started"):
            held = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            connection = self._engine.api.attach_socket(self._container, params=held)
            threading.Thread(target=self._await, daemon=True).start()
            self._engine.api.start(self._container)
        self._printing = threading.Thread(target=self._print, args=[connection], daemon=True)
        self._printing.start()

    def await_listening(self) -> None:
        """Wait until a debugger may come; the server prints it.

        Raises:
            MlopsError: the server has ended before.
        """
        self._listening.wait()
        if self._ended.is_set():
            self.await_end()
            raise MlopsError(f"{self._address}: the server has ended before a debugger could come")

    def await_end(self) -> None:
        """Wait until the container has ended."""
        self._ended.wait()
        self._printing.join(LAST_MOMENTS_S)  # what it printed last says why, and may still be on its way
        refuse_end(self._address, self._code)

    def end(self) -> None:
        """Ask the server to end, and remove the container, which is then done already."""
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        with suppress(APIError):
            try:
                self._engine.api.kill(self._container, "SIGTERM")
                self._ended.wait(LAST_MOMENTS_S)
            finally:
                self._engine.api.remove_container(self._container, force=True)

    def _await(self) -> None:
        with suppress(ProviderError), self._engine.doing("the container's end is not known"):
            self._code = int(self._engine.api.wait(self._container, condition="removed")["StatusCode"])
        self._ended.set()
        self._listening.set()

    def _print(self, connection: Any) -> None:
        from docker.utils.socket import STDOUT, frames_iter  # noqa: PLC0415 - 300 ms

        for stream, data in frames_iter(connection, tty=False):  # type: ignore[no-untyped-call]  # as above
            to = self._output if stream == STDOUT else sys.stderr
            to.write(data.decode(errors="replace"))
            to.flush()
            if _LISTENING in data:
                self._listening.set()
