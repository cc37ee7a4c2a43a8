"""A location says which store is opened."""

from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.record.memory import MemoryStore
from reconciler.record.opening import open_store


@pytest.mark.parametrize("location", [".mlops/state.db", "sqlite:.mlops/state.db", "sqlite:"])
def test_a_relative_path_counts_from_the_root(tmp_path: Path, location: str) -> None:
    open_store(location, root=tmp_path, target="dev").close()
    assert (tmp_path / ".mlops" / "state.db").exists()


@pytest.mark.parametrize("form", ["{}", "sqlite:{}", "sqlite:///{}"])
def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path, form: str) -> None:
    open_store(form.format(tmp_path / "s.db"), root=tmp_path / "elsewhere", target="dev").close()
    assert (tmp_path / "s.db").exists()


def test_memory_keeps_nothing(tmp_path: Path) -> None:
    store = open_store("memory:", root=tmp_path, target="dev")
    assert (isinstance(store, MemoryStore), list(tmp_path.iterdir())) == (True, [])


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_a_url_of_postgresql_is_a_record_there(tmp_path: Path, postgres_url: str, scheme: str) -> None:
    store = open_store(postgres_url.replace("postgresql", scheme), root=tmp_path, target="prod")
    assert (store.read().serial, (tmp_path / ".mlops" / "state.key").exists()) == (0, True)
    store.close()


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("ana:hunter2@127.0.0.1:1/x", "postgresql://ana@127.0.0.1:1/x: "),
        ("ana:hunt/er2@db/x", "target prod: its state is no URL as postgresql://USER@HOST:PORT/DATABASE; write signs"),
        ("ana:12/hunter2@db/x", "target prod: its state is no URL"),
        ("ana:hunter@2@db/x", "target prod: its state is no URL"),
        ("ana:hunter2?@127.0.0.1:1/x?schema=a", "postgresql://ana@127.0.0.1:1/x?schema=a: "),
        ("ana:hunter2#@127.0.0.1:1/x", "postgresql://ana@127.0.0.1:1/x: "),
        ("db/x?password=hunter2&nonsense=1", "target prod: its state is no URL"),
        ("127.0.0.1:1/x?password=hunter2", "postgresql://127.0.0.1:1/x: "),
        ("ana:hunter2@db/x?lease=0", "target prod: ?lease= of its state is a number of seconds from 1 on"),
        ("ana:hunter2@db/x?schema=A", "target prod: ?schema= of its state is a name of small letters"),
    ],
)
def test_no_message_shows_a_part_of_a_password(tmp_path: Path, rest: str, said: str) -> None:
    with pytest.raises(StateError) as told:
        open_store(f"postgresql://{rest}", root=tmp_path, target="prod")
    assert str(told.value).startswith(said)
    assert "hunt" not in str(told.value)


def test_an_unknown_location_is_refused_by_its_scheme(tmp_path: Path) -> None:
    with pytest.raises(
        StateError, match="target dev: no store is known for `state: s3:…`; use a path, sqlite:PATH, postgresql"
    ):
        open_store("s3://key:hunter2@bucket", root=tmp_path, target="dev")
