"""Copies of the state file: one from before each of the last runs that wrote, whatever the clock says."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.address import Address
from reconciler.core.state import Entry, State
from reconciler.errors import StateError
from reconciler.record.backups import KEPT, newest_backup
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Run

Open = Callable[..., SqliteStore]

BLUE = Address("deployment", "blue", endpoint="credit")


def write(store: SqliteStore, number: int) -> None:
    with store.lock({}, timeout_s=0):
        store.note(BLUE, Entry({"n": number}))
        store.begin_run(Run(f"run-{number}", "apply", "dev", "T0"))


def backups(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.glob("state.db.backup*"))


def restored(path: Path, backup: Path, open_at: Open) -> State:
    path.write_bytes(backup.read_bytes())
    return open_at(path).read()


def test_a_backup_is_the_state_before_its_run(path: Path, open_at: Open) -> None:
    store, states = open_at(path), {}
    for number in range(1, 4):
        states[f"state.db.backup-{number}"] = store.read()
        write(store, number)
    store.close()
    assert backups(path) == list(states)
    for name, state in states.items():
        assert restored(path, path.with_name(name), open_at) == state


def test_the_last_ten_are_kept(path: Path, open_at: Open) -> None:
    store = open_at(path)
    for number in range(KEPT + 3):
        write(store, number)
    assert backups(path) == sorted(f"state.db.backup-{number}" for number in range(4, KEPT + 4))


def test_a_run_that_writes_nothing_keeps_none(path: Path, open_at: Open) -> None:
    store = open_at(path)
    write(store, 1)
    before = {file.name: file.stat().st_mtime_ns for file in path.parent.glob("state.db.backup*")}
    with store.lock({}, timeout_s=0):
        store.read()
    assert {file.name: file.stat().st_mtime_ns for file in path.parent.glob("state.db.backup*")} == before


def test_the_newest_has_the_highest_number_whatever_the_time(path: Path, open_at: Open) -> None:
    store = open_at(path)
    for number in range(KEPT + 1):
        write(store, number)
    os.utime(path.with_name("state.db.backup-5"), (4e9, 4e9))
    assert newest_backup(path) == path.with_name(f"state.db.backup-{KEPT + 1}")


def test_files_of_other_names_are_no_backups_and_stay(path: Path, open_at: Open) -> None:
    store = open_at(path)
    others = ["state.db.backup", "state.db.backup-old", "state.db.backup-99.gz", "other.db.backup-7"]
    for name in others:
        path.with_name(name).write_text("mine")
    for number in range(KEPT + 3):
        write(store, number)
    assert [path.with_name(name).read_text() for name in others] == ["mine"] * 4
    assert newest_backup(path) == path.with_name(f"state.db.backup-{KEPT + 3}")


@pytest.mark.parametrize("how", ["cut", "overwritten"])
def test_f24_a_damaged_file_names_the_newest_backup(path: Path, open_at: Open, how: str) -> None:
    store = open_at(path)
    for number in range(1, 3):
        write(store, number)
    store.close()
    path.write_bytes(path.read_bytes()[:5000] if how == "cut" else b"x" * 5000)
    with pytest.raises(StateError, match=r"restore the backup state\.db\.backup-2 beside it, or move it away"):
        open_at(path).read()


def test_a_backup_for_which_there_is_no_space_refuses_the_run_before_it_writes(
    path: Path, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_at(path)
    write(store, 1)
    before = store.read()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with store.lock({}, timeout_s=0), monkeypatch.context() as patch:
        patch.setattr("os.link", full)
        with pytest.raises(StateError, match=r"state\.db: cannot be used as state: .*No space left on device"):
            store.note(BLUE, None)
    assert (store.read(), backups(path)) == (before, ["state.db.backup-1"])
    assert not list(path.parent.glob(".state.db*"))
