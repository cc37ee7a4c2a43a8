"""Entries that are known by their digests are believed no more than those that are read."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.state import Entry
from reconciler.errors import StateError
from reconciler.record.sqlite import SqliteStore

BLUE, GREEN = (Address("deployment", name, endpoint="credit") for name in ("blue", "green"))


@pytest.fixture
def store(path: Path, open_at: Callable[..., SqliteStore]) -> SqliteStore:
    """A record of two entries."""
    store = open_at(path)
    with store.lock({"id": "1"}, timeout_s=0):
        store.note(BLUE, Entry({"n": 1}))
        store.note(GREEN, Entry({"n": 2}))
    return store


def meddle(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_an_entry_that_was_changed_by_hand_is_not_believed_and_the_others_are(store: SqliteStore, path: Path) -> None:
    meddle(path, "UPDATE entries SET spec = '{\"n\":3}' WHERE address LIKE '%blue'")
    assert store.some([GREEN]) == {GREEN: Entry({"n": 2})}
    with pytest.raises(StateError, match="E-STATE-DAMAGED: the state is damaged: an entry does not fit its digest"):
        store.some([GREEN, BLUE])
    with pytest.raises(StateError, match="E-STATE-DAMAGED: the state is damaged: an entry does not fit its digest"):
        store.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entries WHERE address LIKE '%blue'",
        "UPDATE entries SET digest = upper(substr(digest, 2)) || 'x' WHERE address LIKE '%blue'",
        "UPDATE entries SET digest = 'f' || substr(digest, 2) || '0' WHERE address LIKE '%blue'",
        "UPDATE entries SET digest = '' WHERE address LIKE '%blue'",
        "UPDATE entries SET address = 'no address' WHERE address LIKE '%blue'",
        "UPDATE targets SET entries = 3",
    ],
)
def test_digests_that_are_not_those_that_were_written_are_refused(
    store: SqliteStore, path: Path, statement: str
) -> None:
    meddle(path, statement)
    for look in (store.digests, store.verify):
        with pytest.raises(StateError, match="E-STATE-DAMAGED"):
            look()


def test_a_root_that_was_changed_by_hand_is_refused(store: SqliteStore, path: Path) -> None:
    meddle(path, f"UPDATE targets SET entries_sum = '{0:032x}', entries = 0")
    with pytest.raises(StateError, match="E-STATE-DAMAGED: the state is damaged: a target does not fit its digest"):
        store.root()


def test_entries_that_changed_places_have_other_digests(store: SqliteStore, path: Path) -> None:
    before = store.digests()
    meddle(path, "UPDATE entries SET address = 'deployment/credit/aside' WHERE address LIKE '%blue'")
    meddle(path, "UPDATE entries SET address = 'deployment/credit/blue' WHERE address LIKE '%green'")
    meddle(path, "UPDATE entries SET address = 'deployment/credit/green' WHERE address LIKE '%aside'")
    assert store.digests() == {BLUE: before[GREEN], GREEN: before[BLUE]}
    with pytest.raises(StateError, match="an entry does not fit its digest"):
        store.some([BLUE])
