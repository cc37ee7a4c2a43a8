"""The rows of a record, in SQL that every database takes: written with digests, believed only when the digests fit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any, Protocol

from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.record.codec import EMPTY_SET, from_text, row_digest, to_text, toggled
from reconciler.record.store import Intent, Journalled, Run


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


_JOURNAL = "SELECT operation, target, run, address, generation, body, outcome, message, finished, digest FROM journal"


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
    """A fact of the whole file."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise DamagedError(f"{name} is missing")
    return str(row[0])


def put_meta(connection: Connection, name: str, value: str) -> None:
    """Write down a fact of the whole file."""
    connection.execute("INSERT INTO meta VALUES (?, ?)", (name, value))


def find_ledger(connection: Connection, target: str) -> Ledger | None:
    """The target's row; None when the target was never seen here."""
    # Every row is read and checked: a damaged index or name must not look like a target that is new.
    rows = connection.execute("SELECT * FROM targets").fetchall()
    ledgers = (Ledger(*_whole(row, "a target")) for row in rows)
    found = [ledger for ledger in ledgers if ledger.target == target]
    if len(found) > 1 or (not found and _is_mentioned(connection, target)):
        raise DamagedError(f"the row of target {target} is missing or double")
    return found[0] if found else None


def save_ledger(connection: Connection, ledger: Ledger) -> None:
    """Write the target's row."""
    values = astuple(ledger)
    connection.execute(
        "INSERT INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (target) DO UPDATE SET "
        "lineage = excluded.lineage, serial = excluded.serial, fence = excluded.fence, entries = excluded.entries, "
        "entries_sum = excluded.entries_sum, open = excluded.open, open_sum = excluded.open_sum, "
        "digest = excluded.digest",
        (*values, row_digest(values)),
    )


def all_entries(connection: Connection, ledger: Ledger) -> dict[Address, Entry]:
    """Every entry of the target, by address."""
    query = "SELECT * FROM entries WHERE target = ? ORDER BY address"
    rows = connection.execute(query, (ledger.target,)).fetchall()
    entries = dict(map(_entry, rows))
    _check_set([row[-1] for row in rows], ledger.entries, ledger.entries_sum, "entries")
    return entries


def put_entry(connection: Connection, ledger: Ledger, address: Address, entry: Entry | None) -> Ledger:
    """Write or remove an entry; gives the ledger of afterwards."""
    key = (ledger.target, str(address))
    old = connection.execute("SELECT * FROM entries WHERE target = ? AND address = ?", key).fetchone()
    changed = [row_digest(_whole(old, "an entry"))] if old else []
    if entry:
        values = (*key, to_text(entry.spec), entry.generation, entry.operation, entry.created)
        changed.append(row_digest(values))
        connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (target, address) DO UPDATE SET "
            "spec = excluded.spec, generation = excluded.generation, operation = excluded.operation, "
            "created = excluded.created, digest = excluded.digest",
            (*values, changed[-1]),
        )
    else:
        connection.execute("DELETE FROM entries WHERE target = ? AND address = ?", key)
    return replace(
        ledger,
        serial=ledger.serial + 1,
        entries=ledger.entries + bool(entry) - bool(old),
        entries_sum=toggled(ledger.entries_sum, *changed),
    )


def put_intent(connection: Connection, ledger: Ledger, intent: Intent) -> Ledger | None:
    """Write an operation that begins; gives the ledger of afterwards, None if it was written before."""
    if connection.execute("SELECT 1 FROM journal WHERE operation = ?", (intent.operation,)).fetchone():
        return None
    body = {"step": intent.step, "action": intent.action, "started": intent.started}
    body |= {"before": to_text(intent.before), "after": to_text(intent.after)}
    key = (intent.operation, ledger.target, intent.run, str(intent.address), intent.generation, json.dumps(body))
    values = (*key, "", "", "")
    digest = row_digest(values)
    connection.execute(
        "INSERT INTO journal (operation, target, run, address, generation, body, outcome, message, finished, digest) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, digest),
    )
    return replace(ledger, open=ledger.open + 1, open_sum=toggled(ledger.open_sum, digest))


