"""The cache: one file of SQLite below `.mlops/cache`, in whose tables rows of bytes stand under keys.

It may be deleted at any time, and is safe beside other runs; a file that cannot be used is as good as none. What stands
under a key is either decided by the key alone or says itself what it holds good for, so that an old row is no lie; and
each row carries a checksum over itself, so that a damaged one is none either.
"""

import os
import sqlite3
import stat
import time
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

from reconciler.load.caching.tool import version
from reconciler.record.files import private_folder

_MOST_ROWS = {
    "parsed": 250_000,  # files, by blob id
    "blame": 20_000,  # who wrote the lines of files, by commit and part of its files
    "facts": 50_000,  # what follows from digests, such as which set of files a state of git's index is
    "parts": 50_000,  # what is known of many names, such as a set of files, and parts of that, by digest
    "stats": 50_000,  # what files held when the disk said of them what it still says, by location
    "settings": 20,  # what mlops.yaml says, by its bytes
    "looks": 200,  # plans that found little to do, without that, by what was asked for
    "drifts": 100,  # looks that found no drift, each with the digests of its objects
}
_MOST_BYTES = 1 << 30
_AT_A_TIME = 500
_PATIENCE_S = 1.0
_OLD_S = 7 * 24 * 3600.0
_MOST_OTHERS = 3
# Which errors say that the file itself is of no use; every other one passes, or leaves no more than this run without.
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_MISMATCH})


def read_rows(folder: Path | None, table: str, keys: Collection[str]) -> dict[str, bytes]:
    """What stands under these keys; nothing where there is no cache that can be used."""
    file = _file(folder) if folder and keys else None
    if file is None or not _is_there(file):
        return {}
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_S)) as database:
            return dict(_read(database, table, list(keys)))
    except (sqlite3.Error, UnicodeError) as error:
        _without(file, error)
        return {}


def keep_rows(folder: Path | None, table: str, rows: Mapping[str, bytes], *, most_bytes: int = _MOST_BYTES) -> None:
    """Keep rows; of a table, or of a file, that has grown too large the oldest ones go.

    Args:
        folder: the cache's own; readable by its owner alone.
        table: one of those that are known here.
        rows: the values by their keys, none of which holds a secret in the clear.
        most_bytes: how large all tables together may be.
    """
    if folder is None or not rows:
        return
    file = _file(folder)
    try:
        _made(file)
        with closing(sqlite3.connect(file, timeout=_PATIENCE_S)) as database, database:
            _keep(database, table, rows)
            _bounded(database, table, most_bytes)
    except (sqlite3.Error, UnicodeError, OSError) as error:
        _without(file, error)


def _read(database: sqlite3.Connection, table: str, keys: list[str]) -> Iterator[tuple[str, bytes]]:
    for start in range(0, len(keys), _AT_A_TIME):
        some = keys[start : start + _AT_A_TIME]
        query = f"SELECT key, value, sum FROM {table} WHERE key IN ({','.join('?' * len(some))})"  # noqa: S608
        for key, value, checksum in database.execute(query, some):
            if isinstance(value, bytes) and checksum == _checksum(table, key, value):
                yield key, value


def _keep(database: sqlite3.Connection, table: str, rows: Mapping[str, bytes]) -> None:
    # A journal in memory: one on disk would outlive the file that somebody deletes, and be played into the next one.
    database.execute("PRAGMA journal_mode = MEMORY")
    database.execute("PRAGMA synchronous = OFF")
    database.execute(
        f"CREATE TABLE IF NOT EXISTS {table} (at INTEGER PRIMARY KEY, key TEXT UNIQUE, value BLOB, sum INTEGER)"
    )
    database.executemany(
        f"INSERT OR REPLACE INTO {table} (key, value, sum) VALUES (?, ?, ?)",  # noqa: S608
        ((key, value, _checksum(table, key, value)) for key, value in rows.items()),
    )


def _bounded(database: sqlite3.Connection, table: str, most_bytes: int) -> None:
    """Take away the oldest rows of a table that has too many, and of all where they are too large together."""
    count = _number(database, f"SELECT count(*) FROM {table}")  # noqa: S608
    if count > _MOST_ROWS[table]:
        _oldest_go(database, table, count - _MOST_ROWS[table] * 3 // 4)
    pages, free, size = (_number(database, f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size"))
    if (pages - free) * size > most_bytes:
        for (each,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            _oldest_go(database, each, (_number(database, f"SELECT count(*) FROM {each}") + 1) // 2)  # noqa: S608


def _oldest_go(database: sqlite3.Connection, table: str, number: int) -> None:
    database.execute(f"DELETE FROM {table} WHERE at IN (SELECT at FROM {table} ORDER BY at LIMIT ?)", (number,))  # noqa: S608


def _number(database: sqlite3.Connection, query: str) -> int:
    return int(database.execute(query).fetchone()[0])


def _checksum(table: str, key: str, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(f"{table} {key}".encode("utf-8", "surrogateescape")))


def _without(file: Path, error: Exception) -> None:
    """Do without the cache; one that is damaged begins anew."""
    code = getattr(error, "sqlite_errorcode", None)
    # What is damaged may stand in SQLite's own message about it, which then is no text.
    if isinstance(error, UnicodeError) or (code is not None and (code & 0xFF) in _DAMAGED):
        with suppress(OSError):
            file.unlink(missing_ok=True)


def _made(file: Path) -> None:
    """Have the file, for its owner alone and never committed.

    Raises:
        OSError: it cannot be made.
    """
    if _is_there(file):
        return
    private_folder(file.parent.parent)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    _old_ones_go(file.parent)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))


def _is_there(file: Path) -> bool:
    """Whether it is a file of its own: nothing is read or written through a link, and no pipe is waited for."""
    try:
        return stat.S_ISREG(os.lstat(file).st_mode)
    except OSError:
        return False


def _old_ones_go(folder: Path) -> None:
    """Take away the files of other versions, save a few that may be in use beside this one."""
    with suppress(OSError):
        others = sorted(((each.stat().st_mtime, each) for each in folder.glob("*.db")), reverse=True)
        for number, (changed_s, file) in enumerate(others):
            if number >= _MOST_OTHERS or time.time() - changed_s > _OLD_S:
                file.unlink(missing_ok=True)


def _file(folder: Path) -> Path:
    """A version has a file of its own, so that two which are used in turns leave each other's alone."""
    return folder / f"cache-{version()}.db"
