"""Where the record of the model is kept, and what may become of it: a copy comes back, it is lost, its lock breaks."""

import copy
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from reconciler.record.memory import Memory, MemoryStore
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Store

TARGET = "dev"


class Records(Protocol):
    """A record that outlives the processes that open it."""

    def open(self) -> Store:
        """A store of a process of its own."""
        ...

    def backup(self) -> Callable[[], None]:
        """Copy everything; what is given back brings the copy into place."""
        ...

    def lose(self) -> None:
        """Remove the record, but not its key."""
        ...


class InMemory:
    """A record in this process."""

    def __init__(self, _folder: Path) -> None:
        self._memory = Memory()

    def open(self) -> Store:
        """A store of a process of its own."""
        return MemoryStore(TARGET, self._memory, sleep=_soon, now=_Late())

    def backup(self) -> Callable[[], None]:
        """Copy everything but the lock."""
        kept = self._memory.target(TARGET)
        held = {f.name: copy.copy(getattr(kept, f.name)) for f in fields(kept) if f.name != "lock"}

        def restore() -> None:
            into = self._memory.target(TARGET)
            for name, value in held.items():
                setattr(into, name, copy.copy(value))

        return restore

    def lose(self) -> None:
        """Forget everything but the key."""
        self._memory = Memory(key=self._memory.key)


class InFile:
    """A record in a SQLite file."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.db"
        self._folder, self._copies = folder, 0

    def open(self) -> Store:
        """A store of a process of its own."""
        return SqliteStore(self._file, TARGET, environ={}, sleep=_soon, now=_Late())

    def backup(self) -> Callable[[], None]:
        """Copy the file."""
        self.open().close()
        self._copies += 1
        kept = self._folder / f"copy-{self._copies}.db"
        shutil.copy(self._file, kept)

        def restore() -> None:
            self._remove()
            shutil.copy(kept, self._file)

        return restore

    def lose(self) -> None:
        """Remove the file."""
        self._remove()

    def _remove(self) -> None:
        for file in self._folder.glob("state.db*"):
            if not file.name.endswith(".lock"):
                file.unlink()


def break_the_lock(records: Records) -> None:
    """Take the run lock from whoever holds it, as `mlops state unlock` does."""
    with closing(records.open()) as store:
        held = store.holder()
        if held is not None:
            store.break_lock(str(held["id"]))


class _Late:
    """A clock by which every wait is over."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        self._now += 3600.0
        return self._now


def _soon(_seconds: float) -> None:
    """Wait for nothing."""


def _nothing() -> None:
    """Let nothing happen."""


class Recorded:
    """A store as one process has it: a point before and behind each write, and a witness of what was written.

    Args:
        store: the store.
        point: passed by the process.
        wrote: told the name and the arguments of each write that was let through, and of `lock` and `unlock`.
    """

    _READS = frozenset(
        {"read", "root", "digests", "some", "secret_key", "unfinished", "generation", "runs", "operations", "holder"}
        | {"close"}
    )

    def __init__(self, store: Store, point: Callable[[], None], wrote: Callable[..., None]) -> None:
        self._store, self._point, self._wrote = store, point, wrote

    @contextmanager
    def together(self) -> Iterator[None]:
        """What a block writes is one write: nothing happens within it, and it is told once it was let through."""
        point, wrote, told = self._point, self._wrote, list[Callable[[], None]]()
        point()
        self._point, self._wrote = _nothing, lambda *args, **options: told.append(partial(wrote, *args, **options))
        try:
            with self._store.together():
                yield
        finally:
            self._point, self._wrote = point, wrote
        for tell in told:
            tell()
        point()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name in self._READS or not callable(found):
            return found

        def write(*args: Any, **options: Any) -> Any:
            self._point()
            given = found(*args, **options)
            self._wrote(name, *args, **options)
            self._point()
            return given

        return write

    def lock(self, *args: Any, **options: Any) -> "_Locked":
        """The run lock."""
        self._point()
        return _Locked(self._store.lock(*args, **options), self._wrote)


class _Locked:
    def __init__(self, lock: Any, wrote: Callable[..., None]) -> None:
        self._lock, self._wrote = lock, wrote

    def __enter__(self) -> None:
        self._lock.__enter__()
        self._wrote("lock")

    def __exit__(self, *error: Any) -> Any:
        self._wrote("unlock")
        return self._lock.__exit__(*error)
