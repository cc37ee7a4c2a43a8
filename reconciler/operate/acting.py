"""What the attendant does to a target, under its lock: the quick at once, and beside it what takes its time.

All goes on under one hold of the lock, so that an apply meets none of it, and the quick never waits for the slow.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager

Lock = Callable[[], AbstractContextManager[None]]
Done = Callable[[Future[bool], float], None]


class Acting:
    """Acts on one target. All methods are for one thread; only what is begun runs in those of the executor.

    Args:
        executor: runs what takes its time.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._slow: dict[Future[bool], Done] = {}
        self._hold = ExitStack()

    @property
    def busy(self) -> bool:
        """Whether something that was begun is not settled; the lock is held until it is."""
        return bool(self._slow)

    @contextmanager
    def alone(self, lock: Lock) -> Iterator[None]:
        """Hold the target's lock, which may be held already for what is under way.

        Raises:
            LockHeldError: another run holds it.
        """
        if not self._slow:
            self._hold.enter_context(lock())
        try:
            yield
        finally:
            self._let_go()

    def begin(self, work: Callable[[], bool], done: Done) -> None:
        """Have something done that may take long; only while the lock is held.

        Args:
            done: gets what became of it, and the time in seconds since the epoch, from `settle`.
        """
        self._slow[self._executor.submit(work)] = done

    def settle(self, now: float) -> None:
        """Take note of what has ended, and let go of the lock with the last of it."""
        for ended in [each for each in self._slow if each.done()]:
            self._slow.pop(ended)(ended, now)
        self._let_go()

    def close(self) -> None:
        """Wait for what is under way, and let go of the lock."""
        self._executor.shutdown(cancel_futures=True)
        self._slow.clear()
        self._let_go()

    def _let_go(self) -> None:
        if not self._slow:
            self._hold.close()
