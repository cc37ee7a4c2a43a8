"""A call that fails in passing is made again with the same operation: so often, so long, as the platform asks."""

import os
import time
from collections.abc import Callable

from reconciler.errors import ProviderError, TransientError
from reconciler.frozen import dataclass


def _dice() -> float:
    return int.from_bytes(os.urandom(4)) / 2**32


@dataclass(frozen=True)
class Pace:
    """How long steps and questions are given, and how calls that fail in passing are made again.

    Args:
        step_timeout_s: how long a step or a question may take, its tries and the pauses between them included.
        tries: how often a call is made at the most.
        first_s: the pause behind the first try; each following one is twice as long, a little less by chance.
        longest_s: the longest pause, also where the platform asks for a longer one.
        clock: in seconds.
        wait: waits so many seconds, and says whether the run was interrupted meanwhile; None for a real wait.
        dice: a number from 0 to 1, so that clients that failed together do not come back together.
        told: of what is asked outside of steps, told before each pause.
    """

    step_timeout_s: float = 3600.0
    tries: int = 5
    first_s: float = 1.0
    longest_s: float = 120.0
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], bool] | None = None
    dice: Callable[[], float] = _dice
    told: Callable[[str], None] = lambda _line: None

    def pause(self, tries: int, error: TransientError) -> float:
        """How long to wait behind so many tries."""
        if error.retry_after_s is not None:
            return min(max(error.retry_after_s, 0.0), self.longest_s)
        doubled: float = self.first_s * 2 ** (tries - 1)
        return min(doubled, self.longest_s) * (1 - self.dice() / 2)


@dataclass(frozen=True)
class Tried:
    """What came of a call and its repetitions.

    Args:
        error: of the last one; None where it succeeded.
        maybe_done: whether the effect may be there all the same.
    """

    error: BaseException | None = None
    maybe_done: bool = False


def try_call(
    call: Callable[[], None],
    pace: Pace,
    *,
    deadline: float,
    wait: Callable[[float], bool],
    report: Callable[[str], None],
    passing: Callable[[BaseException], TransientError | None] | None = None,
) -> Tried:
    """Make a call until it succeeds, fails for good, or there is no more to be had of trying.

    Args:
        call: the same each time, so that one whose answer was lost is not done twice.
        pace: how often, and with which pauses.
        deadline: of the clock, beyond which no pause leads.
        wait: waits so many seconds, and says whether the run was interrupted meanwhile.
        report: told before each pause.
        passing: the error as one that may pass, if it may; by default also a connection that breaks.
    """
    passing = passing or may_pass
    maybe_done, tries = False, 0
    while True:
        tries += 1
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything; it becomes an outcome
            found = passing(error)
            maybe_done |= found is not None and found.maybe_done
            if found is None:
                return Tried(error, maybe_done)
            pause = pace.pause(tries, found)
            if tries >= pace.tries or pace.clock() + pause > deadline:
                return Tried(_given_up(found, tries), maybe_done)
            report(f"{found}, retrying in {pause:.3g} s ({tries + 1} of {pace.tries})")
            if wait(pause):
                return Tried(ProviderError(f"{found}; interrupted before another try"), maybe_done)
        else:
            return Tried()


def asks_to_wait(error: BaseException) -> TransientError | None:
    """The error, where the platform says how long it wants to be left alone."""
    return error if isinstance(error, TransientError) and error.retry_after_s is not None else None


def may_pass(error: BaseException) -> TransientError | None:
    """The error as one that may pass, if it may: a connection that breaks leaves open what came of the call."""
    if isinstance(error, TransientError):
        return error
    if isinstance(error, (TimeoutError, ConnectionError)):
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return TransientError(said, maybe_done=not isinstance(error, ConnectionRefusedError))
    return None


def _given_up(error: TransientError, tries: int) -> ProviderError:
    often = f"; given up after {tries} tries" if tries > 1 else ""
    return ProviderError(f"{error}{often}", log_tail=error.log_tail)
