"""The rows of a record, in SQL that every database takes: written with digests, believed only when the digests fit."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, replace
from itertools import islice
from typing import Any, Protocol

from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.frozen import dataclass
from reconciler.record.codec import EMPTY_SET, entries_of, entry_text, from_text, to_text, toggled
from reconciler.record.store import Intent, Journalled, Run, run_from


class Rows(Protocol):
    """What a query found."""

    def fetchone(self) -> Any:
        """The next row; None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """All the rows."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A database, with `?` where a value belongs."""

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        ...


class Texts(Connection, Protocol):
    """A connection that knows how the texts of rows are kept, see `Kept`."""

    def written(self, text: str, ledger: "Ledger", place: str, /) -> str:
        """The text as it is to be kept."""
        ...

    def read(self, text: str, ledger: "Ledger", place: str, /) -> str:
        """The text that was kept."""
        ...

    def digest(self, values: Iterable[Any], /) -> str:
        """A digest over the values of a row."""
        ...


JOURNAL = "SELECT operation, target, run, address, generation, body, outcome, message, finished, digest FROM journal"
"""Operations, the columns in the order of their digest."""

AT_ONCE = 500
"""Rows that are asked for or read at once; databases take some thousands of values in a query."""


class DamagedError(Exception):
    """What was read is not what was written."""


@dataclass(frozen=True)
class Ledger:
    """The one row of a target: its identity, and a digest of all the rows that must be there.

    The sums are digests of sets of rows, so that a row that vanished is missed and a write costs the same
    whatever the number of rows.
    """

    target: str
    lineage: str
    serial: int = 0
    fence: int = 0
    entries: int = 0
    entries_sum: str = EMPTY_SET
    open: int = 0
    open_sum: str = EMPTY_SET


def meta(connection: Connection, name: str) -> str:
    """A fact of the whole file that must be there."""
    found = find_meta(connection, name)
    if not found:
        raise DamagedError(f"{name} is missing")
    return found


def find_meta(connection: Connection, name: str) -> str:
    """A fact of the whole file; empty when it is not there."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def put_meta(connection: Connection, name: str, value: str) -> None:
    """Write down a fact of the whole file, over what it was before."""
    connection.execute(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
    )


def all_ledgers(connection: Texts) -> list[Ledger]:
    """The rows of all targets."""
    rows = connection.execute("SELECT * FROM targets").fetchall()
    return [Ledger(*whole(connection, row, "a target")) for row in rows]


def find_ledger(connection: Texts, target: str) -> Ledger | None:
    """The target's row; None when the target was never seen here."""
    # Every row is read and checked: a damaged index or name must not look like a target that is new.
    found = [ledger for ledger in all_ledgers(connection) if ledger.target == target]
    if len(found) > 1 or (not found and _is_mentioned(connection, target)):
        raise DamagedError(f"the row of target {target} is missing or double")
    return found[0] if found else None


def save_ledger(connection: Texts, ledger: Ledger) -> None:
    """Write the target's row."""
    values = astuple(ledger)
    connection.execute(
        "INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (target) DO UPDATE SET "
        "lineage = excluded.lineage, serial = excluded.serial, fence = excluded.fence, entries = excluded.entries, "
        "entries_sum = excluded.entries_sum, open = excluded.open, open_sum = excluded.open_sum, "
        "digest = excluded.digest",
        (*values, connection.digest(values)),
    )


def all_entries(connection: Texts, ledger: Ledger) -> dict[Address, Entry]:
    """Every entry of the target, by address."""
    query = "SELECT * FROM entries WHERE target = ? ORDER BY address"
    found, entries, digests = iter(connection.execute(query, (ledger.target,))), dict[Address, Entry](), list[str]()
    while rows := list(islice(found, AT_ONCE)):
        entries |= entries_of_rows(connection, ledger, rows)
        digests += [row[-1] for row in rows]
    check_set(digests, ledger.entries, ledger.entries_sum, "entries")
    return entries


def find_entry(connection: Texts, ledger: Ledger, address: Address) -> Entry | None:
    """The entry of an address, if there is one."""
    query = "SELECT * FROM entries WHERE target = ? AND address = ?"
    row = connection.execute(query, (ledger.target, str(address))).fetchone()
    return entries_of_rows(connection, ledger, [row])[address] if row else None


