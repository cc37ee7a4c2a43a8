"""Waiting for instances that start: until each is ready, or one has ended, or the deadline passes."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.keeper.values import Exit, Status

INIT_FAILED = 3
TAIL = 20
# Why one of our servers that runs may not be ready.
WAITING = "init() may be waiting for something"
_WIDEST = 500
# How often it is asked whether an instance that is waited for has ended.
_LOOK_S = 0.1


class Awaited(Protocol):
    """Instances that can be waited for."""

    def ready(self, names: Iterable[str]) -> frozenset[str]:
        """Those that answer."""
        ...

    def of(self, deployment: Address) -> Mapping[str, Status]:
        """A deployment's instances that there are, by name."""
        ...

    def unready(self, deployment: Address, name: str) -> str:
        """Why an instance that runs is not ready, as far as can be told."""
        ...

    def tail(self, deployment: Address, name: str) -> list[str]:
        """The last lines that an instance printed."""
        ...


@dataclass(frozen=True)
class Patience:
    """How long to wait for readiness, and how often to look."""

    deadline_s: float = 600.0
    poll_s: float = 0.025
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def await_ready(
        self, instances: Awaited, deployment: Address, names: Sequence[str], report: Callable[[str], None]
    ) -> None:
        """Wait until each of the instances is ready.

        Raises:
            ProviderError: one of them ended first, or the deadline passed; the last lines of its log come along.
        """
        started = self.now()
        before, looked = instances.of(deployment), started
        waiting, told = set(names), -1
        while True:
            waiting -= instances.ready(waiting)
            if len(names) - len(waiting) > told:
                told = len(names) - len(waiting)
                report(f"{told} of {len(names)} instances ready")
            if not waiting:
                return
            if self.now() - looked > _LOOK_S:
                _refuse_ended(instances, deployment, waiting, before)
                looked = self.now()
            if self.now() - started > self.deadline_s:
                raise self._late(instances, deployment, min(waiting))
            self.sleep(self.poll_s)

    def _late(self, instances: Awaited, deployment: Address, name: str) -> ProviderError:
        why = instances.unready(deployment, name)
        message = f"{deployment}: not ready after {self.deadline_s:g} s; {why}"
        return ProviderError(message, log_tail=instances.tail(deployment, name))


def short(lines: Iterable[str]) -> list[str]:
    """Lines of a log, each as far as a reader would follow it."""
    return [line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…" for line in lines]


def _refuse_ended(
    instances: Awaited, deployment: Address, waiting: Iterable[str], before: Mapping[str, Status]
) -> None:
    known = instances.of(deployment)
    for name in sorted(waiting):
        status = known.get(name)
        if status is None or _has_ended(status, before.get(name)):
            last = status.last_exit if status else None
            raise ProviderError(f"{deployment}: {ending(last)}", log_tail=instances.tail(deployment, name))


def _has_ended(status: Status, before: Status | None) -> bool:
    return (status.trial and not status.running) or (before is not None and status.restarts > before.restarts)


def ending(last: Exit | None) -> str:
    """Say how an instance ended that was waited for; None where nobody saw it."""
    if last and last.code == INIT_FAILED:
        return f"init() failed (exit code {INIT_FAILED})"
    return f"the server ended before it was ready ({last or 'ended unseen'})"
