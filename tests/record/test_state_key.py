"""The key of a record's secrets: made at birth, from a file or the environment, and missed when it is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import StateError
from reconciler.record.sqlite import SqliteStore

Open = Callable[..., SqliteStore]


def test_the_key_is_made_at_birth_and_stays(path: Path, open_at: Open) -> None:
    first, second = open_at(path).secret_key(), open_at(path, "prod").secret_key()
    assert (len(first), first == second) == (32, True)


def test_two_records_have_two_keys(tmp_path: Path, open_at: Open) -> None:
    assert open_at(tmp_path / "a" / "s.db").secret_key() != open_at(tmp_path / "b" / "s.db").secret_key()


def test_a_key_from_the_environment_is_never_written_down(path: Path, open_at: Open) -> None:
    open_at(path, environ={"MLOPS_STATE_KEY": "any text"})
    assert not path.with_suffix(".key").exists()


def test_an_empty_variable_counts_as_none(path: Path, open_at: Open) -> None:
    open_at(path, environ={"MLOPS_STATE_KEY": ""})
    assert path.with_suffix(".key").exists()


def test_a_lost_key_is_told_with_what_it_means(path: Path, open_at: Open) -> None:
    open_at(path)
    path.with_suffix(".key").unlink()
    with pytest.raises(StateError) as told:
        open_at(path).secret_key()
    assert "state.key: E-STATE-KEY: the key of the state's secrets is lost; restore state.key from a backup" in str(
        told.value
    )
    assert "Without it no recorded secret can be compared" in str(told.value)


def test_another_key_is_refused(path: Path, open_at: Open) -> None:
    open_at(path)
    with pytest.raises(
        StateError, match="MLOPS_STATE_KEY: E-STATE-KEY: this is not the key that the state was made with"
    ):
        open_at(path, environ={"MLOPS_STATE_KEY": "other"}).secret_key()


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "a" * 63 + "ü"])
def test_a_damaged_key_file_is_refused(path: Path, open_at: Open, text: str) -> None:
    open_at(path)
    path.with_suffix(".key").write_text(text, encoding="utf-8")
    with pytest.raises(StateError, match=r"state\.key: .*restore state\.key"):
        open_at(path).secret_key()


def test_a_key_that_outlived_its_record_is_used_again(path: Path, open_at: Open) -> None:
    store = open_at(path)
    key, lineage = store.secret_key(), store.read().lineage
    store.close()
    path.unlink()
    again = open_at(path)
    assert (again.secret_key() == key, again.read().lineage == lineage) == (True, False)
