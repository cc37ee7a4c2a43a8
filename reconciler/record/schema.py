"""The schema of the database file: one numbered function a version, each applied whole or not at all."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.errors import StateError
from reconciler.record.backups import advice_to_restore

APPLICATION_ID = 0x6D6C6F70
"""`mlop`: how a file is known as ours."""

Migration = Callable[[sqlite3.Connection], None]


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """All of it or nothing."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _001_ledger_entries_runs_journal(connection: sqlite3.Connection) -> None:
    """Every row ends in a digest over its other columns; a target's row knows its entries and open operations."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
    connection.execute(
        "CREATE TABLE targets (target TEXT PRIMARY KEY, lineage TEXT NOT NULL, serial INTEGER NOT NULL, "
        "fence INTEGER NOT NULL, entries INTEGER NOT NULL, entries_sum TEXT NOT NULL, open INTEGER NOT NULL, "
        "open_sum TEXT NOT NULL, digest TEXT NOT NULL) STRICT"
    )
    connection.execute(
        "CREATE TABLE entries (target TEXT NOT NULL, address TEXT NOT NULL, spec TEXT NOT NULL, "
        "generation INTEGER NOT NULL, operation TEXT NOT NULL, created TEXT NOT NULL, digest TEXT NOT NULL, "
        "PRIMARY KEY (target, address)) STRICT"
    )
    connection.execute(
        "CREATE TABLE runs (position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL, "
        "body TEXT NOT NULL, digest TEXT NOT NULL) STRICT"
    )
    connection.execute(
        "CREATE TABLE journal (position INTEGER PRIMARY KEY, operation TEXT NOT NULL UNIQUE, target TEXT NOT NULL, "
        "run TEXT NOT NULL, address TEXT NOT NULL, generation INTEGER NOT NULL, body TEXT NOT NULL, "
        "outcome TEXT NOT NULL, message TEXT NOT NULL, finished TEXT NOT NULL, digest TEXT NOT NULL) STRICT"
    )
    connection.execute("CREATE INDEX journal_by_run ON journal (target, run)")
    connection.execute("CREATE INDEX journal_by_address ON journal (target, address, generation)")
    connection.execute("CREATE INDEX journal_open ON journal (target) WHERE finished = ''")


def _002_inverses(connection: sqlite3.Connection) -> None:
    """Of each run from now on, what would bring the target back to what was recorded before it."""
    connection.execute(
        "CREATE TABLE inverses (run TEXT PRIMARY KEY, target TEXT NOT NULL, body TEXT NOT NULL, "
        "digest TEXT NOT NULL) STRICT"
    )


MIGRATIONS: tuple[Migration, ...] = (_001_ledger_entries_runs_journal, _002_inverses)


def version(connection: sqlite3.Connection) -> int:
    """The schema's version; 0 before the first migration."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, path: Path, *, known: int = len(MIGRATIONS)) -> None:
    """Refuse a file that is another program's, or a newer schema than this one knows."""
    found = version(connection)
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StateError(
            f"{path}: E-STATE-FOREIGN: this is no state of mlops, or its header is damaged; "
            f"{advice_to_restore(path)}, or name another file with `state:` in mlops.yaml"
        )
    if found > known:
        raise StateError(f"{path}: E-STATE-NEWER: state schema {found}, this tool knows {known}; upgrade mlops")


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the schema to the newest version, one transaction a step."""
    for number, migration in enumerate(migrations, 1):
        if version(connection) < number:
            with transaction(connection):
                _apply(connection, number, migration)


def _apply(connection: sqlite3.Connection, number: int, migration: Migration) -> None:
    # Asked again under the write lock: another process may have been faster.
    if version(connection) < number:
        migration(connection)
        connection.execute(f"PRAGMA user_version = {number}")
