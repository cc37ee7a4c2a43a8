"""A record in PostgreSQL: what it refuses, what its messages tell, and how its schema grows."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.state import Entry
from reconciler.errors import LockHeldError, StateError
from reconciler.record import postgres_schema
from reconciler.record.postgres import PostgresStore
from reconciler.record.postgres_place import place_of
from reconciler.record.postgres_session import Session
from reconciler.record.store import Run
from tests.postgres.fixtures import sql
from tests.postgres.pooler import pooled

BLUE = Address("deployment", "blue", endpoint="credit")
HOLDER = {"id": "1", "user": "ana", "host": "laptop", "pid": 7, "command": "apply", "started": "2026-02-03T12:04:31Z"}
Open = Callable[..., PostgresStore]

HOLD = """
import sys
from pathlib import Path
from reconciler.record.postgres import PostgresStore
store = PostgresStore(sys.argv[1], "dev", Path(sys.argv[2]), environ={})
with store.lock({"user": "ana"}, timeout_s=5):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[Open]:
    """Opens stores that are closed after the test."""
    opened: list[PostgresStore] = []

    def open_store(url: str, target: str = "dev", **parameters: object) -> PostgresStore:
        given = {"environ": {}, "reconnect_s": 5} | parameters
        opened.append(PostgresStore(url, target, tmp_path / ".mlops" / "state.key", **given))  # type: ignore[arg-type]
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.mark.parametrize("round_robin", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_a_pooler_in_transaction_mode_is_refused_with_what_to_do(
    postgres: str, postgres_url: str, open_at: Open, size: int, round_robin: bool
) -> None:
    with pooled(postgres, "transaction", size=size, round_robin=round_robin) as pool:
        # A few of its sessions at the server are there, as where others use it.
        sql(pool, *["SELECT 1"] * 3)
        with pytest.raises(
            StateError, match=r"E-STATE-POOLER: a pooler in transaction mode .*; name the server itself"
        ):
            open_at(postgres_url.replace(postgres, pool))
    assert sql(postgres, f"SELECT to_regnamespace('{postgres_url.partition('=')[2]}')") == [(None,)]


def test_a_pooler_in_session_mode_holds_the_lock(postgres: str, postgres_url: str, open_at: Open) -> None:
    with pooled(postgres, "session") as pool:
        store = open_at(postgres_url.replace(postgres, pool))
        with store.lock(HOLDER, timeout_s=0):
            store.note(BLUE, Entry({"n": 1}))
            with pytest.raises(LockHeldError, match="ana@laptop"), open_at(postgres_url).lock({}, timeout_s=0):
                pass
        assert set(open_at(postgres_url).read().entries) == {BLUE}


def test_a_newer_schema_is_refused(postgres_url: str, open_at: Open) -> None:
    store = open_at(postgres_url)
    with store.lock(HOLDER, timeout_s=0):
        sql(postgres_url, "UPDATE meta SET value = '9' WHERE name = 'schema'")
        with pytest.raises(StateError, match="the schema was upgraded while this run went on"):
            store.note(BLUE, Entry({}))
    with pytest.raises(StateError, match=r"E-STATE-NEWER: state schema 9, this tool knows \d+; upgrade mlops"):
        open_at(postgres_url)


def test_f38_a_migration_that_breaks_off_leaves_the_old_schema(postgres_url: str, open_at: Open) -> None:
    open_at(postgres_url).close()
    session = Session(place_of(postgres_url, "dev"))

    def breaks_off(session: Session) -> None:
        session.execute("CREATE TABLE half (x INTEGER)")
        raise KeyboardInterrupt

    known = postgres_schema.version(session)
    with pytest.raises(KeyboardInterrupt):
        postgres_schema.migrate(session, lambda: None, [*postgres_schema.MIGRATIONS, breaks_off])
    assert postgres_schema.version(session) == known == len(postgres_schema.MIGRATIONS)
    assert session.one("SELECT to_regclass('half')") is None
    session.close()


def test_f38_a_record_from_before_there_were_inverses_becomes_one_of_today(postgres_url: str, open_at: Open) -> None:
    run = Run("run-1", "apply", "dev", "T0")
    with closing(open_at(postgres_url)) as store, store.lock(HOLDER, timeout_s=0):
        store.begin_run(run)
        store.note(BLUE, Entry({"n": 1}))
        state = store.read()
    sql(postgres_url, "DROP TABLE inverses", "UPDATE meta SET value = '1' WHERE name = 'schema'")
    with closing(open_at(postgres_url)) as store, store.lock(HOLDER, timeout_s=0):
        assert (store.read(), store.runs(), store.inverse("run-1")) == (state, (run,), None)
        store.begin_run(replace(run, id="run-2"), Inverse({BLUE: {"n": 1}}))
        assert store.inverse("run-2") == Inverse({BLUE: {"n": 1}})
    assert sql(postgres_url, "SELECT value FROM meta WHERE name = 'schema'") == [
        (str(len(postgres_schema.MIGRATIONS)),)
    ]


def test_two_that_begin_a_record_at_once_begin_one(postgres_url: str, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from reconciler.record.postgres import PostgresStore\n"
        "store = PostgresStore(sys.argv[1], 'dev', Path(sys.argv[2]), environ={}); print(store.read().lineage)"
    )
    argv = [sys.executable, "-W", "ignore", "-c", script, postgres_url, str(tmp_path / "state.key")]
    processes = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=120)[0] for process in processes}
    assert ([process.returncode for process in processes], len(said)) == ([0] * 4, 1)


