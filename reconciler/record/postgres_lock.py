"""The run lock in PostgreSQL: an advisory lock of a session of its own, which ends with its client."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import ceil

import psycopg
from psycopg import errors

from reconciler.errors import StateError
from reconciler.record.lock import held_by, refuse_unless_held
from reconciler.record.postgres_place import Place
from reconciler.record.postgres_session import Session

_HOLDER = (
    "SELECT held.pid, coalesce(locks.holder, '{}') FROM pg_locks AS held "
    "LEFT JOIN locks ON locks.target = ? AND locks.backend = held.pid "
    "WHERE held.locktype = 'advisory' AND held.granted "
    "AND held.classid::bigint = ? AND held.objid::bigint = ? AND held.objsubid = 1 "
    "AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@contextmanager
def server_lock(
    place: Place, target: str, holder: Mapping[str, str | int], *, timeout_s: float
) -> Iterator[Callable[[Session], bool]]:
    """Hold the lock, with the holder's facts beside it; gives what tells another session whether it is still held.

    The server ends a session that is idle for as long as the lease, and with it the lock. A thread asks something four
    times in that time, so that this happens to a client which hangs or cannot be reached.

    Args:
        place: of the record.
        target: whose lock.
        holder: the facts, told to whoever waits.
        timeout_s: how long to wait for another holder.

    Raises:
        LockHeldError: another run holds it for longer than `timeout_s`.
    """
    session = Session(place, idle_session_timeout=f"{place.lease_s}s")
    try:
        if not _taken(session, target, timeout_s):
            raise held_by(target, lock_holder(session, target) or {})
        session.execute(
            "INSERT INTO locks VALUES (?, ?, ?) "
            "ON CONFLICT (target) DO UPDATE SET backend = excluded.backend, holder = excluded.holder",
            (target, session.backend, json.dumps(dict(holder))),
        )
        try:
            with _kept_alive(session, place.lease_s / 4):
                yield lambda asking: not session.is_lost and session.backend in _held(asking, target)
        finally:
            # Else it would be held until the server notices that the session has ended.
            with suppress(psycopg.Error):  # what is lost is let go already
                session.execute("SELECT pg_advisory_unlock(?)", (_key(place.schema, target),))
    finally:
        session.close()


def lock_holder(session: Session, target: str) -> Mapping[str, str | int] | None:
    """The facts of whoever holds the lock; None when nobody does."""
    return next(iter(_held(session, target).values()), None)


def break_server_lock(session: Session, target: str, lock_id: str) -> Mapping[str, str | int]:
    """End the session that holds the lock, and give the facts of its holder.

    Raises:
        RefusedError: nobody holds the lock, or it is another one.
        StateError: the session is another user's, or does not end.
    """
    held = _held(session, target)
    found = next(iter(held.values()), None)
    refuse_unless_held(target, lock_id, found)
    for backend in held:
        try:
            ended = session.one("SELECT pg_terminate_backend(?, 5000)", (backend,))
        except errors.InsufficientPrivilege as error:
            raise StateError(
                f"{session.place.shown}: the lock was taken by another user of the database; break it as that user"
            ) from error
        if not ended:
            raise StateError(f"{session.place.shown}: the session that holds the lock does not end; run this again")
    return found or {}


@contextmanager
def _kept_alive(session: Session, every_s: float) -> Iterator[None]:
    """Give the server a sign of life now and then, until it no longer answers."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(every_s):
            try:
                session.execute("SELECT 1")
            except psycopg.Error:
                session.close()
                return

    thread = threading.Thread(target=ask, name="run lock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _taken(session: Session, target: str, timeout_s: float) -> bool:
    """Wait in the server's queue, which is fair."""
    key = _key(session.place.schema, target)
    if timeout_s <= 0:
        return bool(session.one("SELECT pg_try_advisory_lock(?)", (key,)))
    session.execute("SELECT set_config('statement_timeout', '0', false)")
    session.execute("SELECT set_config('lock_timeout', ?, false)", (f"{ceil(timeout_s * 1000)}ms",))
    try:
        session.execute("SELECT pg_advisory_lock(?)", (key,))
    except errors.LockNotAvailable:
        return False
    return True


def _held(session: Session, target: str) -> dict[int, Mapping[str, str | int]]:
    """The facts of the holder by its process of the server."""
    key = _key(session.place.schema, target)
    rows = session.execute(_HOLDER, (target, key >> 32 & 0xFFFFFFFF, key & 0xFFFFFFFF))
    return {int(backend): json.loads(holder) for backend, holder in rows}


def _key(schema: str, target: str) -> int:
    """The number of a lock; a database has one set of them."""
    name = hashlib.blake2b(f"{schema} {target}".encode(), digest_size=8).digest()
    return int.from_bytes(name, "big", signed=True)
