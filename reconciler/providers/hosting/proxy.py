"""The proxy's processes: one, or two for a moment while the second takes over from the first."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.admin import Admin
from reconciler.gateway.documents import text
from reconciler.gateway.draining import drain
from reconciler.gateway.envoy import bootstrap
from reconciler.gateway.files import Files, write_private
from reconciler.gateway.values import Gateway, Place
from reconciler.providers.hosting.envoys import NUMBERS, Envoys, Program
from reconciler.providers.hosting.layout import Layout


@dataclass(frozen=True)
class Proxy:
    """Starts, replaces and ends Envoy. A process is known by its number, which says where its admin socket is."""

    layout: Layout
    envoys: Envoys

    def place(self, number: int) -> Place:
        """Where a process has its files."""
        return Place(self.layout.gateway, self.layout.sockets, number)

    def files(self, number: int) -> Files:
        """The files of a process that runs."""
        return Files(self.place(number), self.layout.gateway_log)

    def serves(self, number: int) -> bool:
        """Whether a process is up, has its port, and watches the files where they are now."""
        if not self.place(number).bootstrap.exists():
            return False  # the folder was lost, and what still runs watches the one that is gone
        status = self.envoys.statuses().get(number)
        return status is not None and status.running and Admin(self.place(number).admin).listening()

    def start(self, program: Program, gateway: Gateway) -> int:
        """Start the first process, and return its number once it has taken every file.

        Raises:
            ProviderError: its port is taken, or it does not start.
        """
        self.end()
        must_be_free(gateway.host, gateway.port)
        self.files(NUMBERS[0]).write(gateway)
        self._launch(NUMBERS[0], program)
        return NUMBERS[0]

    def succeed(self, former: int, program: Program) -> int:
        """Start a second process on the same port, and return its number once it has taken the files as they are.

        Raises:
            ProviderError: it does not start; the first goes on.
        """
        number = NUMBERS[1 - former]
        self.envoys.remove([number])
        place = self.place(number)
        write_private(place.bootstrap, text(bootstrap(place)))
        self._launch(number, program)
        return number

    def retire_others(self, number: int, host: str, port: int) -> None:
        """Have every other process on the same port finish what it has begun, and end it."""
        from reconciler.gateway.steering import steer_to_second  # noqa: PLC0415 - only a successor needs it

        for other in self.envoys.statuses():
            if other != number:
                steer_to_second(host, port)
                with suppress(ProviderError):  # one that does not answer has nothing to finish
                    drain(self.place(other))
                self.envoys.remove([other])

    def end(self) -> None:
        """End every process."""
        self.envoys.remove(NUMBERS)

    def _launch(self, number: int, program: Program) -> None:
        """Start a process on trial, wait until it has taken every file, and have it kept up from then on."""
        program.start(number)
        try:
            Files(self.place(number), self.layout.gateway_log, sleep=self._while_running(number)).confirm()
        except ProviderError as error:
            tail = self.envoys.tail(number)
            self.envoys.remove([number])
            raise ProviderError(f"the gateway did not start: {error}", log_tail=tail) from error
        self.envoys.settle(number)

    def _while_running(self, number: int) -> Callable[[float], None]:
        def pause(seconds: float) -> None:
            time.sleep(seconds)
            status = self.envoys.statuses().get(number)
            if status is None or not status.running:
                raise ProviderError(f"it ended at once ({status.last_exit if status else 'unseen'})")

        return pause


def must_be_free(host: str, port: int) -> None:
    """Envoy would share the port of another Envoy without a word.

    Raises:
        ProviderError: somebody listens there.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise ProviderError(
                f"port {port} of {host} is taken by another program; stop it, or give the target another port, "
                "`gateway: {port: N}`"
            ) from None


def free_port(host: str) -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
