"""What a store of records must do, and the values of its journal: runs, intents, and how they ended."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import field, replace
from typing import Any, Protocol, runtime_checkable

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.manifest import Spec
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.frozen import dataclass
from reconciler.record.root import Root
from reconciler.record.sealing import SealKey


@dataclass(frozen=True)
class Origin:
    """What a run was asked for, so that the same can be asked for again.

    Args:
        paths: the folders and files that were read, as seen from the folder of `mlops.yaml`, or REV:PATH.
        whole: whether they were all that is wanted, and the run was confined to nothing.
        given: the variables and the fields that were given on the command line; their values may be secret.
        back_to: for a rollback, the run at whose end the target was as it is to be; empty for before all runs.
        took_back: for a rollback, the commits of the runs that it undoes.
    """

    paths: tuple[str, ...] = ()
    whole: bool = False
    given: tuple[str, ...] = ()
    back_to: str = ""
    took_back: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One run of a command that writes: who, what, from which commit.

    Args:
        outcome: empty while it runs, then `succeeded`, `failed`, `interrupted`.
        started: ISO 8601 in UTC, as is `finished`.
        tree: git's id of the tree of that commit.
        dirty: whether the checkout differed from its commit.
        steps: how many steps its plan has.
    """

    id: str
    command: str
    target: str
    started: str
    finished: str = ""
    outcome: str = ""
    user: str = ""
    host: str = ""
    pid: int = 0
    commit: str = ""
    tree: str = ""
    branch: str = ""
    author: str = ""
    dirty: bool = False
    plan_digest: str = ""
    steps: int = 0
    origin: Origin = Origin()


def run_from(held: Mapping[str, Any]) -> Run:
    """The run of its JSON values; what was written before a field was known has that field's default."""
    origin: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in held.get("origin", {}).items()
    }
    return Run(**{**held, "origin": Origin(**origin)})


@dataclass(frozen=True)
class Intent:
    """An operation as written down before its call.

    Args:
        operation: random id, which the live object will carry.
        step: the id of the step in the run's plan.
        action: the provider's method.
        generation: what the provider is called with; older calls are refused after it.
    """

    operation: str
    run: str
    step: int
    action: str
    address: Address
    before: Spec | None
    after: Spec | None
    generation: int
    started: str


@dataclass(frozen=True)
class Journalled:
    """An intent and how it ended; `outcome` and `finished` are empty while nobody knows."""

    intent: Intent
    outcome: str = ""
    message: str = ""
    finished: str = ""

    @property
    def bare(self) -> "Journalled":
        """Its generation, of no run and with nothing of what was done: what stays once its run is forgotten."""
        return replace(self, intent=replace(self.intent, run="", before=None, after=None), message="")


@dataclass(frozen=True)
class Record:
    """Everything that is kept of a target, to be moved or restored.

    Args:
        target: whose record it is.
        key: the fingerprint of the key of its secrets.
        operations: in the order in which they began.
        runs: in the order in which they began.
        inverses: by the id of the run that each would undo.
    """

    target: str
    state: State
    key: str
    operations: tuple[Journalled, ...] = ()
    runs: tuple[Run, ...] = ()
    inverses: Mapping[str, Inverse] = field(default_factory=dict)

    @property
    def generations(self) -> Mapping[Address, int]:
        """The highest generation that each address ever had, deleted resources included."""
        found = {address: entry.generation for address, entry in self.state.entries.items()}
        for item in self.operations:
            found[item.intent.address] = max(item.intent.generation, found.get(item.intent.address, 0))
        return found

    @property
    def under_way(self) -> tuple[Intent, ...]:
        """Intents without an end."""
        return tuple(item.intent for item in self.operations if not item.finished)


@runtime_checkable
class Sealable(Protocol):
    """A store whose texts at rest can be sealed."""

    def reseal(self, key: SealKey | None) -> bool:
        """Keep what is recorded of all targets under this key, or in the clear; False when it is so already.

        Raises:
            StateError: the run lock is not held, or the key that it is under is not given.
        """
        ...


