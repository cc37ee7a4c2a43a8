"""A power cut at any moment loses nothing that was acknowledged, damages no file and leaves no half transaction."""

import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from losing_disk import LosingDisk
from stages import BLUE, STAGES, fits, stages_in
from through_apsw import Connection

from reconciler.core.state import Entry
from reconciler.errors import StateError
from reconciler.record.database import Engine, connect, safe_journal, set_up
from reconciler.record.sqlite import SqliteStore

KEEPS = (0.0, 0.5, 1.0, 0.5, 0.2)
"""The chance of each unsynced thing to survive, in turns: nothing, some, everything."""


@dataclass(frozen=True)
class Cut:
    """What a disk held after a cut, and what had been acknowledged by then: identity and key, and the stages."""

    folder: Path
    born: tuple[str, bytes] | None
    done: tuple[str, ...]


def cuts(folder: Path, monkeypatch: pytest.MonkeyPatch, journal: str, seed: int, *pragmas: str) -> list[Cut]:
    """Let a store live on a disk that forgets, and cut the power at every moment of its life."""
    root, images = folder / "disk", folder / "images"
    root.mkdir()
    images.mkdir()
    found: list[Cut] = []
    born: list[tuple[str, bytes]] = []
    done: list[str] = []

    def cut() -> None:
        image = images / str(len(found))
        disk.image(image, KEEPS[len(found) % len(KEEPS)])
        found.append(Cut(image, born[0] if born else None, tuple(done)))

    def on_disk(path: Path) -> Any:
        connection: Any = Connection(path, disk.name)
        # A file system without shared memory can hold a WAL only for one connection.
        for pragma in (*(["locking_mode = EXCLUSIVE"] if journal == "WAL" else []), "", *pragmas):
            connection.execute(f"PRAGMA {pragma}") if pragma else set_up(connection)
        return connection

    disk = LosingDisk(root, random.Random(seed), cut)
    with closing(disk), monkeypatch.context() as patch:
        patch.setattr("os.fsync", disk.fsync)
        store = SqliteStore(
            root / ".mlops" / "state.db", "dev", environ={}, engine=Engine(connect=on_disk, journal=journal)
        )
        with closing(store):
            born.append((store.read().lineage, store.secret_key()))
            with store.lock({}, timeout_s=0):
                for name, stage in STAGES.items():
                    stage(store)
                    done.append(name)
                    cut()
    return found


def wrong(cut: Cut) -> str:
    """What is not as it must be after a cut; empty if all is."""
    path = cut.folder / ".mlops" / "state.db"
    try:
        with closing(opened(path)) as store:
            if cut.born and cut.born != (store.read().lineage, store.secret_key()):
                return "another identity"
            if not fits(store, list(cut.done)):
                return f"acknowledged {cut.done}, found {sorted(stages_in(store))}"
            with store.lock({}, timeout_s=0):
                store.note(BLUE, Entry({"n": 7}))
        for backup in path.parent.glob("state.db.backup-*"):
            backup.replace(path)
            with closing(opened(path)) as store:
                store.read()
    except StateError as error:
        return str(error)
    return ""


def opened(path: Path) -> SqliteStore:
    """The store as any run opens it, but for the syncs, which cost time and after the cut tell nothing."""

    def hasty(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    return SqliteStore(path, "dev", environ={}, engine=Engine(connect=hasty))


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 3)], ids=lambda version: ".".join(map(str, version)))
@pytest.mark.parametrize("seed", [1, 2])
def test_f27_no_power_cut_loses_what_was_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], seed: int
) -> None:
    made = cuts(tmp_path, monkeypatch, safe_journal(version), seed)
    monkeypatch.setattr("os.fsync", lambda _: None)
    assert [found for cut in made if (found := wrong(cut))] == []
    assert len(made) >= 144
    assert {cut.done for cut in made} == {tuple(STAGES)[:n] for n in range(len(STAGES) + 1)}


PLANTED = {
    "a WAL that is synced at checkpoints alone": ("WAL", "synchronous = NORMAL"),
    "a WAL that is never synced": ("WAL", "synchronous = OFF"),
    "a journal whose removal is not synced": ("DELETE", "synchronous = FULL"),
    "a journal that is never synced": ("DELETE", "synchronous = OFF"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_f27_the_cuts_find_a_setting_that_loses_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    journal, pragma = PLANTED[planted]
    made = cuts(tmp_path, monkeypatch, journal, 1, pragma)
    monkeypatch.setattr("os.fsync", lambda _: None)
    found = [wrong(cut) for cut in made if cut.done]
    assert [each for each in found if each.startswith("acknowledged") or "E-STATE-DAMAGED" in each]


@pytest.mark.parametrize("planted", ["sync_folder", "_sync"])
def test_f27_the_cuts_find_a_file_that_is_laid_down_without_a_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(f"reconciler.record.files.{planted}", lambda _: None)
        made = cuts(tmp_path, monkeypatch, "DELETE", 1)
    monkeypatch.setattr("os.fsync", lambda _: None)
    assert [found for cut in made if (found := wrong(cut))]
