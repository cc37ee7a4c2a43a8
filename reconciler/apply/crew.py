"""The threads that make calls: as many as were ever needed at once, each for one call after the other."""

import queue
import threading
from collections.abc import Callable

Work = Callable[[], None]


class Crew:
    """Threads of one thread, which tells it what is to be done and when somebody is free again.

    They are daemons: one that hangs for ever must keep neither the run nor the process from its end. Nobody waits for
    it, and another is taken in its place.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._hands = self._free = 0

    def have(self, work: Work) -> None:
        """Have somebody do this, which says by itself when it is done, and raises nothing."""
        if self._free:
            self._free -= 1
        else:
            self._hands += 1
            threading.Thread(target=self._toil, name="steps", daemon=True).start()
        self._work.put(work)

    def is_free(self) -> None:
        """Know that somebody has done what was to be done."""
        self._free += 1

    def dismiss(self) -> None:
        """Have all of them end, those at work once they are done."""
        for _ in range(self._hands):
            self._work.put(None)

    def _toil(self) -> None:
        while work := self._work.get():
            work()