def end_intent(connection: Connection, ledger: Ledger, operation: str, end: tuple[str, str, str]) -> Ledger | None:
    """Write an operation's outcome, message and time; gives the ledger of afterwards, None if it is not under way."""
    row = connection.execute(f"{_JOURNAL} WHERE operation = ?", (operation,)).fetchone()
    if row is None or row[1] != ledger.target or row[8]:
        return None
    whole = _whole(row, f"operation {operation}")
    connection.execute(
        "UPDATE journal SET outcome = ?, message = ?, finished = ?, digest = ? WHERE operation = ?",
        (*end, row_digest((*whole[:6], *end)), operation),
    )
    return replace(ledger, open=ledger.open - 1, open_sum=toggled(ledger.open_sum, row[-1]))


def open_intents(connection: Connection, ledger: Ledger) -> tuple[Intent, ...]:
    """Operations without an end, oldest first."""
    clause = "WHERE target = ? AND finished = '' ORDER BY position"
    rows = connection.execute(f"{_JOURNAL} {clause}", (ledger.target,)).fetchall()
    intents = tuple(_journalled(row).intent for row in rows)
    _check_set([row[-1] for row in rows], ledger.open, ledger.open_sum, "unfinished operations")
    return intents


def journal_of(connection: Connection, target: str, run_id: str) -> tuple[Journalled, ...]:
    """What a run did, in order."""
    clause = "WHERE target = ? AND run = ? ORDER BY position"
    return tuple(map(_journalled, connection.execute(f"{_JOURNAL} {clause}", (target, run_id))))


def highest_generation(connection: Connection, target: str, address: Address) -> int:
    """Of the entry and of all operations on the address."""
    key = (target, str(address))
    clause = "WHERE target = ? AND address = ? ORDER BY generation DESC LIMIT 1"
    journalled = [_journalled(row).intent.generation for row in connection.execute(f"{_JOURNAL} {clause}", key)]
    rows = connection.execute("SELECT * FROM entries WHERE target = ? AND address = ?", key)
    return max(journalled + [_entry(row)[1].generation for row in rows], default=0)


def put_run(connection: Connection, run: Run) -> None:
    """Write a run; one that was written before is replaced."""
    values = (run.id, run.target, json.dumps(asdict(run)))
    connection.execute(
        "INSERT INTO runs (id, target, body, digest) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET body = excluded.body, digest = excluded.digest",
        (*values, row_digest(values)),
    )


def find_runs(connection: Connection, target: str, *, run_id: str = "", limit: int = 1) -> tuple[Run, ...]:
    """Runs of the target, newest first: the one of this id, or the last ones."""
    rows = connection.execute(
        "SELECT id, target, body, digest FROM runs WHERE target = ? AND ? IN (id, '') ORDER BY position DESC LIMIT ?",
        (target, run_id, limit),
    )
    return tuple(Run(**json.loads(_whole(row, "a run")[2])) for row in rows)


def _entry(row: Sequence[Any]) -> tuple[Address, Entry]:
    _, address, spec, generation, operation, created = _whole(row, "an entry")
    return Address.parse(address), Entry(from_text(spec) or {}, generation, operation, created)


def _journalled(row: Sequence[Any]) -> Journalled:
    operation, _, run, address, generation, body, *end = _whole(row, f"operation {row[0]}")
    facts = json.loads(body)
    before, after = from_text(facts["before"]), from_text(facts["after"])
    address = Address.parse(address)
    intent = Intent(
        operation, run, facts["step"], facts["action"], address, before, after, generation, facts["started"]
    )
    return Journalled(intent, *end)


def _whole(row: Sequence[Any], what: str) -> Sequence[Any]:
    *values, digest = row
    if row_digest(values) != digest:
        raise DamagedError(f"{what} does not fit its digest")
    return values


def _check_set(digests: Sequence[str], count: int, total: str, what: str) -> None:
    if len(digests) != count or toggled(EMPTY_SET, *digests) != total:
        raise DamagedError(f"{what} are missing or not those that were written")


def _is_mentioned(connection: Connection, target: str) -> bool:
    query = (
        "SELECT 1 FROM entries WHERE target = ? UNION ALL SELECT 1 FROM journal WHERE target = ? "
        "UNION ALL SELECT 1 FROM runs WHERE target = ?"
    )
    return connection.execute(query, (target,) * 3).fetchone() is not None
