"""Copies of a record in PostgreSQL: documents in a table beside it, from before each of the last runs that wrote."""

import os
from collections.abc import Mapping

from reconciler.errors import StateError
from reconciler.record.backups import KEPT
from reconciler.record.document import record_of
from reconciler.record.postgres_place import place_of
from reconciler.record.postgres_session import Session, told
from reconciler.record.sealing import seal_keys
from reconciler.record.store import Record
from reconciler.record.tables import Connection

_NEWEST = "SELECT document FROM copies WHERE target = ? ORDER BY position DESC LIMIT 1 OFFSET ?"


def keep_copy(rows: Connection, target: str, document: str) -> None:
    """Keep a document, and of the older ones the newest."""
    rows.execute("INSERT INTO copies (target, document) VALUES (?, ?)", (target, document))
    rows.execute(
        "DELETE FROM copies WHERE target = ? AND position NOT IN "
        "(SELECT position FROM copies WHERE target = ? ORDER BY position DESC LIMIT ?)",
        (target, target, KEPT),
    )


def server_copy(url: str, target: str, number: int, environ: Mapping[str, str] = os.environ) -> Record:
    """A copy, whatever became of the record itself; 1 is the newest.

    Raises:
        StateError: there is none.
    """
    place = place_of(url, target)
    with told(place):
        session = Session(place)
        try:
            found = session.one(_NEWEST, (target, number - 1))
        finally:
            session.close()
    if found is None:
        raise StateError(f"{place.shown}: there is no copy {number} of the record of target {target}")
    return record_of(found, f"copy {number} of target {target} at {place.shown}", seal_keys(environ))
