"""Who wrote which line, kept: what a commit holds never changes, and neither does who wrote it.

It may be deleted at any time, and one that cannot be used is as good as none. Only what git told of commits is kept:
nothing of files that lie about, and nothing of what a shallow clone does not have.
"""

import os
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.load.attribution import Line

_NAME = "blame-1.db"
_MOST_ROWS = 100_000
_TABLE = (
    "CREATE TABLE IF NOT EXISTS lines (at TEXT, path BLOB, line INTEGER, wrote TEXT, author TEXT, date TEXT,"
    " summary TEXT, PRIMARY KEY (at, path, line)) WITHOUT ROWID"
)


def known(folder: Path | None, commits: Collection[str]) -> dict[Line, Blame]:
    """What is kept of the lines of some commits' files."""
    file = folder / _NAME if folder else None
    if file is None or not file.exists():
        return {}
    query = "SELECT path, line, wrote, author, date, summary FROM lines WHERE at = ?"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            rows = [(commit, *row) for commit in commits for row in database.execute(query, (commit,))]
        return {(commit, os.fsdecode(path), line): Blame(*told) for commit, path, line, *told in rows}
    except sqlite3.OperationalError:
        return {}  # another run has only just made it
    except (sqlite3.Error, TypeError):
        _remove(file)
        return {}


def learn(folder: Path | None, found: Mapping[Line, Blame]) -> None:
    """Keep who wrote some lines."""
    if folder is None or not found:
        return
    file = folder / _NAME
    rows = [
        (commit, os.fsencode(path), line, one.commit, one.author, one.date, one.summary)
        for (commit, path, line), one in found.items()
    ]
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        with closing(sqlite3.connect(file, timeout=1)) as database, database:
            database.execute("PRAGMA synchronous = OFF")
            database.execute(_TABLE)
            if database.execute("SELECT count(*) FROM lines").fetchone()[0] > _MOST_ROWS:
                database.execute("DELETE FROM lines")
            database.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    except sqlite3.OperationalError:
        return  # another run is writing, or the disk is read-only or full
    except (sqlite3.DatabaseError, OSError):
        _remove(file)


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:
        return
