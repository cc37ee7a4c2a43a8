"""The record of one target in tables, whichever database holds them."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol, TypeVar

from reconciler.core.address import Address
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record import tables
from reconciler.record.codec import storable
from reconciler.record.lock import lost
from reconciler.record.store import Intent, Journalled, Run, cannot_adopt
from reconciler.record.tables import Connection, DamagedError, Ledger

Answer = TypeVar("Answer")


class Database(Protocol):
    """Where the tables are. Its errors are `StateError`s that name the place and say what to do."""

    def read(self, query: Callable[[Connection], Answer]) -> Answer:
        """Ask within one snapshot. The query may be asked again on another connection."""
        ...

    def write(self, change: Callable[[Connection], Answer]) -> Answer:
        """Change within one transaction, which is durable on return. The change may be made again from the start."""
        ...

    def lock(self, holder: Mapping[str, str | int], *, timeout_s: float) -> AbstractContextManager[Callable[[], bool]]:
        """Hold the run lock, see `Store.lock`; gives what tells whether it is still held, asked within a change."""
        ...

    def holder(self) -> Mapping[str, str | int] | None:
        """Who holds the run lock, see `Store.holder`."""
        ...

    def break_lock(self, lock_id: str) -> Mapping[str, str | int]:
        """Take the run lock from its holder, see `Store.break_lock`; called within a change, which raises the fence."""
        ...

    def check(self) -> None:
        """Look at what the rows' own digests cannot tell."""
        ...

    def back_up(self) -> None:
        """Keep a copy of the record as it is before the first write of a run."""
        ...

    def key(self, known: str) -> bytes:
        """The key of this fingerprint."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


class TableStore:
    """The record of one target in a database.

    Each time the run lock is taken a fencing number grows; a write that comes with an older one is refused, so that a
    run which lost its lock unawares cannot write over its successor.
    """

    def __init__(
        self, target: str, database: Database, *, lineage: Callable[[], str] = lambda: os.urandom(16).hex()
    ) -> None:
        self._target, self._database = target, database
        self._fence, self._is_ours, self._kept = 0, _never, False
        try:
            self._be_known(lineage)
        except BaseException:
            database.close()
            raise

    @contextmanager
    def lock(self, holder: Mapping[str, str | int], *, timeout_s: float) -> Iterator[None]:
        """Be the only run of this target."""
        with self._database.lock(holder, timeout_s=timeout_s) as self._is_ours:
            self._database.check()
            self.read()
            self._kept = False
            self._fence = self._database.write(self._next_fence)
            try:
                # Whoever breaks a lock does so within a change, so from the new fencing number on it shows.
                if not self._is_ours():
                    raise lost(self._target)
                yield
            finally:
                self._fence = 0

    def holder(self) -> Mapping[str, str | int] | None:
        """Who holds the run lock."""
        return self._database.holder()

    def break_lock(self, lock_id: str) -> Mapping[str, str | int]:
        """Take the lock from a run that hangs."""

        def change(rows: Connection) -> Mapping[str, str | int]:
            found = self._database.break_lock(lock_id)
            self._next_fence(rows)
            return found

        return self._database.write(change)

    def read(self) -> State:
        """Everything recorded of the target."""

        def state(rows: Connection, ledger: Ledger) -> State:
            return State(ledger.lineage, ledger.serial, tables.all_entries(rows, ledger))

        return self._read(state)

    def secret_key(self) -> bytes:
        """The key of this record's secrets."""
        return self._database.key(self._read(lambda rows, _: tables.meta(rows, "key")))

    def unfinished(self) -> tuple[Intent, ...]:
        """Intents without an end, oldest first."""
        return self._read(tables.open_intents)

    def generation(self, address: Address) -> int:
        """The highest generation that the address ever had here; 0 for none."""
        return self._read(lambda rows, _: tables.highest_generation(rows, self._target, address))

    def begin_run(self, run: Run) -> None:
        """Write down that a run begins."""

        def change(rows: Connection, ledger: Ledger) -> Ledger:
            if tables.find_runs(rows, self._target, run_id=run.id):
                raise StateError(f"run {run.id} was begun before")
            tables.put_run(rows, run)
            return ledger

        self._write(change)

    def end_run(self, run_id: str, outcome: str, finished: str) -> None:
        """Write down how a run ended."""

        def change(rows: Connection, ledger: Ledger) -> Ledger:
            begun = tables.find_runs(rows, self._target, run_id=run_id)
            if not begun:
                raise StateError(f"no run {run_id} was begun")
            tables.put_run(rows, replace(begun[0], outcome=outcome, finished=finished))
            return ledger

        self._write(change)

    def intend(self, intent: Intent) -> None:
        """Write down an operation before its call."""

        def change(rows: Connection, ledger: Ledger) -> Ledger:
            intended = tables.put_intent(rows, ledger, intent)
            if intended is None:
                raise StateError(f"operation {intent.operation} was intended before")
            return intended

        self._write(change)

    def finish(
        self, operation: str, entry_address: Address, entry: Entry | None, *, outcome: str, message: str, finished: str
    ) -> None:
        """End an operation and record what it made true, both or neither."""
        end = (outcome, storable(message), finished)
        self._write(
            lambda rows, ledger: tables.put_entry(rows, _ended(rows, ledger, operation, end), entry_address, entry)
        )

    def abandon(self, operation: str, *, outcome: str, message: str, finished: str) -> None:
        """End an operation that changed nothing."""
        self._write(lambda rows, ledger: _ended(rows, ledger, operation, (outcome, storable(message), finished)))

    def note(self, address: Address, entry: Entry | None) -> None:
        """Correct the record to what was found."""

        def change(rows: Connection, ledger: Ledger) -> Ledger:
            after = tables.put_entry(rows, ledger, address, entry)
            return ledger if after.entries_sum == ledger.entries_sum else after

        self._write(change)

    def adopt(self, lineage: str) -> None:
        """Take over the identity of a record that was lost."""

        def change(_: Connection, ledger: Ledger) -> Ledger:
            if lineage == ledger.lineage:
                return ledger
            if ledger.entries or ledger.open:
                raise cannot_adopt(self._target, lineage)
            return replace(ledger, lineage=lineage, serial=ledger.serial + 1)

        self._write(change)

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        """The last runs, newest first."""
        self._database.check()
        return self._read(lambda rows, _: tables.find_runs(rows, self._target, limit=limit))

    def operations(self, run_id: str) -> tuple[Journalled, ...]:
        """What a run did, in order."""
        self._database.check()
        return self._read(lambda rows, _: tables.journal_of(rows, self._target, run_id))

    def close(self) -> None:
        """Let go of connections and files."""
        self._database.close()

    def _be_known(self, lineage: Callable[[], str]) -> None:
        """Give a target that was never seen here its identity."""

        def born(rows: Connection) -> None:
            # Asked again under the write lock: another process may have been faster.
            if tables.find_ledger(rows, self._target) is None:
                tables.save_ledger(rows, Ledger(self._target, lineage()))

        if self._database.read(lambda rows: tables.find_ledger(rows, self._target)) is None:
            self._database.write(born)

    def _next_fence(self, rows: Connection) -> int:
        ledger = self._ledger(rows)
        tables.save_ledger(rows, replace(ledger, fence=ledger.fence + 1))
        return ledger.fence + 1

    def _read(self, query: Callable[[Connection, Ledger], Answer]) -> Answer:
        return self._database.read(lambda rows: query(rows, self._ledger(rows)))

    def _write(self, change: Callable[[Connection, Ledger], Ledger]) -> None:
        """One durable transaction of the run that holds the lock; the change gives the ledger of afterwards."""

        def fenced(rows: Connection) -> None:
            ledger = self._ledger(rows)
            if not self._fence:
                raise StateError(f"target {self._target}: a write needs the run lock, which this store does not hold")
            if ledger.fence != self._fence or not self._is_ours():
                raise lost(self._target)
            after = change(rows, ledger)
            if after != ledger:
                tables.save_ledger(rows, after)

        if self._fence and not self._kept:
            self._database.back_up()
            self._kept = True
        self._database.write(fenced)

    def _ledger(self, rows: Connection) -> Ledger:
        ledger = tables.find_ledger(rows, self._target)
        if ledger is None:
            raise DamagedError(f"the row of target {self._target} is missing")
        return ledger


def _never() -> bool:
    """Whether a lock is held that was never taken."""
    return False


def _ended(rows: Connection, ledger: Ledger, operation: str, end: tuple[str, str, str]) -> Ledger:
    ended = tables.end_intent(rows, ledger, operation, end)
    if ended is None:
        raise StateError(f"operation {operation} is not under way")
    return ended
