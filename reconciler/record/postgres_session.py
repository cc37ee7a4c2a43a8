"""A session at a PostgreSQL server: how it is set up, what its errors mean to a user, and which poolers it refuses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import errors

from reconciler.errors import StateError
from reconciler.record.postgres_place import Place
from reconciler.record.tables import DamagedError, Rows

OLDEST = 14
"""The first version that ends sessions which are idle for too long, and looks whether a client is still there."""

_SETTINGS = {
    "statement_timeout": "30s",
    "lock_timeout": "20s",
    "idle_in_transaction_session_timeout": "10s",
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}


class Session:
    """One connection, with `?` where a value belongs.

    Args:
        place: where to.
        settings: of the session, over those that every session has.

    Raises:
        psycopg.OperationalError: the server cannot be reached.
        StateError: it is no server, or no way to one, that a record can be kept on.
    """

    def __init__(self, place: Place, **settings: str) -> None:
        self.place = place
        self._connection = psycopg.connect(**place.parameters, autocommit=True)  # type: ignore[arg-type] # libpq's own
        try:
            self.backend = _backend(self._connection)
            _refuse_unfit(self)
            self._set({**_SETTINGS, "search_path": place.schema, **settings})
        except BaseException:
            self.close()
            raise

    @property
    def is_lost(self) -> bool:
        """Whether the connection was cut."""
        return self._connection.closed

    @property
    def is_pooled(self) -> bool:
        """Whether a pooler is in between: it tells clients of a process that is not the server's."""
        return self.backend != self._connection.info.backend_pid

    @property
    def version(self) -> int:
        """The server's version, as 15."""
        return self._connection.info.server_version // 10_000

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        return self._connection.execute(query.replace("?", "%s"), values)

    def one(self, query: str, values: Sequence[Any] = (), /) -> Any:
        """The first value that a query finds; None when it finds nothing."""
        row = self.execute(query, values).fetchone()
        return row[0] if row else None

    def begin(self, how: str = "") -> None:
        """Begin a transaction."""
        self._connection.execute(f"BEGIN {how}".strip(), prepare=False)

    def commit(self) -> None:
        """End a transaction; what it did is durable on return."""
        self._connection.execute("COMMIT", prepare=False)

    def rollback(self) -> None:
        """End a transaction, and leave nothing of it."""
        self._connection.execute("ROLLBACK", prepare=False)

    def close(self) -> None:
        """End it, whatever state it is in."""
        self._connection.close()

    def _set(self, settings: dict[str, str]) -> None:
        calls = ", ".join("set_config(?, ?, false)" for _ in settings)
        self.execute(f"SELECT {calls}", [word for setting in settings.items() for word in setting])
        # A server that waits for standbys to have applied a commit goes on doing so.
        self.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')"
        )
        with suppress(errors.InvalidParameterValue):  # not every system tells a server that a client is gone
            self.execute("SELECT set_config('client_connection_check_interval', '2s', false)")


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Errors of the server are told as what happened and what to do."""
    try:
        yield
    except DamagedError as error:
        raise StateError(
            f"{place.shown}: E-STATE-DAMAGED: the state is damaged: {error}; `mlops state export --backup 1 FILE` "
            "writes what was recorded before the last run, for `mlops state import` into another place, as ?schema=…"
        ) from error
    except OSError as error:
        raise StateError(f"{place.shown}: the key of its secrets cannot be kept here: {error}") from error
    except psycopg.Error as error:
        said = place.without_password(str(error)).strip().split("\n")[0].removeprefix("FATAL:").strip()
        raise StateError(f"{place.shown}: {said or type(error).__name__}; {_advice(error)}") from error


def _advice(error: psycopg.Error) -> str:
    if isinstance(error, errors.InsufficientPrivilege):
        return "the user needs a schema of its own, or CREATE on the database"
    if isinstance(error, (errors.LockNotAvailable, errors.QueryCanceled)):
        return "the database is busy; run this again"
    if isinstance(error, psycopg.OperationalError):
        if "password" in str(error):
            return "give this user's password in PGPASSWORD or PGPASSFILE"
        return "check that the server runs, and that this user may connect from here"
    return "check the database"


def _backend(connection: "psycopg.Connection[Any]") -> int:
    """The server's process that serves the connection at the moment."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return int(row[0]) if row else 0


def _refuse_unfit(session: Session) -> None:
    shown = session.place.shown
    if session.version < OLDEST:
        raise StateError(f"{shown}: this is PostgreSQL {session.version}; a record needs {OLDEST} or newer")
    if session.is_pooled and not _keeps_sessions(session):
        raise StateError(
            f"{shown}: E-STATE-POOLER: a pooler in transaction mode gives each transaction another session, so no run "
            "lock would hold; name the server itself, or a pool in session mode"
        )
    if session.one("SELECT pg_is_in_recovery()"):
        raise StateError(f"{shown}: this server is a standby, which takes no writes; name the primary")


def _keeps_sessions(session: Session) -> bool:
    """Whether a pooler keeps one process of the server for one session, also while another session wants one."""
    other = psycopg.connect(**session.place.parameters, autocommit=True)  # type: ignore[arg-type] # libpq's own
    try:
        if _backend(other) == session.backend:
            return False
        with other.transaction():
            taken = _backend(other)
            return bool(session.one("SELECT pg_backend_pid()") == session.backend != taken)
    finally:
        other.close()
