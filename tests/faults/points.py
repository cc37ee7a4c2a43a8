"""Numbered points of a run: before and after all that lasts, so that a process can kill itself at any of them.

Store and provider are watched from outside, on their instances; the product knows nothing of it.
"""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from reconciler.core.plan import Action, Operation, Step
from reconciler.providers.provider import Provider
from reconciler.record.store import Store
from reconciler.workspace import Workspace

Call = Callable[[Step, Operation], None]
Surround = Callable[[Step, Operation], AbstractContextManager[None]]
WRITES = ("begin_run", "end_run", "finish", "abandon", "note")


class Points:
    """Counts the points that a run passes, and ends the process at one of them.

    Args:
        passed: a file to which the name of every point is written as it is reached.
        deadly: whether the process kills itself at a point, by its number from 1 and its name.
    """

    def __init__(self, passed: Path, deadly: Callable[[int, str], bool]) -> None:
        self._log = os.open(passed, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._deadly, self._count, self._within = deadly, 0, "close"
        self._over, self._landed = False, _nobody
        self._together: list[str] | None = None

    def reach(self, moment: str, what: str) -> None:
        """Be at a point."""
        if self._over:
            return
        self._count += 1
        os.write(self._log, f"{moment} {what}\n".encode())
        if self._deadly(self._count, f"{moment} {what}"):
            os.kill(os.getpid(), signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Pass no more points."""
        self._over = True

    def landing(self, told: Callable[[], None]) -> None:
        """Have somebody told when the effect of a call is in a file, before any point behind that is reached."""
        self._landed = told

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        """The points before and after something; those of files that it writes are within it."""
        self.reach("before", what)
        if self._together is not None:
            self._together.append(what)
            yield
            return
        outer, self._within = self._within, what
        yield
        self._within = outer
        self.reach("after", what)

    @contextmanager
    def around_all(self) -> Iterator[None]:
        """The points around writes that are one: none of them has lasted before the block ends, then all have."""
        self._together = written = list[str]()
        yield
        self._together = None
        for what in written:
            self.reach("after", what)

    @contextmanager
    def around_lock(self, lock: AbstractContextManager[None]) -> Iterator[None]:
        """The points around taking and letting go of the run lock."""
        with self.around("lock"):
            lock.__enter__()
        try:
            yield
        except BaseException as error:
            lock.__exit__(type(error), error, error.__traceback__)
            raise
        with self.around("unlock"):
            lock.__exit__(None, None, None)

    def around_file(self, fsync: Callable[[int], None]) -> Callable[[int], None]:
        """A file that is written but not on the disk yet, then on it."""

        def watched(descriptor: int) -> None:
            within = self._within
            if within.startswith("call ") and _is_content(descriptor):
                within = f"content of {within}"
            else:
                landed, self._landed = self._landed, _nobody
                landed()
            self.reach("written", within)
            fsync(descriptor)
            self.reach("synced", within)

        return watched

    def half(self, append: Callable[[Path, str], None]) -> Callable[[Path, str], None]:
        """A line of which half is in the file, then the whole."""

        def watched(file: Path, line: str) -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("ab") as stream:
                whole = stream.tell()
                stream.write(line.encode()[: len(line) // 2])
            self.reach("half", self._within)
            os.truncate(file, whole)
            append(file, line)

        return watched


def _is_content(descriptor: int) -> bool:
    """Whether a file is one of the target's assets, which are laid down before a call has any effect."""
    parts = Path(f"/proc/self/fd/{descriptor}").readlink().parts
    return ".mlops" in parts and parts[parts.index(".mlops") + 1 :][:1] in ((), ("assets",))


def _nobody() -> None:
    """Tell nobody."""


def watch(workspace: Workspace, points: Points, surround: Surround = lambda _step, _operation: nullcontext()) -> None:
    """Have every durable write and every call of an open workspace pass its points.

    Args:
        surround: entered around the call of a step and its points.
    """
    _watch_store(workspace.store, points)
    _watch_provider(workspace.provider, points, surround)
    os.fsync = points.around_file(os.fsync)


def _watch_store(store: Store, points: Points) -> None:
    started: dict[str, str] = {}
    lock, intend, together = store.lock, store.intend, store.together

    def watched_intend(intent: Any) -> None:
        started[intent.operation] = f"{intent.action} {intent.address}"
        with points.around(f"intend {started[intent.operation]}"):
            intend(intent)

    @contextmanager
    def watched_together() -> Iterator[None]:
        with points.around_all(), together():
            yield

    def watched(name: str) -> Callable[..., None]:
        write = getattr(store, name)

        def call(first: Any, *others: Any, **named: Any) -> None:
            with points.around(f"{name} {started.get(first) or _other(name, first, others, named)}".strip()):
                write(first, *others, **named)

        return call

    for name in WRITES:
        setattr(store, name, watched(name))
    store.intend, store.together = watched_intend, watched_together
    store.lock = lambda *given, **named: points.around_lock(lock(*given, **named))


def _other(name: str, first: Any, others: tuple[Any, ...], named: Mapping[str, Any]) -> str:
    """What a write is about whose operation another process has begun, or which is of none."""
    if name == "finish":
        return f"{named['outcome']} {others[0]}"
    return str(first) if name == "note" else ""


def _watch_provider(provider: Provider, points: Points, surround: Surround) -> None:
    def watched(action: str) -> Call:
        call: Call = getattr(provider, action)

        def step_call(step: Step, operation: Operation) -> None:
            with surround(step, operation), points.around(f"call {action} {step.address}"):
                call(step, operation)

        return step_call

    def looked(name: str) -> Callable[..., Any]:
        look = getattr(provider, name)

        def call(address: Any, *others: Any) -> Any:
            with points.around(f"{name} {address}"):
                return look(address, *others)

        return call

    for action in Action:
        setattr(provider, action, watched(str(action)))
    for name in ("fence", "observe"):
        setattr(provider, name, looked(name))