def put_entry(connection: Texts, ledger: Ledger, address: Address, entry: Entry | None) -> Ledger:
    """Write or remove an entry; gives the ledger of afterwards."""
    key = (ledger.target, str(address))
    old = connection.execute("SELECT * FROM entries WHERE target = ? AND address = ?", key).fetchone()
    changed = [connection.digest(whole(connection, old, "an entry"))] if old else []
    after = replace(ledger, serial=ledger.serial + 1)
    if entry:
        spec = connection.written(entry_text(entry), after, entry_place(*key))
        values = (*key, spec, entry.generation, entry.operation, entry.created)
        changed.append(connection.digest(values))
        connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (target, address) DO UPDATE SET "
            "spec = excluded.spec, generation = excluded.generation, operation = excluded.operation, "
            "created = excluded.created, digest = excluded.digest",
            (*values, changed[-1]),
        )
    else:
        connection.execute("DELETE FROM entries WHERE target = ? AND address = ?", key)
    return replace(
        after,
        entries=ledger.entries + bool(entry) - bool(old),
        entries_sum=toggled(ledger.entries_sum, *changed),
    )


def put_intent(connection: Texts, ledger: Ledger, intent: Intent) -> Ledger | None:
    """Write an operation that begins; gives the ledger of afterwards, None if it was written before."""
    if connection.execute("SELECT 1 FROM journal WHERE operation = ?", (intent.operation,)).fetchone():
        return None
    body = {"step": intent.step, "action": intent.action, "started": intent.started}
    body |= {"before": to_text(intent.before), "after": to_text(intent.after)}
    text = connection.written(json.dumps(body), ledger, intent_place(intent.operation))
    key = (intent.operation, ledger.target, intent.run, str(intent.address), intent.generation, text)
    values = (*key, "", "", "")
    digest = connection.digest(values)
    connection.execute(
        "INSERT INTO journal (operation, target, run, address, generation, body, outcome, message, finished, digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, digest),
    )
    return replace(ledger, open=ledger.open + 1, open_sum=toggled(ledger.open_sum, digest))


def end_intent(connection: Texts, ledger: Ledger, operation: str, end: tuple[str, str, str]) -> Ledger | None:
    """Write an operation's outcome, message and time; gives the ledger of afterwards, None if it is not under way."""
    row = connection.execute(f"{JOURNAL} WHERE operation = ?", (operation,)).fetchone()
    if row is None or row[1] != ledger.target or row[8]:
        return None
    begun = whole(connection, row, f"operation {operation}")
    outcome, message, finished = end
    kept = (outcome, connection.written(message, ledger, message_place(operation)), finished)
    connection.execute(
        "UPDATE journal SET outcome = ?, message = ?, finished = ?, digest = ? WHERE operation = ?",
        (*kept, connection.digest((*begun[:6], *kept)), operation),
    )
    return replace(ledger, open=ledger.open - 1, open_sum=toggled(ledger.open_sum, row[-1]))


def open_intents(connection: Texts, ledger: Ledger) -> tuple[Intent, ...]:
    """Operations without an end, oldest first."""
    clause = "WHERE target = ? AND finished = '' ORDER BY position"
    rows = connection.execute(f"{JOURNAL} {clause}", (ledger.target,)).fetchall()
    intents = tuple(_journalled(connection, ledger, row).intent for row in rows)
    check_set([row[-1] for row in rows], ledger.open, ledger.open_sum, "unfinished operations")
    return intents


def journal_of(connection: Texts, ledger: Ledger, run_id: str) -> tuple[Journalled, ...]:
    """What a run did, in order."""
    clause = "WHERE target = ? AND run = ? ORDER BY position"
    rows = connection.execute(f"{JOURNAL} {clause}", (ledger.target, run_id))
    return tuple(_journalled(connection, ledger, row) for row in rows)


def all_operations(connection: Texts, ledger: Ledger) -> tuple[Journalled, ...]:
    """Everything that was ever done, in order."""
    rows = connection.execute(f"{JOURNAL} WHERE target = ? ORDER BY position", (ledger.target,)).fetchall()
    return tuple(_journalled(connection, ledger, row) for row in rows)


def last_operations(connection: Texts, ledger: Ledger) -> tuple[Journalled, ...]:
    """What is under way, and of each address what has its highest generation, in order."""
    clause = (
        "WHERE target = ? AND (finished = '' OR generation = (SELECT max(generation) FROM journal AS other "
        "WHERE other.target = journal.target AND other.address = journal.address)) ORDER BY position"
    )
    rows = connection.execute(f"{JOURNAL} {clause}", (ledger.target,)).fetchall()
    return tuple(_journalled(connection, ledger, row) for row in rows)


