"""The state file: private, whole from birth, versioned, and never believed when it is damaged."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.secret import Secret
from reconciler.core.state import Entry
from reconciler.errors import StateError
from reconciler.record import schema
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Intent, Run

Open = Callable[..., SqliteStore]

END = {"outcome": "succeeded", "message": "", "finished": "T2"}


def address(number: int) -> Address:
    return Address("deployment", f"d{number}", endpoint="credit")


def intent(number: int, operation: str) -> Intent:
    spec = {"n": number, "text": "x" * 200}
    return Intent(operation, "run-dev", number, "create", address(number), None, spec, 1, "T1")


def fill(store: SqliteStore, target: str = "dev") -> None:
    """Twelve finished operations and two that are under way."""
    with store.lock({}, timeout_s=0):
        store.begin_run(Run(f"run-{target}", "apply", target, "T0"))
        for number in range(14):
            store.intend(intent(number, f"{target}-{number}"))
        for number in range(12):
            entry = Entry({"n": number, "text": "x" * 200}, 1, f"{target}-{number}", "T2")
            store.finish(f"{target}-{number}", address(number), entry, **END)


def facts(store: SqliteStore) -> tuple[object, ...]:
    generations = [store.generation(address(number)) for number in (0, 13)]
    return store.read(), store.unfinished(), store.secret_key(), store.runs(), store.operations("run-dev"), generations


def go_on(store: SqliteStore) -> tuple[object, ...]:
    with store.lock({}, timeout_s=0):
        store.finish("dev-12", address(12), Entry({"n": 12}), **END)
        store.note(address(3), None)
        store.intend(intent(4, "dev-again"))
    return store.read(), store.unfinished()


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.iterdir() if file.is_file())


def test_folder_and_files_are_for_their_owner_alone(path: Path, open_at: Open) -> None:
    fill(open_at(path))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in files(path) if file.name != ".gitignore"}
    assert modes == dict.fromkeys(["state.db", "state.db.backup-1", "state.db.dev.lock", "state.key"], "0o600")


def test_the_folder_is_never_committed(path: Path, open_at: Open) -> None:
    open_at(path)
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_our_folder_becomes_private_when_something_else_made_it(path: Path, open_at: Open) -> None:
    path.parent.mkdir(mode=0o755)
    open_at(path)
    assert (path.parent.stat().st_mode & 0o777, (path.parent / ".gitignore").exists()) == (0o700, True)


def test_a_folder_of_the_users_own_is_left_as_it_is(tmp_path: Path, open_at: Open) -> None:
    tmp_path.chmod(0o755)
    open_at(tmp_path / "state.db")
    assert (tmp_path.stat().st_mode & 0o777, (tmp_path / ".gitignore").exists()) == (0o755, False)


def test_a_secrets_value_is_in_no_byte_of_any_file(path: Path, open_at: Open) -> None:
    store = open_at(path)
    spec = {"environment_variables": {"TOKEN": Secret.of("canary-4f1d", store.secret_key())}}
    with store.lock({}, timeout_s=0):
        store.intend(Intent("op", "run", 1, "create", address(1), spec, spec, 1, "T1"))
        store.finish("op", address(1), Entry(spec), **END)
        store.intend(Intent("op-2", "run", 1, "create", address(1), spec, spec, 2, "T1"))
        assert not [file for file in files(path) if b"canary" in file.read_bytes()]
    store.close()
    assert not [file for file in files(path) if b"canary" in file.read_bytes()]


def test_b59_a_newer_schema_is_refused(path: Path, open_at: Open) -> None:
    open_at(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(StateError, match=r"state\.db: E-STATE-NEWER: state schema 9, this tool knows 2; upgrade mlops"):
        open_at(path)


def test_f38_a_run_stops_writing_when_the_schema_is_upgraded_under_it(path: Path, open_at: Open) -> None:
    store = open_at(path)
    with store.lock({}, timeout_s=0):
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 9")
        connection.close()
        with pytest.raises(StateError, match="the schema was upgraded while this run went on"):
            store.intend(intent(1, "op"))


def test_f38_a_migration_that_breaks_off_leaves_the_old_schema() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.migrate(connection)

    def breaks_off(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        schema.migrate(connection, [*schema.MIGRATIONS, breaks_off])
    assert schema.version(connection) == len(schema.MIGRATIONS)
    assert connection.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchone() is None
    connection.close()


def test_a_migration_is_applied_once() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    newer = [*schema.MIGRATIONS, lambda connection: connection.execute("CREATE TABLE more (x)")]
    schema.migrate(connection, newer)
    schema.migrate(connection, newer)
    assert schema.version(connection) == len(newer)
    connection.close()


def test_a_birth_that_breaks_off_leaves_no_state_file(
    path: Path, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("reconciler.record.tables.put_meta", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            open_at(path)
    assert [file.name for file in files(path)] == [".gitignore", "state.key"]
    assert open_at(path).read().serial == 0


@pytest.mark.parametrize("size", [0, 1, 100, 1000, 4096, 5000, 3 * 4096])
def test_b59_a_file_that_was_cut_is_refused(path: Path, open_at: Open, size: int) -> None:
    store = open_at(path)
    fill(store)
    store.close()
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(StateError, match=r"state\.db: .*restore"):
        open_at(path).read()


def test_b59_a_file_that_is_no_database_is_refused(path: Path, open_at: Open) -> None:
    path.parent.mkdir()
    path.write_text("serial: 7\n" * 500)
    with pytest.raises(
        StateError, match=r"state\.db: E-STATE-DAMAGED: the state is damaged: file is not a database; restore"
    ):
        open_at(path)


def test_b59_a_database_of_another_program_is_refused_and_not_touched(path: Path, open_at: Open) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="E-STATE-FOREIGN: this is no state of mlops"):
        open_at(path)
    assert path.read_bytes() == before


def test_a_folder_in_place_of_the_file_is_refused(path: Path, open_at: Open) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StateError, match=r"state\.db: unable to open database file; check"):
        open_at(path)


def test_a_journal_without_its_file_is_refused(path: Path, open_at: Open) -> None:
    path.parent.mkdir()
    path.with_name("state.db-journal").write_bytes(b"left behind")
    with pytest.raises(
        StateError, match=r"state\.db-journal: E-STATE-DAMAGED: the state file of this journal is missing"
    ):
        open_at(path)


ROWS = {
    "a changed spec": "UPDATE entries SET spec = replace(spec, 'x', 'y') WHERE address LIKE '%d3'",
    "a changed generation": "UPDATE entries SET generation = 5 WHERE address LIKE '%d3'",
    "a vanished entry": "DELETE FROM entries WHERE address LIKE '%d3'",
    "an entry of another target": "UPDATE entries SET target = 'prod' WHERE address LIKE '%d3'",
    "a changed serial": "UPDATE targets SET serial = serial - 1",
    "a vanished target": "DELETE FROM targets",
}


@pytest.mark.parametrize("what", ROWS)
def test_f24_a_row_that_was_tampered_with_is_never_believed(path: Path, open_at: Open, what: str) -> None:
    store = open_at(path)
    fill(store)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute(ROWS[what])
    connection.close()
    with pytest.raises(StateError, match="the state is damaged"):
        open_at(path).read()


def test_f24_a_vanished_intent_is_missed(path: Path, open_at: Open) -> None:
    store = open_at(path)
    fill(store)
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM journal WHERE operation = 'dev-12'")
    connection.close()
    with pytest.raises(StateError, match="unfinished operations are missing"):
        open_at(path).unfinished()


def test_f24_a_flipped_bit_is_detected_or_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every byte of the header and 400 others: nothing but the truth is read, before and after going on."""
    monkeypatch.setattr("os.fsync", lambda _: None)
    key = {"MLOPS_STATE_KEY": "k"}
    path = tmp_path / "state.db"
    for target in ("dev", "prod"):
        store = SqliteStore(path, target, environ=key)
        fill(store, target)
        store.close()
    store = SqliteStore(path, "dev", environ=key)
    wanted, whole = facts(store), path.read_bytes()
    after = go_on(store)
    store.close()
    chance, silent = random.Random(20260203), []
    for place in [*range(100), *(chance.randrange(len(whole)) for _ in range(400))]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        if not _detected_or_harmless(path, key, wanted, after):
            silent.append(place)
        for end in ("-journal", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
    assert silent == []


def _detected_or_harmless(path: Path, key: dict[str, str], wanted: object, after: object) -> bool:
    try:
        store = SqliteStore(path, "dev", environ=key)
    except StateError:
        return True
    try:
        store._connection.execute("PRAGMA synchronous = OFF")
        return facts(store) == wanted and go_on(store) == after
    except StateError:
        return True
    finally:
        store.close()


def test_f25_a_full_disk_is_told_with_the_path_and_loses_nothing_acknowledged(path: Path, open_at: Open) -> None:
    store = open_at(path)
    fill(store)
    before = store.read()
    with store.lock({}, timeout_s=0):
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StateError, match=r"state\.db: database or disk is full; check the folder's space"):
            store.note(address(99), Entry({"text": "x" * 100_000}))
    assert open_at(path).read() == before
