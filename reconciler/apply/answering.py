"""What a provider is asked outside of steps is answered in time, or fails: what hangs must not keep the lock."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.errors import ProviderError
from reconciler.providers.provider import Seeing

_T = TypeVar("_T")


@dataclass(frozen=True)
class InTime:
    """A provider's eyes, and its fence, each call of which ends within so many seconds.

    Raises:
        ProviderError: one did not; it goes on in a thread of its own, for which nobody waits.
    """

    provider: Seeing
    seconds: float

    def list(self) -> Sequence[Live]:
        """Every object."""
        return self._within("what is live", lambda: tuple(self.provider.list()))

    def observe(self, address: Address) -> Live | None:
        """One object as it is now."""
        return self._within(f"how {address} is", lambda: self.provider.observe(address))

    def fence(self, address: Address, generation: int) -> None:
        """Refuse older operations from now on."""
        self._within(f"settling {address}", lambda: self.provider.fence(address, generation))

    def _within(self, what: str, call: Callable[[], _T]) -> _T:
        answers: list[_T] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                answers.append(call())
            except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
                errors.append(error)

        thread = threading.Thread(target=run, name="question", daemon=True)
        thread.start()
        thread.join(self.seconds)
        for error in errors:
            raise error
        for answer in answers:
            return answer
        raise ProviderError(
            f"no answer on {what} within {self.seconds:g} s; see that the platform is well, and run this again"
        )
