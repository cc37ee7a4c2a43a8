"""A store in one SQLite file, which several targets may share."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from reconciler.errors import StateError
from reconciler.record.database import Engine, give_birth, told
from reconciler.record.key import checked_key
from reconciler.record.lock import break_file_lock, file_holder, file_lock
from reconciler.record.schema import check_version, migrate, transaction, version
from reconciler.record.sealing import seal_keys
from reconciler.record.tabled import Answer, TableStore
from reconciler.record.tables import Connection, DamagedError

SQLITE = Engine()


def files_of(path: Path, target: str) -> tuple[Path, ...]:
    """All that a record in a file lies in: its key, the file, the target's lock, and journals of both modes."""
    lock = path.with_name(f"{path.name}.{quote(target, safe='')}.lock")
    return (path.with_suffix(".key"), path, lock, *(path.with_name(f"{path.name}-{end}") for end in ("wal", "journal")))


class SqliteStore(TableStore):
    """The record of one target in a file; the run lock is a file lock beside it."""

    def __init__(
        self,
        path: Path,
        target: str,
        *,
        environ: Mapping[str, str] = os.environ,
        lineage: Callable[[], str] = lambda: os.urandom(16).hex(),
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        engine: Engine = SQLITE,
    ) -> None:
        keys = seal_keys(environ)
        file = _File(path.absolute(), target, environ, engine, sleep=sleep, now=now)
        self._connection = file.connection
        super().__init__(target, file, lineage=lineage, keys=keys)


class _File:
    """The database file, open."""

    def __init__(
        self,
        path: Path,
        target: str,
        environ: Mapping[str, str],
        engine: Engine,
        *,
        sleep: Callable[[float], None],
        now: Callable[[], float],
    ) -> None:
        self._path, self._target, self._environ = path, target, environ
        self._key_path, _, self._lock_path, *_ = files_of(path, target)
        self._sleep, self._now, self._engine = sleep, now, engine
        with told(path):
            give_birth(path, self._key_path, environ, engine)
            self.connection = engine.connect(path)
            self._bring_up_to_date()

    def read(self, query: Callable[[Connection], Answer]) -> Answer:
        """Ask within one snapshot."""
        with told(self._path), transaction(self.connection, "DEFERRED"):
            return query(self.connection)

    def write(self, change: Callable[[Connection], Answer]) -> Answer:
        """Change within one durable transaction."""
        with told(self._path), transaction(self.connection):
            if version(self.connection) != len(self._engine.migrations):
                raise StateError("the schema was upgraded while this run went on; upgrade mlops and run it again")
            return change(self.connection)

    @contextmanager
    def lock(self, holder: Mapping[str, str | int], *, timeout_s: float) -> Iterator[Callable[[], bool]]:
        """Hold the lock file of this target."""
        path, sleep = self._lock_path, self._sleep
        with file_lock(path, self._target, holder, timeout_s=timeout_s, sleep=sleep, now=self._now) as is_ours:
            with told(self._path):
                self.connection.execute(f"PRAGMA journal_mode = {self._engine.journal}")
            yield is_ours

    def holder(self) -> Mapping[str, str | int] | None:
        """Who holds the lock file."""
        return file_holder(self._lock_path)

    def break_lock(self, lock_id: str) -> Mapping[str, str | int]:
        """Put another lock file in place."""
        return break_file_lock(self._lock_path, self._target, lock_id)

    def check(self) -> None:
        """Compare tables with their indexes too: a damaged index hides rows whose digests nobody then checks."""
        with told(self._path):
            (found,) = self.connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise DamagedError(found)

    def back_up(self) -> None:
        """Keep a copy of the file beside it."""
        with told(self._path):
            from reconciler.record.backups import back_up  # noqa: PLC0415 - only a run that writes needs it

            back_up(self.connection, self._path, self._engine.connect)

    def key(self, known: str) -> bytes:
        """The key, from beside the file or from the environment."""
        return checked_key(self._key_path, self._environ, known)

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    def _bring_up_to_date(self) -> None:
        try:
            migrations = self._engine.migrations
            check_version(self.connection, self._path, known=len(migrations))
            if (found := version(self.connection)) < len(migrations):
                from reconciler.record.backups import back_up_schema  # noqa: PLC0415 - as above

                back_up_schema(self.connection, self._path, found, self._engine.connect)
            migrate(self.connection, migrations)
        except BaseException:
            self.connection.close()
            raise
