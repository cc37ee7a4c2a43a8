"""A store in one SQLite file, which several targets may share."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from reconciler.core.address import Address
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record import tables
from reconciler.record.codec import storable
from reconciler.record.database import SAFE_JOURNAL, back_up, connect, give_birth, told
from reconciler.record.key import checked_key
from reconciler.record.lock import break_file_lock, file_holder, file_lock, lost
from reconciler.record.schema import MIGRATIONS, check_version, migrate, transaction, version
from reconciler.record.store import Intent, Journalled, Run, cannot_adopt


class SqliteStore:
    """The record of one target in a file.

    The run lock is a file lock beside the database. Each time it is taken a fencing number grows; a write that
    comes with an older one is refused, so that a run which lost its lock unawares cannot write over its successor.
    """

    def __init__(
        self,
        path: Path,
        target: str,
        *,
        environ: Mapping[str, str] = os.environ,
        lineage: Callable[[], str] = lambda: os.urandom(16).hex(),
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._target, self._environ = path.absolute(), target, environ
        self._key_path = self._path.with_suffix(".key")
        self._lock_path = self._path.with_name(f"{self._path.name}.{quote(target, safe='')}.lock")
        self._sleep, self._now = sleep, now
        self._fence = 0
        with told(self._path):
            give_birth(self._path, self._key_path, environ)
            self._connection = connect(self._path)
            self._open(lineage)

    @contextmanager
    def lock(self, holder: Mapping[str, str | int], *, timeout_s: float) -> Iterator[None]:
        """Be the only run of this target."""
        path, sleep = self._lock_path, self._sleep
        with file_lock(path, self._target, holder, timeout_s=timeout_s, sleep=sleep, now=self._now) as is_ours:
            self._fence = self._next_fence()
            try:
                # Whoever breaks a lock does so under the write lock, so from the new fencing number on it shows.
                if not is_ours():
                    raise lost(self._target)
                yield
            finally:
                self._fence = 0

    def holder(self) -> Mapping[str, str | int] | None:
        """Who holds the run lock."""
        return file_holder(self._lock_path)

    def break_lock(self, lock_id: str) -> Mapping[str, str | int]:
        """Take the lock from a run that hangs."""
        with told(self._path), transaction(self._connection):
            found = break_file_lock(self._lock_path, self._target, lock_id)
            ledger = self._ledger()
            tables.save_ledger(self._connection, replace(ledger, fence=ledger.fence + 1))
        return found

    def read(self) -> State:
        """Everything recorded of the target."""
        with self._reading() as ledger:
            return State(ledger.lineage, ledger.serial, tables.all_entries(self._connection, ledger))

    def secret_key(self) -> bytes:
        """The key of this record's secrets."""
        with self._reading():
            known = tables.meta(self._connection, "key")
        return checked_key(self._key_path, self._environ, known)

    def unfinished(self) -> tuple[Intent, ...]:
        """Intents without an end, oldest first."""
        with self._reading() as ledger:
            return tables.open_intents(self._connection, ledger)

    def generation(self, address: Address) -> int:
        """The highest generation that the address ever had here; 0 for none."""
        with self._reading():
            return tables.highest_generation(self._connection, self._target, address)

    def begin_run(self, run: Run) -> None:
        """Write down that a run begins."""
        with self._writing():
            if tables.find_runs(self._connection, self._target, run_id=run.id):
                raise StateError(f"run {run.id} was begun before")
            tables.put_run(self._connection, run)

    def end_run(self, run_id: str, outcome: str, finished: str) -> None:
        """Write down how a run ended."""
        with self._writing():
            begun = tables.find_runs(self._connection, self._target, run_id=run_id)
            if not begun:
                raise StateError(f"no run {run_id} was begun")
            tables.put_run(self._connection, replace(begun[0], outcome=outcome, finished=finished))

    def intend(self, intent: Intent) -> None:
        """Write down an operation before its call."""
        try:
            with self._writing() as ledger:
                tables.save_ledger(self._connection, tables.put_intent(self._connection, ledger, intent))
        except sqlite3.IntegrityError as error:
            raise StateError(f"operation {intent.operation} was intended before") from error

    def finish(
        self, operation: str, entry_address: Address, entry: Entry | None, *, outcome: str, message: str, finished: str
    ) -> None:
        """End an operation and record what it made true, both or neither."""
        with self._writing() as ledger:
            ended = self._ended(ledger, operation, (outcome, storable(message), finished))
            tables.save_ledger(self._connection, tables.put_entry(self._connection, ended, entry_address, entry))

    def abandon(self, operation: str, *, outcome: str, message: str, finished: str) -> None:
        """End an operation that changed nothing."""
        with self._writing() as ledger:
            tables.save_ledger(self._connection, self._ended(ledger, operation, (outcome, storable(message), finished)))

    def note(self, address: Address, entry: Entry | None) -> None:
        """Correct the record to what was found."""
        with self._writing() as ledger:
            after = tables.put_entry(self._connection, ledger, address, entry)
            if after.entries_sum != ledger.entries_sum:
                tables.save_ledger(self._connection, after)

    def adopt(self, lineage: str) -> None:
        """Take over the identity of a record that was lost."""
        with self._writing() as ledger:
            if lineage == ledger.lineage:
                return
            if ledger.entries or ledger.open:
                raise cannot_adopt(self._target, lineage)
            tables.save_ledger(self._connection, replace(ledger, lineage=lineage, serial=ledger.serial + 1))

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        """The last runs, newest first."""
        with self._reading():
            self._check_file()
            return tables.find_runs(self._connection, self._target, limit=limit)

    def operations(self, run_id: str) -> tuple[Journalled, ...]:
        """What a run did, in order."""
        with self._reading():
            self._check_file()
            return tables.journal_of(self._connection, self._target, run_id)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _open(self, lineage: Callable[[], str]) -> None:
        """Bring the schema up to date, and give a target that was never seen here its identity."""
        try:
            check_version(self._connection, self._path)
            migrate(self._connection)
            if tables.find_ledger(self._connection, self._target) is None:
                with transaction(self._connection):
                    # Asked again under the write lock: another process may have been faster.
                    if tables.find_ledger(self._connection, self._target) is None:
                        tables.save_ledger(self._connection, tables.Ledger(self._target, lineage()))
        except BaseException:
            self._connection.close()
            raise

    def _next_fence(self) -> int:
        """Check the whole file, keep a copy of it, then raise the fencing number."""
        with told(self._path):
            self._connection.execute(f"PRAGMA journal_mode = {SAFE_JOURNAL}")
            self._check_file()
        self.read()
        with told(self._path):
            back_up(self._connection, self._path)
        with told(self._path), transaction(self._connection):
            ledger = self._ledger()
            tables.save_ledger(self._connection, replace(ledger, fence=ledger.fence + 1))
        return ledger.fence + 1

    def _check_file(self) -> None:
        """Compare tables with their indexes too: a damaged index hides rows whose digests nobody then checks."""
        (found,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise tables.DamagedError(found)

    @contextmanager
    def _reading(self) -> Iterator[tables.Ledger]:
        """One snapshot."""
        with told(self._path), transaction(self._connection, "DEFERRED"):
            yield self._ledger()

    @contextmanager
    def _writing(self) -> Iterator[tables.Ledger]:
        """One durable transaction of the run that holds the lock."""
        with told(self._path), transaction(self._connection):
            if version(self._connection) != len(MIGRATIONS):
                raise StateError("the schema was upgraded while this run went on; upgrade mlops and run it again")
            ledger = self._ledger()
            if not self._fence:
                raise StateError(f"target {self._target}: a write needs the run lock, which this store does not hold")
            if ledger.fence != self._fence:
                raise lost(self._target)
            yield ledger

    def _ledger(self) -> tables.Ledger:
        ledger = tables.find_ledger(self._connection, self._target)
        if ledger is None:
            raise tables.DamagedError(f"the row of target {self._target} is missing")
        return ledger

    def _ended(self, ledger: tables.Ledger, operation: str, end: tuple[str, str, str]) -> tables.Ledger:
        ended = tables.end_intent(self._connection, ledger, operation, end)
        if ended is None:
            raise StateError(f"operation {operation} is not under way")
        return ended
