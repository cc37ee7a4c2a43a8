"""An upgrade of the schema that is killed at any statement leaves the old file or a newer one, never half of either."""

import json
import shutil
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from newer_schema import STEPS

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record import schema
from reconciler.record.codec import row_digest
from reconciler.record.database import Engine, connect
from reconciler.record.schema import MIGRATIONS
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Run

BLUE = Address("deployment", "blue", endpoint="credit")
OLD = len(MIGRATIONS)
NEWER = Engine(migrations=STEPS)
KEY = {"MLOPS_STATE_KEY": "k"}

# A copy of the file for every statement of the upgrade, each in a process that is killed at its one.
AT_EVERY_STATEMENT = """
import shutil
sys.path.insert(0, sys.argv[2])
from newer_schema import STEPS
from reconciler.record.database import Engine, connect
from reconciler.record.schema import MIGRATIONS

STEPS = MIGRATIONS if "today" in sys.argv else STEPS

def killing(kill_at):
    seen = 0
    def count(statement):
        nonlocal seen
        seen += 1
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    def opened(path):
        connection = connect(path)
        connection.set_trace_callback(count)
        return connection
    return Engine(connect=opened, migrations=STEPS)

kill_at = 0
while True:
    kill_at += 1
    copy = path.parent / str(kill_at)
    copy.mkdir()
    shutil.copy(path, copy)
    child = os.fork()
    if not child:
        SqliteStore(copy / path.name, "dev", environ={"MLOPS_STATE_KEY": "k"}, engine=killing(kill_at)).close()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
        break
print(kill_at)
"""


def shape(path: Path) -> tuple[int, list[str]]:
    """The version, and the columns of what the new steps make."""
    with closing(connect(path)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(notes)")]
        rows = connection.execute(f"SELECT {', '.join(columns)} FROM notes").fetchall() if columns else []
        assert all(all(row) for row in rows)
        assert len(rows) == bool(columns)
        return schema.version(connection), columns


@pytest.fixture
def recorded(tmp_path: Path) -> tuple[Path, State]:
    """A file of the schema of today, and what it holds."""
    path = tmp_path / "state.db"
    with closing(SqliteStore(path, "dev", environ=KEY)) as store, store.lock({}, timeout_s=0):
        store.note(BLUE, Entry({"n": 1}))
        return path, store.read()


def test_f38_an_upgrade_that_is_killed_at_any_statement_is_whole_or_absent(recorded: tuple[Path, State], start) -> None:
    path, state = recorded
    points = int(start(AT_EVERY_STATEMENT, path, Path(__file__).parent).communicate(timeout=120)[0])
    seen = set()
    for point in range(1, points):
        copy = path.parent / str(point) / path.name
        version, columns = shape(copy)
        seen.add(version)
        assert columns == {OLD: [], OLD + 1: ["address"], OLD + 2: ["address", "author"]}[version]
        if version > OLD:
            backup = copy.with_name(f"state.db.backup-schema-{OLD}")
            shutil.copy(backup, copy.with_name("old.db"))
            with closing(SqliteStore(copy.with_name("old.db"), "dev", environ=KEY)) as old:
                assert old.read() == state
            with pytest.raises(StateError, match=rf"state schema {version}, this tool knows {OLD}; upgrade mlops"):
                SqliteStore(copy, "dev", environ=KEY)
        with closing(SqliteStore(copy, "dev", environ=KEY, engine=NEWER)) as store:
            assert store.read() == state
        assert shape(copy) == (OLD + 2, ["address", "author"])
    assert seen == {OLD, OLD + 1, OLD + 2}
    assert points > 12


def test_f38_a_file_from_before_there_were_inverses_becomes_one_of_today_whole_or_not_at_all(
    tmp_path: Path, start
) -> None:
    path, before = tmp_path / "state.db", Engine(migrations=MIGRATIONS[:1])
    run = Run("run-1", "apply", "dev", "T0", commit="c")
    with closing(SqliteStore(path, "dev", environ=KEY, engine=before)) as store, store.lock({}, timeout_s=0):
        store.begin_run(run)
        store.note(BLUE, Entry({"n": 1}))
        state = store.read()
    rewrite_run(path, {name: value for name, value in asdict(run).items() if name not in ("steps", "origin")})
    points = int(start(AT_EVERY_STATEMENT, path, Path(__file__).parent, "today").communicate(timeout=120)[0])
    versions = set()
    for point in range(1, points):
        copy = path.parent / str(point) / path.name
        with closing(connect(copy)) as connection:
            versions.add(schema.version(connection))
        with closing(SqliteStore(copy, "dev", environ=KEY)) as store, store.lock({}, timeout_s=0):
            assert (store.read(), store.runs(), store.inverse("run-1")) == (state, (run,), None)
            store.begin_run(replace(run, id="run-2"), Inverse({BLUE: {"n": 1}}))
            assert store.inverse("run-2") == Inverse({BLUE: {"n": 1}})
    assert versions == {1, len(MIGRATIONS)}


def rewrite_run(path: Path, body: dict[str, object]) -> None:
    """Write a run as a former version of the tool did, with the digest that fits."""
    values = (body["id"], body["target"], json.dumps(body))
    with closing(connect(path)) as connection:
        query = "UPDATE runs SET body = ?, digest = ? WHERE id = ?"
        connection.execute(query, (values[2], row_digest(values), body["id"]))


def test_f38_an_old_tool_that_is_refused_leaves_the_newer_file_as_it_is(recorded: tuple[Path, State]) -> None:
    path, state = recorded
    SqliteStore(path, "dev", environ=KEY, engine=NEWER).close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="E-STATE-NEWER"):
        SqliteStore(path, "dev", environ=KEY)
    assert path.read_bytes() == before
    with closing(SqliteStore(path, "dev", environ=KEY, engine=NEWER)) as store:
        assert store.read() == state


def test_f38_a_run_of_the_old_tool_stops_when_the_file_is_upgraded_under_it(recorded: tuple[Path, State]) -> None:
    path, _ = recorded
    with closing(SqliteStore(path, "dev", environ=KEY)) as old, old.lock({}, timeout_s=0):
        SqliteStore(path, "dev", environ=KEY, engine=NEWER).close()
        with pytest.raises(StateError, match="the schema was upgraded while this run went on; upgrade mlops"):
            old.note(BLUE, None)


def test_the_first_backup_of_an_upgrade_stays(recorded: tuple[Path, State]) -> None:
    path, _ = recorded
    kept = path.with_name(f"state.db.backup-schema-{OLD}")
    SqliteStore(path, "dev", environ=KEY, engine=NEWER).close()
    first = kept.read_bytes()
    path.write_bytes(first)
    with closing(SqliteStore(path, "dev", environ=KEY)) as store, store.lock({}, timeout_s=0):
        store.note(BLUE, None)
    SqliteStore(path, "dev", environ=KEY, engine=NEWER).close()
    assert kept.read_bytes() == first


def test_a_file_of_todays_schema_has_no_backup_of_an_upgrade(recorded: tuple[Path, State]) -> None:
    path, _ = recorded
    SqliteStore(path, "dev", environ=KEY).close()
    assert not list(path.parent.glob("*schema*"))
