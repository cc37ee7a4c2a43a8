"""What a store uses of sqlite3's connections, over apsw, which lets a test put a file system of its own below."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

_CLASSES = {
    apsw.SQLITE_CORRUPT: sqlite3.DatabaseError,
    apsw.SQLITE_NOTADB: sqlite3.DatabaseError,
    apsw.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
    apsw.SQLITE_MISUSE: sqlite3.ProgrammingError,
}


class Rows(list[Any]):
    """All that a statement gave."""

    def fetchone(self) -> Any:
        return self.pop(0) if self else None

    def fetchall(self) -> list[Any]:
        return list(self)


class Connection:
    """A file opened by apsw's SQLite on a file system."""

    def __init__(self, path: Path, vfs: str) -> None:
        with _told():
            self._inner = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)

    def execute(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> Rows:
        with _told():
            return Rows(self._inner.execute(statement, values))

    def backup(self, to: "Connection") -> None:
        with _told():
            backup = to._inner.backup("main", self._inner, "main")
            try:
                backup.step()
            finally:
                _end(backup)

    def close(self) -> None:
        with _told():
            self._inner.close()


def _end(backup: apsw.Backup) -> None:
    try:
        backup.close(force=True)
    except SystemError as error:
        # apsw says so where the copy failed, with what is the matter as the cause.
        raise error.__cause__ or error from None


@contextmanager
def _told() -> Iterator[None]:
    """apsw's errors as sqlite3 has them."""
    try:
        yield
    except apsw.Error as error:
        told = _CLASSES.get(getattr(error, "result", None), sqlite3.OperationalError)(str(error))
        told.sqlite_errorcode = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
        raise told from error
