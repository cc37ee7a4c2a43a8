"""The platform as one process reaches it: calls that fail, whose answers are lost, that arrive late."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.core.plan import Operation, Step
from reconciler.core.state import Live
from reconciler.errors import ProviderError, TransientError
from tests.faults.model.cloud import Cloud, Request
from tests.faults.model.process import Process


@dataclass(frozen=True)
class Client:
    """The platform as one process reaches it; calls may fail as its faults say.

    `refused` and `busy`: no effect, for good or in passing. `lost`: the effect is there, the answer is not. `late`:
    neither is, the request is on its way. `hung`: the same, and nobody ever answers. `gone`: the same, and the process
    is killed. `cut`: the platform fails in the middle of a roll-out.
    """

    cloud: Cloud
    process: Process
    hang: Callable[[], None]
    name: str = "memory"

    def list(self) -> Sequence[Live]:
        """Every object."""
        self.process.point()
        return self.cloud.list()

    def observe(self, address: Address) -> Live | None:
        """One object."""
        self.process.point()
        return self.cloud.observe(address)

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations."""
        self.process.point()
        self.cloud.fence(address, generation)

    def fences(self) -> Mapping[Address, int]:
        """What is refused."""
        return self.cloud.fences()

    def objections(self, _resources: Sequence[Any]) -> Iterator[Any]:
        """None."""
        yield from ()

    def close(self) -> None:
        """Nothing is held."""

    def create(self, step: Step, operation: Operation) -> None:
        """Make the object."""
        self._call(step, operation)

    scale = roll_out = update = route = delete = create

    def _call(self, step: Step, operation: Operation) -> None:
        fault = self.process.fault()
        if fault in ("late", "hung", "gone"):
            self.cloud.in_flight.append(Request(step, operation, self.process.number))
        if fault == "gone":
            self.process.kill()
        self.process.point()
        if fault == "refused":
            raise ProviderError("400 the request is refused")
        if fault == "busy":
            raise TransientError("503 the service is busy", retry_after_s=1)
        if fault == "late":
            raise TimeoutError("no answer")
        if fault == "hung":
            self.hang()
            return
        self.cloud.carry_out(step, operation, self.process, cut=fault == "cut")
        self.process.point()
        if fault == "lost":
            raise TimeoutError("no answer")
