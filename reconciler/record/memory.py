"""A store that lives in the process: what tests use, and what `memory:` in a target means."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse, inverse_from, inverse_json
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record.codec import EMPTY_SET, entry_text, forgetful, row_digest, storable, toggled
from reconciler.record.forgetting import without_runs
from reconciler.record.key import fingerprint
from reconciler.record.lock import held_by, lost, refuse_unless_held, wait_until_taken
from reconciler.record.root import Root
from reconciler.record.store import Intent, Journalled, Record, Run, cannot_adopt


@dataclass
class _Target:
    """What is kept of one target; a write costs the same whatever there is.

    Args:
        generations: the highest that each address ever had.
    """

    lineage: str
    serial: int = 0
    entries: dict[Address, Entry] = field(default_factory=dict)
    generations: dict[Address, int] = field(default_factory=dict)
    fence: int = 0
    holder: Mapping[str, str | int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    runs: dict[str, Run] = field(default_factory=dict)
    inverses: dict[str, Inverse] = field(default_factory=dict)
    journal: dict[str, Journalled] = field(default_factory=dict)
    read: State | None = None

    @property
    def state(self) -> State:
        """All that is recorded, as a value, which is made anew when it is asked for after a change."""
        if self.read is None or (self.read.lineage, self.read.serial) != (self.lineage, self.serial):
            self.read = State(self.lineage, self.serial, dict(self.entries))
        return self.read

    def settle(self, address: Address, entry: Entry | None) -> Callable[[], None]:
        """Record an address like this, None forgets it; gives what takes that back."""
        before, serial = self.entries.get(address), self.serial
        self._put(address, entry)
        self.serial += 1

        def take_back() -> None:
            self._put(address, before)
            self.serial = serial

        return take_back

    def _put(self, address: Address, entry: Entry | None) -> None:
        if entry is None:
            self.entries.pop(address, None)
        else:
            self.entries[address] = entry
            self.raise_generation(address, entry.generation)

    def raise_generation(self, address: Address, generation: int) -> None:
        """Know the highest generation of an address."""
        self.generations[address] = max(generation, self.generations.get(address, 0))

    def become(self, state: State, generations: Mapping[Address, int]) -> None:
        """Have another state recorded."""
        self.entries, self.generations = dict(state.entries), dict(generations)
        self.lineage, self.serial = state.lineage, state.serial


class Memory:
    """What stores opened on it share, as stores of one file share the file."""

    def __init__(self, *, key: bytes | None = None, lineage: Callable[[], str] = lambda: os.urandom(16).hex()) -> None:
        self.key = key or os.urandom(32)
        self._lineage = lineage
        self._targets: dict[str, _Target] = {}

    def names(self) -> tuple[str, ...]:
        """The targets of which something is kept."""
        return tuple(sorted(self._targets))

    def target(self, name: str) -> _Target:
        """What is kept of a target, born when first asked for."""
        if name not in self._targets:
            self._targets[name] = _Target(self._lineage())
        return self._targets[name]


class MemoryStore:
    """The record of one target in a `Memory`, which is its own unless one is given."""

    def __init__(
        self,
        target: str = "memory",
        memory: Memory | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = target
        self._memory = memory or Memory()
        self._kept = self._memory.target(target)
        self._sleep, self._now = sleep, now
        self._fence = 0
        self._undo: list[Callable[[], object]] | None = None

    @contextmanager
    def lock(self, holder: Mapping[str, str | int], *, timeout_s: float) -> Iterator[None]:
        """Be the only run of this target."""
        kept = self._kept
        if not wait_until_taken(lambda: kept.lock.acquire(blocking=False), timeout_s, sleep=self._sleep, now=self._now):
            raise held_by(self._name, kept.holder)
        kept.holder, kept.fence = dict(holder), kept.fence + 1
        self._fence, lock = kept.fence, kept.lock
        try:
            yield
        finally:
            self._fence = 0
            lock.release()

    def holder(self) -> Mapping[str, str | int] | None:
        """Who holds the run lock."""
        return self._kept.holder if self._kept.lock.locked() else None

    def break_lock(self, lock_id: str) -> Mapping[str, str | int]:
        """Take the lock from a run that hangs."""
        kept, found = self._kept, self.holder()
        refuse_unless_held(self._name, lock_id, found)
        kept.lock, kept.fence = threading.Lock(), kept.fence + 1
        return found or {}

    def read(self) -> State:
        """Everything recorded of the target."""
        return self._kept.state

    def root(self) -> Root:
        """What stands for all entries."""
        state, open_ones = self._kept.state, [row_digest([intent.operation]) for intent in self.unfinished()]
        digest, open_digest = toggled(EMPTY_SET, *self.digests().values()), toggled(EMPTY_SET, *open_ones)
        return Root(state.lineage, state.serial, len(state.entries), digest, len(open_ones), open_digest)

    def digests(self) -> Mapping[Address, str]:
        """The digest of each entry."""
        return {address: _digest(address, entry) for address, entry in self._kept.state.entries.items()}

    def verify(self) -> None:
        """Nobody else writes here."""

    def some(self, addresses: Collection[Address]) -> Mapping[Address, Entry]:
        """What is recorded of these addresses."""
        entries = self._kept.state.entries
        return {address: entries[address] for address in sorted(addresses) if address in entries}

    def secret_key(self) -> bytes:
        """The key of this record's secrets."""
        return self._memory.key

    def unfinished(self) -> tuple[Intent, ...]:
        """Intents without an end, oldest first."""
        return tuple(row.intent for row in self._kept.journal.values() if not row.finished)

    def generation(self, address: Address) -> int:
        """The highest generation that the address ever had here; 0 for none."""
        return self._kept.generations.get(address, 0)

    def begin_run(self, run: Run, inverse: Inverse | None = None) -> None:
        """Write down that a run begins, and what would undo it."""
        kept = self._locked()
        if run.id in kept.runs:
            raise StateError(f"run {run.id} was begun before")
        kept.runs[run.id] = run
        if inverse is not None:
            kept.inverses[run.id] = inverse_from(inverse_json(inverse))

    def end_run(self, run_id: str, outcome: str, finished: str) -> None:
        """Write down how a run ended."""
        kept = self._locked()
        if run_id not in kept.runs:
            raise StateError(f"no run {run_id} was begun")
        kept.runs[run_id] = replace(kept.runs[run_id], outcome=outcome, finished=finished)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what a block begins and ends of operations, all of it or nothing."""
        undo: list[Callable[[], object]] = []
        self._undo = undo
        try:
            yield
        except BaseException:
            for take_back in reversed(undo):
                take_back()
            raise
        finally:
            self._undo = None

    def intend(self, intent: Intent) -> None:
        """Write down an operation before its call."""
        kept = self._locked()
        if intent.operation in kept.journal:
            raise StateError(f"operation {intent.operation} was intended before")
        known = replace(intent, before=forgetful(intent.before), after=forgetful(intent.after))
        kept.journal[intent.operation] = Journalled(known)
        kept.raise_generation(intent.address, intent.generation)
        self._undone_by(partial(kept.journal.pop, intent.operation))

    def finish(
        self, operation: str, entry_address: Address, entry: Entry | None, *, outcome: str, message: str, finished: str
    ) -> None:
        """End an operation and record what it made true."""
        known = _known(entry)
        self._end(operation, outcome, message, finished)
        self._undone_by(self._kept.settle(entry_address, known))

    def abandon(self, operation: str, *, outcome: str, message: str, finished: str) -> None:
        """End an operation that changed nothing."""
        self._end(operation, outcome, message, finished)

    def note(self, address: Address, entry: Entry | None) -> None:
        """Correct the record to what was found."""
        kept, known = self._locked(), _known(entry)
        if kept.entries.get(address) != known:
            kept.settle(address, known)

    def adopt(self, lineage: str) -> None:
        """Take over the identity of a record that was lost."""
        kept = self._locked()
        if lineage == kept.lineage:
            return
        if kept.entries or self.unfinished():
            raise cannot_adopt(self._name, lineage)
        kept.become(replace(kept.state, lineage=lineage, serial=kept.serial + 1), kept.generations)

    def dump(self) -> Record:
        """Everything that is kept of the target."""
        kept = self._kept
        operations, runs = tuple(kept.journal.values()), tuple(kept.runs.values())
        return Record(self._name, kept.state, fingerprint(self._memory.key), operations, runs, dict(kept.inverses))

    def load(self, record: Record) -> None:
        """Put a whole record in the place of what is kept of the target."""
        kept, state = self._locked(), record.state
        serial = max(state.serial, kept.serial + 1) if kept.serial else state.serial
        entries = {address: known for address, entry in state.entries.items() if (known := _known(entry))}
        kept.become(State(state.lineage, serial, entries), record.generations)
        kept.journal = {item.intent.operation: item for item in record.operations}
        kept.runs = {run.id: replace(run, target=self._name) for run in record.runs}
        kept.inverses = dict(record.inverses)

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        """The last runs, newest first."""
        return tuple(reversed(self._kept.runs.values()))[:limit]

    def operations(self, run_id: str) -> tuple[Journalled, ...]:
        """What a run did, in order."""
        return tuple(row for row in self._kept.journal.values() if row.intent.run == run_id)

    def inverse(self, run_id: str) -> Inverse | None:
        """What would undo a run; None where nobody wrote that down."""
        return self._kept.inverses.get(run_id)

    def forget(self, run_ids: Collection[str]) -> None:
        """Remove runs with their operations and inverses."""
        kept = self._locked()
        record = self.dump()
        kept.journal = {item.intent.operation: item for item in without_runs(record, run_ids)}
        kept.runs = {name: run for name, run in kept.runs.items() if name not in run_ids}
        kept.inverses = {name: inverse for name, inverse in kept.inverses.items() if name not in run_ids}

    def neighbours(self) -> tuple[str, ...]:
        """The names of all targets of the memory."""
        return self._memory.names()

    def close(self) -> None:
        """Nothing is held."""

    def _undone_by(self, take_back: Callable[[], object]) -> None:
        """Within a block that is written together, know how to take back what was just written."""
        if self._undo is not None:
            self._undo.append(take_back)

    def _locked(self) -> _Target:
        if not self._fence:
            raise StateError(f"target {self._name}: a write needs the run lock, which this store does not hold")
        if self._fence != self._kept.fence:
            raise lost(self._name)
        return self._kept

    def _end(self, operation: str, outcome: str, message: str, finished: str) -> None:
        journal = self._locked().journal
        row = journal.get(operation)
        if row is None or row.finished:
            raise StateError(f"operation {operation} is not under way")
        self._undone_by(partial(journal.__setitem__, operation, row))
        journal[operation] = replace(row, outcome=outcome, message=storable(message), finished=finished)


def _digest(address: Address, entry: Entry) -> str:
    return row_digest([str(address), entry_text(entry), entry.generation, entry.operation, entry.created])


def _known(entry: Entry | None) -> Entry | None:
    return entry and replace(entry, spec=forgetful(entry.spec) or {})