class Store(Protocol):
    """The record of one target.

    Reading needs no lock. Every method that writes raises `StateError` unless this store holds the run lock, is
    durable when it returns, and is whole or absent after a crash. Only the thread that opened a store uses it.
    """

    def lock(self, holder: Mapping[str, str | int], *, timeout_s: float) -> AbstractContextManager[None]:
        """Be the only run of this target.

        Args:
            holder: `id`, `user`, `host`, `pid`, `command` and `started`, told to whoever has to wait; the id is of this
                lock alone.
            timeout_s: how long to wait for another run to end; 0 tries once.

        Raises:
            LockHeldError: another run holds the lock; the message names it.
        """
        ...

    def holder(self) -> Mapping[str, str | int] | None:
        """The facts of whoever holds the run lock at the moment, this store included; None when nobody does.

        Only looks: a run that takes the lock meanwhile gets it. Empty where somebody holds it whose facts are unknown.
        """
        ...

    def break_lock(self, lock_id: str) -> Mapping[str, str | int]:
        """Take the lock from a run that hangs, and give its facts: others get it although that run still lives.

        The fencing number grows, so that whatever the run writes from now on is refused. Of two that break one lock at
        once the second finds it not held any more.

        Raises:
            RefusedError: nobody holds the lock, or it is another than `lock_id`.
            StateError: it cannot be broken; its holder has to be ended.
        """
        ...

    def read(self) -> State:
        """Everything recorded of the target.

        Raises:
            StateError: what is stored cannot be trusted.
        """
        ...

    def root(self) -> Root:
        """What stands for all entries, at a cost that does not grow with them.

        Raises:
            StateError: what is stored cannot be trusted.
        """
        ...

    def digests(self) -> Mapping[Address, str]:
        """The digest of each entry, by address, without a look at what is recorded.

        Another may have written since a root was read: `Root.is_of` tells whether they belong together.

        Raises:
            StateError: entries are missing, or are not those that were written.
        """
        ...

    def verify(self) -> None:
        """See that every entry is as it was written; none is looked into.

        Raises:
            StateError: what is stored cannot be trusted.
        """
        ...

    def some(self, addresses: Collection[Address]) -> Mapping[Address, Entry]:
        """Of these addresses what is recorded, and only that is read.

        Raises:
            StateError: what is stored of one cannot be trusted.
        """
        ...

    def secret_key(self) -> bytes:
        """The key of this record's secrets, made at birth.

        Raises:
            StateError: the key is lost, or is not the one that the record was made with.
        """
        ...

    def unfinished(self) -> tuple[Intent, ...]:
        """Intents without an end, oldest first."""
        ...

    def generation(self, address: Address) -> int:
        """The highest generation that the address ever had here, deleted resources included; 0 for none."""
        ...

    def begin_run(self, run: Run, inverse: Inverse | None = None) -> None:
        """Write down that a run begins, and what would bring the target back to before it: both or neither."""
        ...

    def end_run(self, run_id: str, outcome: str, finished: str) -> None:
        """Write down how a run ended."""
        ...

    def together(self) -> AbstractContextManager[None]:
        """Write what a block begins and ends of operations in one go: durable when it ends, all of it or nothing.

        What is read within the block need not know of it yet.
        """
        ...

    def intend(self, intent: Intent) -> None:
        """Write down an operation before its call."""
        ...

    def finish(
        self, operation: str, entry_address: Address, entry: Entry | None, *, outcome: str, message: str, finished: str
    ) -> None:
        """End an operation and record what it made true, both or neither; None forgets the address."""
        ...

    def abandon(self, operation: str, *, outcome: str, message: str, finished: str) -> None:
        """End an operation that changed nothing: it failed, or was found not to have happened."""
        ...

    def note(self, address: Address, entry: Entry | None) -> None:
        """Correct the record to what was found; None forgets the address. No change, no new serial."""
        ...

    def adopt(self, lineage: str) -> None:
        """Take over the identity of a record that was lost, so that its objects are this one's.

        What has that identity already stays as it is.

        Raises:
            StateError: something is recorded, or under way, under another identity.
        """
        ...

    def dump(self) -> Record:
        """Everything that is kept of the target."""
        ...

    def load(self, record: Record) -> None:
        """Put a whole record, lineage and all, in the place of what is kept of the target, or nothing of it."""
        ...

    def runs(self, *, limit: int = 50) -> tuple[Run, ...]:
        """The last runs, newest first."""
        ...

    def operations(self, run_id: str) -> tuple[Journalled, ...]:
        """What a run did, in order."""
        ...

    def inverse(self, run_id: str) -> Inverse | None:
        """What would undo a run; None where that was not written down, as before there were inverses."""
        ...

    def forget(self, run_ids: Collection[str]) -> None:
        """Remove runs with their operations and inverses, all or none.

        Of an address whose highest generation was one of theirs, that generation stays.

        Raises:
            StateError: one of them has an operation without an end.
        """
        ...

    def neighbours(self) -> tuple[str, ...]:
        """The names of all targets that are recorded in the same place, this one included."""
        ...

    def close(self) -> None:
        """Let go of files; the store is not used afterwards."""
        ...


def cannot_adopt(target: str, lineage: str) -> StateError:
    """What a store says that has another identity already, and something recorded under it."""
    return StateError(f"target {target}: its record is not empty, so it cannot become that of lineage {lineage}")
