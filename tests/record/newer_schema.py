"""A schema of two steps more than today's, as a later version of the tool would have it."""

import sqlite3

from reconciler.record.schema import MIGRATIONS


def _notes(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE notes (address TEXT NOT NULL)")
    connection.execute("INSERT INTO notes SELECT address FROM entries")


def _authors(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT ''")
    connection.execute("UPDATE notes SET author = 'ana'")


STEPS = (*MIGRATIONS, _notes, _authors)
