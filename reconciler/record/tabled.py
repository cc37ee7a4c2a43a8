"""The record of one target in tables, whichever database holds them."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import reduce
from typing import Protocol, TypeVar

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record import tables
from reconciler.record.codec import forgetful, storable
from reconciler.record.entry_rows import check_entries, entry_digests, root_of, some_entries
from reconciler.record.kept import MARK, Kept, kept, refuse_clear
from reconciler.record.lock import lost
from reconciler.record.root import Root
from reconciler.record.sealing import SealKey, SealKeys
from reconciler.record.store import Intent, Journalled, Record, Run, cannot_adopt
from reconciler.record.tables import Connection, DamagedError, Ledger

Answer = TypeVar("Answer")
Change = Callable[[Kept, Ledger], Ledger]
"""Of the rows of a target; gives its ledger of afterwards."""


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
        self,
        target: str,
        database: Database,
        *,
        lineage: Callable[[], str] = lambda: os.urandom(16).hex(),
        keys: SealKeys | None = None,
    ) -> None:
        self._target, self._database, self._keys = target, database, keys or SealKeys()
        self._fence, self._is_ours, self._backed_up = 0, _never, False
        self._together: list[Change] | None = None
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
            self._backed_up = False
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

        def state(rows: Kept, ledger: Ledger) -> State:
            return State(ledger.lineage, ledger.serial, tables.all_entries(rows, ledger))

        return self._read(state)

    def root(self) -> Root:
        """What stands for all entries: one row."""
        return self._read(lambda _, ledger: root_of(ledger))

    def digests(self) -> Mapping[Address, str]:
        """The digest of each entry's row."""
        return self._read(entry_digests)

    def verify(self) -> None:
        """See that every entry's row is as it was written."""
        self._read(check_entries)

    def some(self, addresses: Collection[Address]) -> Mapping[Address, Entry]:
        """What is recorded of these addresses."""
        return self._read(lambda rows, ledger: some_entries(rows, ledger, addresses))

    def secret_key(self) -> bytes:
        """The key of this record's secrets."""
        return self._database.key(self._read(lambda rows, _: tables.meta(rows, "key")))

    def unfinished(self) -> tuple[Intent, ...]:
        """Intents without an end, oldest first."""
        return self._read(tables.open_intents)

    def generation(self, address: Address) -> int:
        """The highest generation that the address ever had here; 0 for none."""
        return self._read(lambda rows, ledger: tables.highest_generation(rows, ledger, address))

    def begin_run(self, run: Run, inverse: Inverse | None = None) -> None:
        """Write down that a run begins, and what would undo it, both or neither."""
        from reconciler.record.inverse_rows import put_inverse  # noqa: PLC0415 - most runs write nothing

        def change(rows: Kept, ledger: Ledger) -> Ledger:
            if tables.find_runs(rows, ledger, run_id=run.id):
                raise StateError(f"run {run.id} was begun before")
            tables.put_run(rows, ledger, run)
            if inverse is not None:
                put_inverse(rows, ledger, run.id, inverse)
            return ledger

        self._write(change)

    def end_run(self, run_id: str, outcome: str, finished: str) -> None:
        """Write down how a run ended."""

        def change(rows: Kept, ledger: Ledger) -> Ledger:
            begun = tables.find_runs(rows, ledger, run_id=run_id)
            if not begun:
                raise StateError(f"no run {run_id} was begun")
            tables.put_run(rows, ledger, replace(begun[0], outcome=outcome, finished=finished))
            return ledger

        self._write(change)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what a block begins and ends of operations in one go."""
        changes: list[Change] = []
        self._together = changes
        try:
            yield
        finally:
            self._together = None
        if changes:
            self._write(lambda rows, ledger: reduce(lambda before, change: change(rows, before), changes, ledger))

    def intend(self, intent: Intent) -> None:
        """Write down an operation before its call."""

        def change(rows: Kept, ledger: Ledger) -> Ledger:
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

        def change(rows: Kept, ledger: Ledger) -> Ledger:
            known = entry and replace(entry, spec=forgetful(entry.spec) or {})
            if tables.find_entry(rows, ledger, address) == known:
                return ledger
            return tables.put_entry(rows, ledger, address, entry)

        self._write(change)

    def adopt(self, lineage: str) -> None:
        """Take over the identity of a record that was lost."""
        from reconciler.record.rewriting import rewritten  # noqa: PLC0415 - as above

        def change(rows: Kept, ledger: Ledger) -> Ledger:
            if lineage == ledger.lineage:
                return ledger
            if ledger.entries or ledger.open:
                raise cannot_adopt(self._target, lineage)
            return replace(rewritten(rows, rows, ledger, lineage=lineage), serial=ledger.serial + 1)

        self._write(change)

    def dump(self) -> Record:
        """Everything that is kept of the target."""
        from reconciler.record.whole import whole  # noqa: PLC0415 - as above

        self._database.check()
        return self._read(whole)

    def load(self, record: Record) -> None:
        """Put a whole record in the place of what is kept of the target."""
        from reconciler.record.whole import put_whole  # noqa: PLC0415 - as above

        self._write(lambda rows, ledger: put_whole(rows, ledger, record))

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        """The last runs, newest first."""
        self._database.check()
        return self._read(lambda rows, ledger: tables.find_runs(rows, ledger, limit=limit))

    def operations(self, run_id: str) -> tuple[Journalled, ...]:
        """What a run did, in order."""
        self._database.check()
        return self._read(lambda rows, ledger: tables.journal_of(rows, ledger, run_id))

    def inverse(self, run_id: str) -> Inverse | None:
        """What would undo a run; None where nobody wrote that down."""
        from reconciler.record.inverse_rows import find_inverse  # noqa: PLC0415 - as above

        return self._read(lambda rows, ledger: find_inverse(rows, ledger, run_id))

    def forget(self, run_ids: Collection[str]) -> None:
        """Remove runs with their operations and inverses."""
        from reconciler.record.forget_rows import forget_runs  # noqa: PLC0415 - as above

        self._write(lambda rows, ledger: forget_runs(rows, ledger, run_ids))

    def neighbours(self) -> tuple[str, ...]:
        """The names of all targets of the place."""
        found = self._read(lambda rows, _: tables.all_ledgers(rows))
        return tuple(sorted(ledger.target for ledger in found))

    def reseal(self, key: SealKey | None) -> bool:
        """Keep what is recorded of all targets under this key, or in the clear; False when it is so already."""

        def change(rows: Connection) -> bool:
            before = kept(rows, self._keys)
            self._refuse_unless_locked(self._ledger(before))
            return _resealed(before, Kept(rows, key))

        self._back_up_once()
        return self._database.write(change)

    def close(self) -> None:
        """Let go of connections and files."""
        self._database.close()

    def _follow_the_key(self, rows: Connection) -> None:
        """Bring what the fallback key opened under the key that is given now."""
        before = kept(rows, self._keys)
        if before.key and self._keys.current:
            _resealed(before, Kept(rows, self._keys.current))

    def _be_known(self, lineage: Callable[[], str]) -> None:
        """Give a target that was never seen here its identity."""

        def born(rows: Connection) -> None:
            # Asked again under the write lock: another process may have been faster.
            if self._found(rows) is None:
                if self._keys.current and not tables.all_ledgers(kept(rows, self._keys)):
                    tables.put_meta(rows, MARK, self._keys.current.id)
                tables.save_ledger(kept(rows, self._keys), Ledger(self._target, lineage()))

        if self._database.read(self._found) is None:
            self._database.write(born)

    def _found(self, rows: Connection) -> Ledger | None:
        return tables.find_ledger(kept(rows, self._keys), self._target)

    def _next_fence(self, connection: Connection) -> int:
        self._follow_the_key(connection)
        rows = kept(connection, self._keys)
        ledger = self._ledger(rows)
        tables.save_ledger(rows, replace(ledger, fence=ledger.fence + 1))
        return ledger.fence + 1

    def _read(self, query: Callable[[Kept, Ledger], Answer]) -> Answer:
        def asked(connection: Connection) -> Answer:
            rows = kept(connection, self._keys)
            return query(rows, self._ledger(rows))

        return self._database.read(asked)

    def _write(self, change: Change) -> None:
        """One durable transaction of the run that holds the lock, or a part of the one that is made together."""
        if self._together is not None:
            self._together.append(change)
            return

        def fenced(connection: Connection) -> None:
            rows = kept(connection, self._keys)
            ledger = self._ledger(rows)
            self._refuse_unless_locked(ledger)
            refuse_clear(rows, self._keys)
            after = change(rows, ledger)
            if after != ledger:
                tables.save_ledger(rows, after)

        self._back_up_once()
        self._database.write(fenced)

    def _back_up_once(self) -> None:
        if self._fence and not self._backed_up:
            self._database.back_up()
            self._backed_up = True

    def _refuse_unless_locked(self, ledger: Ledger) -> None:
        if not self._fence:
            raise StateError(f"target {self._target}: a write needs the run lock, which this store does not hold")
        if ledger.fence != self._fence or not self._is_ours():
            raise lost(self._target)

    def _ledger(self, rows: Kept) -> Ledger:
        ledger = tables.find_ledger(rows, self._target)
        if ledger is None:
            raise DamagedError(f"the row of target {self._target} is missing")
        return ledger


def _never() -> bool:
    """Whether a lock is held that was never taken."""
    return False


def _ended(rows: Kept, ledger: Ledger, operation: str, end: tuple[str, str, str]) -> Ledger:
    ended = tables.end_intent(rows, ledger, operation, end)
    if ended is None:
        raise StateError(f"operation {operation} is not under way")
    return ended


def _resealed(before: Kept, after: Kept) -> bool:
    if (before.key and before.key.id) == (after.key and after.key.id):
        return False
    from reconciler.record.rewriting import rewritten  # noqa: PLC0415 - as above

    for ledger in tables.all_ledgers(before):
        tables.save_ledger(after, rewritten(before, after, ledger, lineage=ledger.lineage))
    tables.put_meta(after, MARK, after.key.id if after.key else "")
    return True
