"""What a provider is asked outside of steps is answered in time, or fails: what hangs must not keep the lock.

A platform that asks to wait is waited for. One that does not answer at all is told at once: nothing was begun, and
whoever asked may ask again.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from reconciler.apply.retrying import Pace, asks_to_wait, try_call
from reconciler.core.address import Address
from reconciler.core.state import Live, Served
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.providers.provider import FenceSource, Seeing, ServedSource
from reconciler.providers.rooted import Rooted, Selective

_T = TypeVar("_T")
# As many questions about one object each are under way at once as an apply has steps by default.
_AT_ONCE = 4


@dataclass(frozen=True)
class InTime:
    """A provider's eyes, and its fence; each call, with all its tries, ends within the time of a step.

    Raises:
        ProviderError: one did not; it goes on in a thread of its own, for which nobody waits.
    """

    provider: Seeing
    pace: Pace

    def list(self) -> Sequence[Live]:
        """Every object."""
        return self._answered("what is live", lambda: tuple(self.provider.list()))

    def observe(self, address: Address) -> Live | None:
        """One object as it is now."""
        return self._answered(f"how {address} is", lambda: self.provider.observe(address))

    def some(self, addresses: Collection[Address]) -> Sequence[Live]:
        """Of these addresses what is there: in one question where the provider takes it, else a few at once."""
        provider = self.provider
        if not addresses:
            return ()
        if isinstance(provider, Selective):
            return self._answered(f"how {len(addresses)} objects are", lambda: tuple(provider.some(addresses)))
        return self._each(sorted(addresses))

    def root(self) -> str:
        """What tells whether the live side is as it was; empty where the provider does not tell."""
        provider = self.provider
        return self._answered("whether it is as it was", provider.root) if isinstance(provider, Rooted) else ""

    def digests(self) -> Mapping[Address, str]:
        """What tells which objects are as they were; nothing where the provider does not tell."""
        provider = self.provider
        return self._answered("what is as it was", provider.digests) if isinstance(provider, Rooted) else {}

    def known(self, digests: Mapping[Address, str]) -> Sequence[Live]:
        """The objects that had these digests, as they were then or are now."""
        provider = self.provider
        if not digests or not isinstance(provider, Rooted):
            return self.some(digests)
        return self._answered(f"how {len(digests)} objects are", lambda: tuple(provider.known(digests)))

    def fences(self) -> Mapping[Address, int]:
        """By address the generation below which operations are refused; none where the provider does not tell."""
        provider = self.provider
        return self._answered("what is refused", provider.fences) if isinstance(provider, FenceSource) else {}

    def served(self) -> Sequence[Served]:
        """What the instances say that they have loaded; nothing where the provider cannot ask them."""
        provider = self.provider
        return self._answered("what is served", provider.served) if isinstance(provider, ServedSource) else ()

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on."""
        self._answered(f"settling {address}", lambda: self.provider.fence(address, generation))

    def _each(self, addresses: Sequence[Address]) -> Sequence[Live]:
        from concurrent import futures  # noqa: PLC0415 - brings logging along

        over = threading.Event()
        patient = replace(self, pace=replace(self.pace, wait=self.pace.wait or over.wait))
        with futures.ThreadPoolExecutor(min(_AT_ONCE, len(addresses))) as pool:
            asked = [pool.submit(patient.observe, address) for address in addresses]
            try:
                done, _ = futures.wait(asked, return_when=futures.FIRST_EXCEPTION)
                errors = list(filter(None, (each.exception() for each in done)))
            finally:
                over.set()  # Whoever waits for the platform waits in vain once another question has failed.
                pool.shutdown(wait=False, cancel_futures=True)
        for error in errors:
            raise error
        return tuple(live for each in asked if (live := each.result()))

    def _answered(self, what: str, call: Callable[[], _T]) -> _T:
        answers: list[_T] = []
        deadline = self.pace.clock() + self.pace.step_timeout_s
        tried = try_call(
            lambda: answers.append(self._within(what, call, deadline - self.pace.clock())),
            self.pace,
            deadline=deadline,
            wait=self.pace.wait or _slept,
            report=lambda said: self.pace.told(f"{what}: {said}"),
            passing=asks_to_wait,
        )
        if tried.error:
            raise tried.error
        return answers[0]

    def _within(self, what: str, call: Callable[[], _T], seconds: float) -> _T:
        answers: list[_T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                answers.append(call())
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
                errors.append(error)

        thread = threading.Thread(target=run, name="question", daemon=True)
        thread.start()
        thread.join(max(seconds, 0.0))
        for error in errors:
            raise error
        for answer in answers:
            return answer
        raise ProviderError(
            f"no answer on {what} within {self.pace.step_timeout_s:g} s; see that the platform is well, and run this "
            "again"
        )


def _slept(seconds: float) -> bool:
    time.sleep(seconds)
    return False
