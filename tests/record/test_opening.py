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


def test_postgresql_is_refused_without_showing_its_password(tmp_path: Path) -> None:
    with pytest.raises(StateError) as told:
        open_store("postgresql://ana:hunter2@db/x", root=tmp_path, target="prod")
    assert str(told.value) == (
        "target prod: a state in PostgreSQL is not built yet; use a file, as `state: .mlops/state.db`"
    )


def test_an_unknown_location_is_refused_by_its_scheme(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="target dev: no store is known for `state: s3:…`; use a path, sqlite:PATH"):
        open_store("s3://key:hunter2@bucket", root=tmp_path, target="dev")
