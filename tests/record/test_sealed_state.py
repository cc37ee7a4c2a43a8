"""A state under a key tells nothing of what is recorded, and takes nothing that was sealed for another row."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.state import Entry
from reconciler.errors import StateError
from reconciler.record.codec import row_digest
from reconciler.record.sealing import SealKey
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Intent, Run

Open = Callable[..., SqliteStore]

BLUE, GREEN = (Address("deployment", name, endpoint="credit") for name in ("blue", "green"))
CANARY = "canary-77c1"
KEY, OTHER = "1" * 64, "2" * 64
SEALED = {"environ": {"MLOPS_ENCRYPTION_KEY": KEY}}
ROTATED = {"environ": {"MLOPS_ENCRYPTION_KEY": OTHER, "MLOPS_ENCRYPTION_KEY_FALLBACK": KEY}}
NEW_KEY = {"environ": {"MLOPS_ENCRYPTION_KEY": OTHER}}
IN_THE_CLEAR = {"environ": {}}


def fill(store: SqliteStore) -> None:
    """A run, an entry, an operation that failed and one that is under way, each with the canary."""
    with store.lock({}, timeout_s=0):
        store.begin_run(Run("run-1", f"apply {CANARY}", "dev", "T0"), Inverse({BLUE: {"description": CANARY}}))
        for number in (1, 2, 3):
            spec = {"description": f"{CANARY} {number}"}
            store.intend(Intent(f"op-{number}", "run-1", number, "create", BLUE, spec, spec, number, "T1"))
        entry = Entry({"description": f"{CANARY} 1"}, 1, "op-1", "T2")
        store.finish("op-1", BLUE, entry, outcome="succeeded", message="", finished="T2")
        store.abandon("op-2", outcome="failed", message=CANARY, finished="T2")
        store.note(GREEN, Entry({"description": f"{CANARY} green"}))


def facts(store: SqliteStore) -> tuple[object, ...]:
    return (
        store.read(),
        store.unfinished(),
        store.runs(),
        store.operations("run-1"),
        store.generation(BLUE),
        store.inverse("run-1"),
    )


def holding_the_canary(path: Path) -> list[str]:
    return sorted(
        file.name for file in path.parent.iterdir() if file.is_file() and CANARY.encode() in file.read_bytes()
    )


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def change(path: Path, query: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    connection.execute(query, values)
    connection.commit()
    connection.close()


def test_what_is_recorded_under_a_key_is_in_no_byte_of_any_file(path: Path, open_at: Open) -> None:
    store = open_at(path, **SEALED)
    fill(store)
    fill_again = facts(store)
    assert holding_the_canary(path) == []
    store.close()
    assert facts(open_at(path, **SEALED)) == fill_again
    assert holding_the_canary(path) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (IN_THE_CLEAR, "it is encrypted under key [0-9a-f]{16}; give that in MLOPS_ENCRYPTION_KEY"),
        (NEW_KEY, "give the former key in MLOPS_ENCRYPTION_KEY_FALLBACK"),
    ],
)
def test_a_sealed_state_is_refused_without_its_key(
    path: Path, open_at: Open, parameters: dict[str, dict[str, str]], message: str
) -> None:
    fill(open_at(path, **SEALED))
    with pytest.raises(StateError, match=message):
        open_at(path, **parameters)


def test_another_target_of_a_sealed_file_is_sealed_too(path: Path, open_at: Open) -> None:
    fill(open_at(path, **SEALED))
    with pytest.raises(StateError, match="it is encrypted under key"):
        open_at(path, "prod", **IN_THE_CLEAR)
    fill_prod = open_at(path, "prod", **SEALED)
    with fill_prod.lock({}, timeout_s=0):
        fill_prod.note(BLUE, Entry({"description": CANARY}))
    assert holding_the_canary(path) == []


def test_a_state_in_the_clear_is_read_but_not_written_where_a_key_is_given(path: Path, open_at: Open) -> None:
    clear = open_at(path, **IN_THE_CLEAR)
    fill(clear)
    store = open_at(path, **SEALED)
    assert store.read() == clear.read()
    refused = pytest.raises(
        StateError, match="is not encrypted, but MLOPS_ENCRYPTION_KEY is set; `mlops state encrypt`"
    )
    with store.lock({}, timeout_s=0), refused:
        store.note(BLUE, None)
    assert store.read() == clear.read()


def test_a_state_is_sealed_whole_and_opened_again(path: Path, open_at: Open) -> None:
    clear = open_at(path, **IN_THE_CLEAR)
    fill(clear)
    before = facts(clear)
    store = open_at(path, **SEALED)
    with store.lock({}, timeout_s=0):
        assert store.reseal(SealKey(bytes.fromhex(KEY)))
        assert not store.reseal(SealKey(bytes.fromhex(KEY)))
    assert facts(store) == before
    assert [name for name in holding_the_canary(path) if "backup" not in name] == []
    with store.lock({}, timeout_s=0):
        assert store.reseal(None)
    store.close()
    assert facts(open_at(path, **IN_THE_CLEAR)) == before


def test_sealing_needs_the_run_lock(path: Path, open_at: Open) -> None:
    with pytest.raises(StateError, match="a write needs the run lock"):
        open_at(path, **SEALED).reseal(None)


def test_the_next_run_follows_a_changed_key_and_the_former_one_opens_nothing(path: Path, open_at: Open) -> None:
    former = open_at(path, **SEALED)
    fill(former)
    before = facts(former)
    store = open_at(path, **ROTATED)
    assert facts(store) == before
    with store.lock({}, timeout_s=0):
        pass
    store.close()
    assert facts(open_at(path, **NEW_KEY)) == before
    with pytest.raises(StateError, match="it is encrypted under key"):
        former.read()


def test_a_lineage_that_was_adopted_opens_the_history_of_before(path: Path, open_at: Open) -> None:
    store = open_at(path, **SEALED)
    fill(store)
    with store.lock({}, timeout_s=0):
        store.abandon("op-3", outcome="failed", message="", finished="T3")
        for address in (BLUE, GREEN):
            store.note(address, None)
        history = store.runs(), store.operations("run-1"), store.inverse("run-1")
        store.adopt("lineage of before")
    assert (store.runs(), store.operations("run-1"), store.inverse("run-1")) == history


def older_text(path: Path, open_at: Open) -> str:
    """What was sealed for the entry of blue before its last change."""
    store = open_at(path, **SEALED)
    fill(store)
    ((spec,),) = rows(path, "SELECT spec FROM entries WHERE address LIKE '%blue'")
    with store.lock({}, timeout_s=0):
        store.note(BLUE, Entry({"description": "newer"}, 2, "op-1", "T2"))
    store.close()
    return str(spec)


def serial_of(path: Path) -> int:
    ((serial,),) = rows(path, "SELECT serial FROM targets")
    assert isinstance(serial, int)
    return serial


@pytest.mark.parametrize("renumbered", [False, True], ids=["as it was", "with the newer serial"])
def test_an_older_sealed_text_under_another_serial_is_refused(path: Path, open_at: Open, renumbered: bool) -> None:
    older = older_text(path, open_at)
    if renumbered:
        older = f"{serial_of(path)}:{older.partition(':')[2]}"
    change(path, "UPDATE entries SET spec = ? WHERE address LIKE '%blue'", older)
    with pytest.raises(StateError, match="the state is damaged"):
        open_at(path, **SEALED).read()


def test_a_whole_older_row_in_a_newer_state_is_refused(path: Path, open_at: Open) -> None:
    store = open_at(path, **SEALED)
    fill(store)
    (old,) = rows(path, "SELECT * FROM entries WHERE address LIKE '%blue'")
    with store.lock({}, timeout_s=0):
        store.note(BLUE, Entry({"description": "newer"}, 2, "op-1", "T2"))
    store.close()
    change(path, "REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", *old)
    with pytest.raises(StateError, match="entries are missing or not those that were written"):
        open_at(path, **SEALED).read()


def test_a_text_that_does_not_open_is_refused_even_where_every_digest_fits(
    path: Path, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The seal itself holds: digests are made to fit, as whoever had the key of digests alone could."""
    older = older_text(path, open_at)
    monkeypatch.setattr("reconciler.record.kept.row_digest", lambda _values, **_key: "0" * 32)
    change(path, "UPDATE entries SET digest = ?", "0" * 32)
    change(path, "UPDATE targets SET digest = ?, entries_sum = ?", "0" * 32, "0" * 32)
    moved = f"{serial_of(path)}:{older.partition(':')[2]}"
    change(path, "UPDATE entries SET spec = ? WHERE address LIKE '%blue'", moved)
    with pytest.raises(StateError, match="the sealed text of entry deployment/credit/blue of dev was changed"):
        open_at(path, **SEALED).read()


