"""Who wrote which line, kept: what a commit holds never changes, and neither does who wrote it.

Only what git told of commits is kept: nothing of files that lie about, and nothing of what a shallow clone does not
have.
"""

import os
import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.load.attribution import Line
from reconciler.load.cached_rows import keep_rows, read_rows

_NAME = "blame-1.db"
_MOST_ROWS = 100_000
_COLUMNS = (
    "at TEXT, path BLOB, line INTEGER, wrote TEXT, author TEXT, date TEXT, summary TEXT, PRIMARY KEY (at, path, line)"
)


def known(folder: Path | None, commits: Collection[str]) -> dict[Line, Blame]:
    """What is kept of the lines of some commits' files."""
    query = "SELECT path, line, wrote, author, date, summary FROM lines WHERE at = ?"

    def ask(database: sqlite3.Connection) -> dict[Line, Blame]:
        rows = [(commit, *row) for commit in commits for row in database.execute(query, (commit,))]
        return {(commit, os.fsdecode(path), line): Blame(*told) for commit, path, line, *told in rows}

    return read_rows(folder / _NAME, ask) if folder else {}


def learn(folder: Path | None, found: Mapping[Line, Blame]) -> None:
    """Keep who wrote some lines."""
    if folder is None or not found:
        return
    rows = [
        (commit, os.fsencode(path), line, one.commit, one.author, one.date, one.summary)
        for (commit, path, line), one in found.items()
    ]
    keep_rows(folder / _NAME, "lines", _COLUMNS, rows, most=_MOST_ROWS)
