"""The gateway as a container where the engine has its image, else as a process of this machine; and its upkeep."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.values import Gateway, Place
from reconciler.keeper.logs import rotate
from reconciler.keeper.say import say
from reconciler.keeper.values import Status
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.envoys import ContainerEnvoys
from reconciler.providers.docker.names import Names
from reconciler.providers.hosting.envoys import LOG_FILES, LOG_MAX_BYTES, NUMBERS, KeptEnvoys, Program
from reconciler.providers.hosting.facts import Facts, read_facts
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.options import Options
from reconciler.providers.hosting.processes import Processes

# As the keeper asks an Envoy that it keeps.
_PROBE_S, _TIMEOUT_S, _FAILURES = 2.0, 2.0, 3


def envoys_of(engine: Engine, names: Names, layout: Layout, processes: Processes, options: Options) -> "EitherEnvoys":
    """What runs the gateway of a target."""
    kept = KeptEnvoys(layout, processes, options.envoy)
    return EitherEnvoys(kept, ContainerEnvoys(engine, names, layout, options.image), options)


@dataclass(frozen=True)
class EitherEnvoys:
    """Envoy as a container or as a process of this machine; one takes over from the other as from its like."""

    kept: KeptEnvoys
    containers: "ContainerEnvoys"
    options: Options

    def choose(self, gateway: Gateway) -> Program:
        """Return what the target names; else a container where the engine has the image, else the package's Envoy."""
        contained = None if self.options.envoy else self.containers.choose(gateway)
        return contained or self.kept.choose(gateway)

    def is_current(self, identity: str) -> bool:
        """Whether one of the two that the target may have is still the same; that an image is another, it does not see.

        No engine is asked, so that a plan costs none of its calls.
        """
        kept = not self.options.image and self.kept.is_current(identity)
        return kept or (not self.options.envoy and self.containers.is_current(identity))

    def statuses(self) -> Mapping[int, Status]:
        """Those that the keeper and the engine know."""
        return {**self.kept.statuses(), **self.containers.statuses()}

    def seen(self, number: int) -> bool:
        """Whether it answers on its admin socket."""
        return self.containers.seen(number)

    def settle(self, number: int) -> None:
        """Have the keeper or the engine start it again when it ends."""
        for envoys in (self.kept, self.containers):
            if number in envoys.statuses():
                envoys.settle(number)

    def remove(self, numbers: Iterable[int]) -> None:
        """Have the keeper and the engine end and forget them."""
        ending = frozenset(numbers)
        self.kept.remove(ending)
        self.containers.remove(ending)

    def tail(self, number: int) -> list[str]:
        """The last lines that it printed."""
        return self.containers.tail(number)


class Upkeep:
    """Does for a gateway that is a container what the keeper does for one that is a process of this machine.

    Args:
        log_max_bytes: its logs are begun anew once they have more.
    """

    def __init__(
        self,
        containers: ContainerEnvoys,
        layout: Layout,
        *,
        log_max_bytes: int = LOG_MAX_BYTES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._containers = containers
        self._layout = layout
        self._log_max_bytes = log_max_bytes
        self._now = now
        self._next_probe = 0.0
        self._failures = 0

    def look(self) -> bool:
        """Rotate its logs, and start it again where it hangs; tell whether that was so. To be called every 2 s or so.

        Raises:
            ProviderError: the engine refuses to start it again.
            OSError: a log cannot be rotated.
        """
        facts = read_facts(self._layout.gateway_facts)
        if facts is None or not facts.image:
            return False
        for log in (self._place(facts.process).access_log, self._layout.gateway_log):
            rotate(log, max_bytes=self._log_max_bytes, files=LOG_FILES, reopen=self.reopen)
        return self._restarted(facts)

    def go_on(self) -> NoReturn:
        """Look for ever, in a thread of its own, since a gateway that hangs takes its time to show it.

        The thread has to be a daemon. Trouble is told once, and then waited out.
        """
        complaint = ""
        while True:
            try:
                if self.look():
                    say("the gateway did not answer and was started again")
                complaint = ""
            except (ProviderError, OSError) as error:
                if str(error) != complaint:
                    say(str(error))
                complaint = str(error)
            time.sleep(_PROBE_S)

    def reopen(self) -> None:
        """Have every process of the gateway open its logs anew; one that is not up does so when it starts."""
        for number in NUMBERS:
            with suppress(ProviderError):
                Admin(self._place(number).admin, timeout_s=_TIMEOUT_S).post("/reopen_logs")

    def _restarted(self, facts: Facts) -> bool:
        if self._now() < self._next_probe:
            return False
        self._next_probe = self._now() + _PROBE_S
        if Admin(self._place(facts.process).admin, timeout_s=_TIMEOUT_S).running():
            self._failures = 0
            return False
        self._failures += 1
        if self._failures < _FAILURES:
            return False
        self._failures = 0
        return self._containers.restart(facts.process)

    def _place(self, number: int) -> Place:
        return Place(self._layout.gateway, self._layout.sockets, number)
