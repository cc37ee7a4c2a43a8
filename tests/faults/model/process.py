"""A run of the command line as the model has it: numbered points at which it may end or something else may happen."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Killed(BaseException):
    """The process was ended here; nothing of it reaches the record or the platform from now on."""


@dataclass
class Process:
    """One run.

    Args:
        number: of the run, counted from 1.
        at: what happens at which of its points, counted from 1.
        faults: what becomes of which of its calls, counted from 1.
        over: whether it was killed.
        passed: how many points it has passed.
    """

    number: int
    at: Mapping[int, Callable[["Process"], None]] = field(default_factory=dict)
    faults: Mapping[int, str] = field(default_factory=dict)
    over: bool = False
    passed: int = 0
    called: int = 0

    def point(self) -> None:
        """Pass a point.

        Raises:
            Killed: the process does not get any further.
        """
        if not self.over:
            self.passed += 1
            self.at.get(self.passed, lambda _process: None)(self)
        if self.over:
            raise Killed

    def kill(self) -> None:
        """End it at the next thing that it does, which is this one when called from a point."""
        self.over = True

    def fault(self) -> str:
        """What becomes of the next call; empty for nothing."""
        self.called += 1
        return self.faults.get(self.called, "")


class Turns:
    """Steps that run at once, one whole call after the other, in an order that is drawn.

    Stands in for the modules `threading` and `queue`, and for the crew, where an apply uses them, so that the same
    draws give the same run. A call that never comes back has the clock run instead.
    """

    Empty = queue.Empty
    Event = threading.Event

    def __init__(self, pick: Callable[[int], int]) -> None:
        self._pick = pick
        self._waiting: list[Callable[[], None]] = []
        self._ended: deque[Any] = deque()
        self._seconds = 0.0
        self.lost = False

    def clock(self) -> float:
        """Seconds that went by."""
        return self._seconds

    def wait(self, seconds: float) -> bool:
        """Let time go by; nobody interrupts."""
        self._seconds += seconds
        return False

    def Crew(self) -> "Turns":  # noqa: N802
        """Those who make the calls."""
        return self

    def have(self, work: Callable[[], None]) -> None:
        """A call is to be made."""
        self._waiting.append(work)

    def is_free(self) -> None:
        """Nobody is taken up."""

    def dismiss(self) -> None:
        """Nobody is left."""

    def SimpleQueue(self) -> "Turns":  # noqa: N802
        """The queue of calls that came back."""
        return self

    def put(self, item: Any) -> None:
        """A call comes back, if its answer is not lost for ever."""
        if self.lost:
            self.lost = False
        else:
            self._ended.append(item)

    def get(self, timeout: float | None = None) -> Any:
        """Have calls made until one comes back."""
        while not self._ended:
            if not self._waiting:
                assert timeout is not None, "a run waits for ever"
                self._seconds += timeout
                raise queue.Empty
            self._waiting.pop(self._pick(len(self._waiting)))()
        return self._ended.popleft()

    def empty(self) -> bool:
        """Whether no other call has come back meanwhile, which is drawn as well."""
        if not self._ended and self._waiting and self._pick(2):
            self._waiting.pop(self._pick(len(self._waiting)))()
        return not self._ended