def test_a_machine_without_the_key_is_told_where_to_get_it(postgres_url: str, open_at: Open, tmp_path: Path) -> None:
    open_at(postgres_url)
    key = (tmp_path / ".mlops/state.key").rename(tmp_path / "elsewhere.key")
    store = open_at(postgres_url)
    with pytest.raises(StateError, match=r"E-STATE-KEY: .* is shared, and so is its key: copy state.key from where"):
        store.secret_key()
    in_ci = open_at(postgres_url, environ={"MLOPS_STATE_KEY": key.read_text().strip()})
    assert in_ci.secret_key().hex() == key.read_text().strip()


def test_two_schemas_of_one_database_are_two_records(postgres_url: str, open_at: Open) -> None:
    one, other = open_at(postgres_url), open_at(f"{postgres_url}b")
    with one.lock(HOLDER, timeout_s=0), other.lock(HOLDER, timeout_s=0):
        one.note(BLUE, Entry({}))
    assert (other.read().entries, other.read().lineage == one.read().lineage) == ({}, False)
    sql(postgres_url, f"DROP SCHEMA {postgres_url.partition('=')[2]}b CASCADE")


ROWS = {
    "a changed spec": "UPDATE entries SET spec = replace(spec, '1', '2')",
    "a changed generation": "UPDATE entries SET generation = 5",
    "a vanished entry": "DELETE FROM entries",
    "a changed serial": "UPDATE targets SET serial = serial - 1",
    "a vanished target": "DELETE FROM targets",
}


@pytest.mark.parametrize("what", ROWS)
def test_f24_a_row_that_was_tampered_with_is_never_believed(postgres_url: str, open_at: Open, what: str) -> None:
    store = open_at(postgres_url)
    with store.lock(HOLDER, timeout_s=0):
        store.note(BLUE, Entry({"n": 1}))
    sql(postgres_url, ROWS[what])
    with pytest.raises(StateError, match=r"E-STATE-DAMAGED: .*`mlops state export --backup 1 FILE`"):
        store.read()
    with pytest.raises(StateError, match="E-STATE-DAMAGED"), store.lock(HOLDER, timeout_s=0):
        pass


def test_as_many_copies_are_kept_as_runs_were_last(postgres_url: str, open_at: Open) -> None:
    store = open_at(postgres_url)
    for number in range(13):
        with store.lock(HOLDER, timeout_s=0):
            store.note(BLUE, Entry({"n": number}))
    assert sql(postgres_url, "SELECT count(*), min((document::json ->> 'serial')::int) FROM copies") == [(10, 3)]


def test_f29_the_lock_of_a_killed_holder_is_free(postgres_url: str, open_at: Open, tmp_path: Path) -> None:
    store, pipe = open_at(postgres_url), subprocess.PIPE
    argv = [sys.executable, "-W", "ignore", "-c", HOLD, postgres_url, str(tmp_path / ".mlops" / "state.key")]
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(LockHeldError, match="target dev is locked by ana@"), store.lock(HOLDER, timeout_s=0.1):
            pass
        os.kill(process.pid, signal.SIGKILL)
        with store.lock(HOLDER, timeout_s=30):
            store.note(BLUE, Entry({}))


def test_a_run_that_fails_lets_the_lock_go_before_the_server_notices_the_end_of_its_session(
    postgres_url: str, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[Session] = []

    def close_late(session: Session) -> None:
        left.append(session)

    with monkeypatch.context() as slow:
        slow.setattr(Session, "close", close_late)
        with pytest.raises(KeyError), open_at(postgres_url).lock(HOLDER, timeout_s=0):
            raise KeyError
    with open_at(postgres_url).lock(HOLDER, timeout_s=0):
        assert len(left) == 1
    left[0].close()


def test_a_user_who_may_not_make_a_schema_is_told(postgres: str, postgres_url: str, open_at: Open) -> None:
    name = postgres_url.partition("=")[2]
    sql(postgres, f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2'", "REVOKE CREATE ON DATABASE postgres FROM PUBLIC")
    try:
        url = f"postgresql://{name}:hunter2@{postgres.rpartition('@')[2]}?schema={name}"
        with pytest.raises(
            StateError, match="permission denied for database postgres; the user needs a schema"
        ) as told:
            open_at(url)
        assert "hunter2" not in str(told.value)
        sql(postgres, f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        assert open_at(url).read().serial == 0
    finally:
        sql(postgres, f"DROP SCHEMA IF EXISTS {name} CASCADE", f"DROP ROLE {name}")


def test_a_wrong_password_is_told_without_it(postgres: str, open_at: Open) -> None:
    said = r"password authentication failed .*; give this user's password in PGPASSWORD or PGPASSFILE"
    with pytest.raises(StateError, match=said) as told:
        open_at(postgres.replace("canary", "hunter2"))
    assert "hunter2" not in str(told.value)
