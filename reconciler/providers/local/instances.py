"""A deployment's instances: started on trial, waited for, put in service, drained and stopped."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.keeper.values import Status
from reconciler.providers.local.launch import Launch, process
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.probing import ready_ones
from reconciler.providers.local.processes import Processes

INIT_FAILED = 3
_TAIL = 20
_WIDEST = 500
# How often the keeper is asked whether an instance that is waited for has ended.
_LOOK_S = 0.1


@dataclass(frozen=True)
class Instances:
    """The instances of a target's deployments, each known by twelve random hexadecimal digits.

    Args:
        outer: the operator's environment, of which instances get a few harmless names.
        deadline_s: how long an instance may take to readiness.
    """

    layout: Layout
    processes: Processes
    outer: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    deadline_s: float = 600.0
    poll_s: float = 0.025
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def start(self, deployment: Address, launch: Launch, count: int) -> tuple[str, ...]:
        """Start instances on trial: nothing is sent to them, and one that ends is not started again."""
        names = tuple(os.urandom(6).hex() for _ in range(count))
        folder = self.layout.logs(deployment)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in names:
            log = folder / f"{name}.log"
            self.processes.start(process(launch, kept(deployment, name), self.layout.socket(name), log, self.outer))
        return names

    def await_ready(self, deployment: Address, names: Sequence[str], report: Callable[[str], None]) -> None:
        """Wait until each of the instances is ready.

        Raises:
            ProviderError: one of them ended first, or the deadline passed; the last lines of its log come along.
        """
        started = self.now()
        before, looked = self.of(deployment), started
        waiting, told = set(names), -1
        while True:
            waiting -= self.ready(waiting)
            if len(names) - len(waiting) > told:
                told = len(names) - len(waiting)
                report(f"{told} of {len(names)} instances ready")
            if not waiting:
                return
            if self.now() - looked > _LOOK_S:
                self._check(deployment, waiting, before)
                looked = self.now()
            if self.now() - started > self.deadline_s:
                raise self._late(deployment, min(waiting))
            self.sleep(self.poll_s)

    def ready(self, names: Iterable[str]) -> frozenset[str]:
        """Those that answer."""
        return frozenset(path.stem for path in ready_ones(map(self.layout.socket, names)))

    def settle(self, deployment: Address, names: Sequence[str]) -> None:
        """End the trial: what is in service is kept up from now on."""
        self.processes.settle([kept(deployment, name) for name in names])

    def stop(self, deployment: Address, names: Iterable[str]) -> None:
        """Let instances finish what they have, then end them; their sockets and logs go with them."""
        leaving = list(names)
        self.processes.remove([kept(deployment, name) for name in leaving])
        for name in leaving:
            self.layout.socket(name).unlink(missing_ok=True)
            for log in self.layout.logs(deployment).glob(f"{name}.log*"):
                log.unlink(missing_ok=True)

    def acknowledge(self, deployment: Address, names: Iterable[str]) -> None:
        """Count restarts anew: what was lost is mended."""
        self.processes.acknowledge([kept(deployment, name) for name in names])

    def forget(self, deployment: Address) -> None:
        """Remove what is left of a deployment that is gone."""
        shutil.rmtree(self.layout.logs(deployment), ignore_errors=True)

    def of(self, deployment: Address) -> dict[str, Status]:
        """A deployment's instances that the keeper knows, by name."""
        return of_deployment(self.processes.list(), deployment)

    def left(self, deployment: Address) -> set[str]:
        """Those that the keeper knows, and those of which only a log is left."""
        logs = {path.name.partition(".")[0] for path in self.layout.logs(deployment).glob("*.log*")}
        return logs | self.of(deployment).keys()

    def tail(self, deployment: Address, name: str) -> list[str]:
        """The last lines of an instance's log, each as far as a reader would follow it."""
        lines = last_lines(self.layout.logs(deployment) / f"{name}.log", _TAIL)
        return [line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…" for line in lines]

    def _check(self, deployment: Address, waiting: Iterable[str], before: Mapping[str, Status]) -> None:
        known = self.of(deployment)
        for name in sorted(waiting):
            status = known.get(name)
            if status is None or _has_ended(status, before.get(name)):
                raise ProviderError(f"{deployment}: {_ending(status)}", log_tail=self.tail(deployment, name))

    def _late(self, deployment: Address, name: str) -> ProviderError:
        message = f"{deployment}: not ready after {self.deadline_s:g} s; init() may be waiting for something"
        return ProviderError(message, log_tail=self.tail(deployment, name))


def kept(deployment: Address, name: str) -> str:
    """The name by which the keeper knows an instance."""
    return f"{deployment.endpoint}/{deployment.name}/{name}"


def of_deployment(statuses: Mapping[str, Status], deployment: Address) -> dict[str, Status]:
    """Those of the kept processes that are a deployment's instances, by their own names."""
    prefix = kept(deployment, "")
    return {name.removeprefix(prefix): status for name, status in statuses.items() if name.startswith(prefix)}


def last_lines(log: Path, count: int, *, end: int | None = None) -> list[str]:
    """The last lines of a file, or of what it was up to `end`, read from behind."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END) if end is None else end
            block, text = 8192, b""
            while size and text.count(b"\n") <= count:
                start = max(0, size - block)
                file.seek(start)
                text, size = file.read(size - start) + text, start
                block *= 2  # or a line of many megabytes would be copied a thousand times
    except FileNotFoundError:
        return []
    lines = text.decode(errors="replace").splitlines()
    return lines[-count:] if count else []


def _has_ended(status: Status, before: Status | None) -> bool:
    return (status.trial and not status.running) or (before is not None and status.restarts > before.restarts)


def _ending(status: Status | None) -> str:
    last = status.last_exit if status else None
    if last and last.code == INIT_FAILED:
        return f"init() failed (exit code {INIT_FAILED})"
    return f"the server ended before it was ready ({last or 'ended unseen'})"
