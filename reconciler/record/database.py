"""The database file: how it comes into the world, is opened, and what its errors mean to a user."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from reconciler.errors import StateError
from reconciler.frozen import dataclass
from reconciler.record import tables
from reconciler.record.files import lay_down, private_folder
from reconciler.record.key import fingerprint, make_key
from reconciler.record.schema import MIGRATIONS, Migration, migrate, transaction

BUSY_S = 10.0

_CORRUPT = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})


def connect(path: Path) -> sqlite3.Connection:
    """Open a file that exists."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=BUSY_S)
    try:
        set_up(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def set_up(connection: sqlite3.Connection) -> None:
    """EXTRA makes a commit durable in both journal modes, the folder's entry included.

    What is deleted or written over leaves nothing behind in the file, so that a record that was sealed is.
    """
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA secure_delete = ON")


def safe_journal(version: tuple[int, ...]) -> str:
    """The mode of a version of SQLite: before 3.51.3 a checkpoint beside a writer could corrupt a file in WAL mode."""
    return "WAL" if version >= (3, 51, 3) else "DELETE"


@dataclass(frozen=True)
class Engine:
    """The SQLite that a file is kept by.

    Args:
        connect: opens a file that exists.
        journal: the mode of its journal.
        migrations: the schema, step by step.
    """

    connect: Callable[[Path], sqlite3.Connection] = connect
    journal: str = safe_journal(sqlite3.sqlite_version_info)
    migrations: Sequence[Migration] = MIGRATIONS


def give_birth(path: Path, key_path: Path, environ: Mapping[str, str], engine: Engine) -> None:
    """Make file and key unless the file exists; it appears whole, so that an empty file is known to be damaged."""
    if path.exists():
        return
    private_folder(path.parent)
    _refuse_orphaned_journal(path)
    key = make_key(key_path, environ)
    lay_down(path, lambda temporary: _fill(temporary, key, engine))


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Errors of the file are told as what happened and what to do."""
    try:
        yield
    except (tables.DamagedError, UnicodeDecodeError) as error:
        raise _damaged(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise _translated(path, error) from error
    except OSError as error:
        raise StateError(
            f"{path}: cannot be used as state: {error}; check the folder's space and permissions"
        ) from error


def _fill(temporary: Path, key: bytes, engine: Engine) -> None:
    with closing(engine.connect(temporary)) as connection:
        migrate(connection, engine.migrations)
        with transaction(connection):
            tables.put_meta(connection, "key", fingerprint(key))


def _refuse_orphaned_journal(path: Path) -> None:
    # SQLite would play a journal that a killed run left behind into a new file of the same name.
    orphans = [orphan for end in ("-journal", "-wal") if (orphan := path.with_name(path.name + end)).exists()]
    if orphans and not path.exists():
        raise StateError(
            f"{orphans[0]}: E-STATE-DAMAGED: the state file of this journal is missing; "
            "restore it, or remove the journal"
        )


def _translated(path: Path, error: sqlite3.DatabaseError) -> Exception:
    if isinstance(error, (sqlite3.ProgrammingError, sqlite3.IntegrityError)):
        return error
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _CORRUPT:
        return _damaged(path, str(error))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StateError(
            f"{path}: in use by another process for more than {BUSY_S:.0f} s; run this again, and end it if it hangs"
        )
    return StateError(f"{path}: {error}; check the folder's space and permissions")


def _damaged(path: Path, what: str) -> StateError:
    from reconciler.record.backups import advice_to_restore  # noqa: PLC0415 - most states are whole

    return StateError(
        f"{path}: E-STATE-DAMAGED: the state is damaged: {what}; {advice_to_restore(path)}, "
        "or move it away and run `mlops state rebuild`"
    )