def clear(connection: Connection, target: str) -> None:
    """Remove all that hangs on a ledger."""
    connection.execute("DELETE FROM entries WHERE target = ?", (target,))
    connection.execute("DELETE FROM journal WHERE target = ?", (target,))
    connection.execute("DELETE FROM runs WHERE target = ?", (target,))
    connection.execute("DELETE FROM inverses WHERE target = ?", (target,))


def highest_generation(connection: Texts, ledger: Ledger, address: Address) -> int:
    """Of the entry and of all operations on the address."""
    key = (ledger.target, str(address))
    clause = "WHERE target = ? AND address = ? ORDER BY generation DESC LIMIT 1"
    rows = connection.execute(f"{JOURNAL} {clause}", key)
    journalled = [_journalled(connection, ledger, row).intent.generation for row in rows]
    entry = find_entry(connection, ledger, address)
    return max(journalled + ([entry.generation] if entry else []), default=0)


def put_run(connection: Texts, ledger: Ledger, run: Run) -> None:
    """Write a run; one that was written before is replaced."""
    values = (run.id, run.target, connection.written(json.dumps(asdict(run)), ledger, run_place(run.id)))
    connection.execute(
        "INSERT INTO runs (id, target, body, digest) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET body = excluded.body, digest = excluded.digest",
        (*values, connection.digest(values)),
    )


def is_run(connection: Connection, run_id: str) -> bool:
    """Whether any target has a run of this id."""
    return connection.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is not None


def find_runs(connection: Texts, ledger: Ledger, *, run_id: str = "", limit: int = 1) -> tuple[Run, ...]:
    """Runs of the target, newest first: the one of this id, or the last ones."""
    rows = connection.execute(
        "SELECT id, target, body, digest FROM runs WHERE target = ? AND ? IN (id, '') ORDER BY position DESC LIMIT ?",
        (ledger.target, run_id, limit),
    )
    return tuple(_run(connection, ledger, row) for row in rows)


def _run(connection: Texts, ledger: Ledger, row: Sequence[Any]) -> Run:
    run_id, _, body = whole(connection, row, "a run")
    return run_from(json.loads(connection.read(body, ledger, run_place(run_id))))


def entries_of_rows(connection: Texts, ledger: Ledger, rows: Sequence[Sequence[Any]]) -> dict[Address, Entry]:
    """The entries of rows of all their columns, by address."""
    stored = []
    for row in rows:
        target, address, spec, *facts = whole(connection, row, "an entry")
        stored.append((connection.read(spec, ledger, entry_place(target, address)), *facts))
    return dict(zip([Address.parse(row[1]) for row in rows], entries_of(stored), strict=True))


def _journalled(connection: Texts, ledger: Ledger, row: Sequence[Any]) -> Journalled:
    operation, _, run, address, generation, body, *end = whole(connection, row, f"operation {row[0]}")
    outcome, message, finished = end
    if finished:
        message = connection.read(message, ledger, message_place(operation))
    facts = json.loads(connection.read(body, ledger, intent_place(operation)))
    before, after = from_text(facts["before"]), from_text(facts["after"])
    address = Address.parse(address)
    intent = Intent(
        operation, run, facts["step"], facts["action"], address, before, after, generation, facts["started"]
    )
    return Journalled(intent, outcome, message, finished)


def entry_place(target: str, address: str) -> str:
    """What the text of an entry is bound to."""
    return f"entry {address} of {target}"


def intent_place(operation: str) -> str:
    """What the text of an intent is bound to."""
    return f"intent {operation}"


def message_place(operation: str) -> str:
    """What the message of an outcome is bound to."""
    return f"message {operation}"


def run_place(run_id: str) -> str:
    """What the text of a run is bound to."""
    return f"run {run_id}"


def whole(connection: Texts, row: Sequence[Any], what: str) -> Sequence[Any]:
    """The row without its digest.

    Raises:
        DamagedError: they do not fit.
    """
    *values, digest = row
    if connection.digest(values) != digest:
        raise DamagedError(f"{what} does not fit its digest")
    return values


def check_set(digests: Sequence[str], count: int, total: str, what: str) -> None:
    """Refuse rows that are not all of a set, by their digests.

    Raises:
        DamagedError: there are others than were written.
    """
    if len(digests) != count or toggled(EMPTY_SET, *digests) != total:
        raise DamagedError(f"{what} are missing or not those that were written")


def _is_mentioned(connection: Connection, target: str) -> bool:
    query = (
        "SELECT 1 FROM entries WHERE target = ? UNION ALL SELECT 1 FROM journal WHERE target = ? "
        "UNION ALL SELECT 1 FROM runs WHERE target = ?"
    )
    return connection.execute(query, (target,) * 3).fetchone() is not None
