"""A store in a PostgreSQL database, which several targets and machines may share."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import psycopg

from reconciler.errors import StateError
from reconciler.record import tables
from reconciler.record.document import record_text
from reconciler.record.files import private_folder
from reconciler.record.kept import kept
from reconciler.record.key import checked_key, fingerprint, make_key
from reconciler.record.postgres_copies import keep_copy
from reconciler.record.postgres_lock import break_server_lock, lock_holder, server_lock
from reconciler.record.postgres_place import Place, place_of
from reconciler.record.postgres_schema import MIGRATIONS, check_version, migrate
from reconciler.record.postgres_session import Session, told
from reconciler.record.sealing import SealKeys, seal_keys
from reconciler.record.tabled import TableStore
from reconciler.record.tables import Connection
from reconciler.record.whole import whole

Answer = TypeVar("Answer")

_RECONNECT_EVERY_S = 0.2


RECONNECT_S = 30.0
"""For how long a server that is lost is looked for: as long as a restart takes."""


class PostgresStore(TableStore):
    """The record of one target in a schema of a database; the run lock is an advisory lock of the server.

    Args:
        url: `postgresql://…`, as libpq has it.
        target: whose record.
        key_path: the file of the key of its secrets, which every machine has a copy of.
        environ: where the key may be instead, and those that the record is sealed under.
        lineage: gives a record that is new its identity.
        reconnect_s: for how long a server that is lost is looked for.
    """

    def __init__(
        self,
        url: str,
        target: str,
        key_path: Path,
        *,
        environ: Mapping[str, str] = os.environ,
        lineage: Callable[[], str] = lambda: os.urandom(16).hex(),
        reconnect_s: float = RECONNECT_S,
    ) -> None:
        keys = seal_keys(environ)
        server = _Server(place_of(url, target), target, key_path, environ, reconnect_s)
        super().__init__(target, server, lineage=lineage, keys=keys)


class _Server:
    """The database, over a session for reading and writing; the lock has one of its own."""

    def __init__(
        self,
        place: Place,
        target: str,
        key_path: Path,
        environ: Mapping[str, str],
        reconnect_s: float,
    ) -> None:
        self._place, self._target, self._reconnect_s = place, target, reconnect_s
        self._key_path, self._environ = key_path, environ
        with told(self._place):
            self._session = Session(self._place)
            self._bring_up_to_date()

    def read(self, query: Callable[[Connection], Answer]) -> Answer:
        """Ask within one snapshot, and once more where the connection was lost meanwhile."""

        def asked(session: Session) -> Answer:
            session.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return query(session)

        with told(self._place):
            try:
                return self._whole(asked)
            except _LostError:
                self._connect_again()
                return self._whole(asked)

    def write(self, change: Callable[[Connection], Answer]) -> Answer:
        """Change within one durable transaction.

        Where the answer to its commit was lost it is found out whether it landed, and a change that did not is made
        once more: whether the run lock still is this run's is looked at within the change.
        """
        with told(self._place):
            mark = os.urandom(16).hex()
            try:
                return self._whole(lambda session: self._changed(session, mark, change))
            except _LostError as lost:
                self._connect_again()
                if lost.committing and self._landed(mark):
                    return cast("Answer", lost.committing[0])
                return self._whole(lambda session: self._changed(session, mark, change))

    @contextmanager
    def lock(self, holder: Mapping[str, str | int], *, timeout_s: float) -> Iterator[Callable[[], bool]]:
        """Hold the advisory lock of this target."""
        lock = server_lock(self._place, self._target, holder, timeout_s=timeout_s)
        with ExitStack() as stack:
            with told(self._place):
                is_held = stack.enter_context(lock)
            yield lambda: is_held(self._session)

    def holder(self) -> Mapping[str, str | int] | None:
        """Who holds the advisory lock."""
        return self.read(lambda _: lock_holder(self._session, self._target))

    def break_lock(self, lock_id: str) -> Mapping[str, str | int]:
        """End the session that holds the lock."""
        return break_server_lock(self._session, self._target, lock_id)

    def check(self) -> None:
        """The server looks after its own files."""

    def back_up(self) -> None:
        """Keep a copy in a table, sealed as the record is, and of the older ones the newest."""

        def keep(connection: Connection) -> None:
            rows = kept(connection, seal_keys(self._environ))
            if ledger := tables.find_ledger(rows, self._target):
                record = whole(rows, ledger, history=False)
                keep_copy(rows, self._target, record_text(record, SealKeys(rows.key)))

        self.write(keep)

    def key(self, known: str) -> bytes:
        """The key, from a file of this machine or from the environment."""
        advice = (
            f"{self._place.shown} is shared, and so is its key: copy {self._key_path.name} from where the record was "
            "made, or set MLOPS_STATE_KEY to what that file or variable holds there"
        )
        return checked_key(self._key_path, self._environ, known, advice=advice)

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _bring_up_to_date(self) -> None:
        try:
            check_version(self._session)
            migrate(self._session, self._be_born)
        except BaseException:
            self._session.close()
            raise

    def _be_born(self) -> None:
        private_folder(self._key_path.parent)
        tables.put_meta(self._session, "key", fingerprint(make_key(self._key_path, self._environ)))

    def _changed(self, session: Session, mark: str, change: Callable[[Connection], Answer]) -> Answer:
        session.begin("ISOLATION LEVEL READ COMMITTED READ WRITE")
        # The row stays locked until the commit: writes of one target, and looks at what landed, stand in a line.
        schema = session.one(
            "INSERT INTO writes VALUES (?, ?) ON CONFLICT (target) DO UPDATE SET mark = excluded.mark "
            "RETURNING (SELECT value FROM meta WHERE name = 'schema')",
            (self._target, mark),
        )
        if schema != str(len(MIGRATIONS)):
            raise StateError("the schema was upgraded while this run went on; upgrade mlops and run it again")
        return change(session)

    def _landed(self, mark: str) -> bool:
        """Whether the write of this mark was the last one; one that is still under way is waited for."""

        def asked(session: Session) -> bool:
            session.begin()
            return bool(session.one("SELECT mark FROM writes WHERE target = ? FOR UPDATE", (self._target,)) == mark)

        return self._whole(asked)

    def _whole(self, work: Callable[[Session], Answer]) -> Answer:
        """Commit a transaction that the work begins, or leave nothing of it.

        Raises:
            _LostError: the connection was cut.
        """
        session, done = self._session, []
        try:
            done.append(work(session))
            session.commit()
        except BaseException as error:
            if session.is_lost and isinstance(error, psycopg.Error):
                raise _LostError(error, committing=done) from error
            with suppress(psycopg.Error):  # a connection that is cut is rolled back by the server
                session.rollback()
            raise
        return done[0]

    def _connect_again(
        self, *, sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._session.close()
        deadline = now() + self._reconnect_s
        while True:
            try:
                self._session = Session(self._place)
            except psycopg.OperationalError:
                if now() >= deadline:
                    raise
                sleep(_RECONNECT_EVERY_S)
            else:
                return


class _LostError(psycopg.OperationalError):
    """The connection was cut; `committing` holds the answer of a change whose commit may have landed."""

    def __init__(self, error: psycopg.Error, *, committing: list[Any]) -> None:
        super().__init__(str(error))
        self.committing = committing
