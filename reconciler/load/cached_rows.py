"""Rows in a file of SQLite below `.mlops/cache`.

It may be deleted at any time, and is safe beside other runs; a file that cannot be used is as good as none.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


def read_rows(file: Path, ask: Callable[[sqlite3.Connection], dict[K, V]]) -> dict[K, V]:
    """What a question finds; nothing where there is no file that can be used.

    Args:
        file: the cache's own.
        ask: raises `ValueError`, `TypeError` or `LookupError` where rows are not as they were kept.
    """
    if not file.exists():
        return {}
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            return ask(database)
    except sqlite3.OperationalError:
        return {}  # another run is writing, or has only just made it
    except (sqlite3.Error, ValueError, TypeError, LookupError):
        _remove(file)
        return {}


def keep_rows(file: Path, table: str, columns: str, rows: Sequence[tuple[object, ...]], *, most: int) -> None:
    """Add rows; a table that has grown beyond `most` begins anew.

    Args:
        file: the cache's own; readable by its owner alone.
        table: the table's name.
        columns: as they are declared, with the key.
        rows: the values of all columns, of one row at least.
        most: how many rows it may have before.
    """
    marks = ", ".join("?" * len(rows[0]))
    try:
        file.parent.parent.mkdir(mode=0o700, exist_ok=True)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(file, timeout=1)) as database, database:
            database.execute("PRAGMA synchronous = OFF")
            database.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}) WITHOUT ROWID")
            if database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > most:  # noqa: S608
                database.execute(f"DELETE FROM {table}")  # noqa: S608
            database.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", rows)  # noqa: S608
    except sqlite3.OperationalError:
        return  # another run is writing, or the disk is read-only or full
    except (sqlite3.DatabaseError, OSError):
        _remove(file)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return