def test_a_row_with_a_digest_that_anybody_could_make_is_refused(path: Path, open_at: Open) -> None:
    store = open_at(path, **SEALED)
    fill(store)
    store.close()
    (row,) = rows(path, "SELECT * FROM entries WHERE address LIKE '%blue'")
    forged = (*row[:3], 99, *row[4:6])
    change(path, "REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", *forged, row_digest(forged))
    with pytest.raises(StateError, match="an entry does not fit its digest"):
        open_at(path, **SEALED).read()


def test_texts_of_two_rows_cannot_change_places(path: Path, open_at: Open) -> None:
    key = SealKey(bytes.fromhex(KEY))
    store = open_at(path, **SEALED)
    fill(store)
    store.close()
    texts = [str(row[0]) for row in rows(path, "SELECT spec FROM entries ORDER BY address")]
    assert len(texts) == 2
    change(path, "UPDATE entries SET spec = ? WHERE address LIKE '%blue'", texts[1])
    with pytest.raises(StateError, match="does not fit its digest"):
        open_at(path, **SEALED).read()
    assert key.id not in "".join(texts)


def test_a_state_that_lost_its_mark_is_not_believed(path: Path, open_at: Open) -> None:
    fill(open_at(path, **SEALED))
    change(path, "DELETE FROM meta WHERE name = 'encryption'")
    with pytest.raises(StateError, match="does not fit its digest"):
        open_at(path, **SEALED).read()


def test_entries_read_the_same_with_and_without_a_key(path: Path, tmp_path: Path, open_at: Open) -> None:
    clear, sealed = open_at(path, **IN_THE_CLEAR), open_at(tmp_path / "other" / "state.db", **SEALED)
    fill(clear)
    fill(sealed)
    assert replace(clear.read(), lineage="") == replace(sealed.read(), lineage="")
