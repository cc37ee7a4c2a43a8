"""A full or broken disk at every n-th write: what was acknowledged stays, the path is named, and then it goes on."""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from failing_disk import FailingCalls, FailingDisk, broken, full
from stages import STAGES, fits, stages_in
from through_apsw import Connection

from reconciler.core.manifest import Content
from reconciler.core.plan import Plan
from reconciler.errors import MlopsError, ProviderError, StateError
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.record.assets import AssetStore
from reconciler.record.database import Engine, set_up
from reconciler.record.sealing import SealKeys
from reconciler.record.sqlite import SqliteStore
from reconciler.saved import read_plan, save_plan
from tests.mounts import small

KEY = {"MLOPS_STATE_KEY": "k"}
FAULTS = {
    "F25 a full disk": ("xWrite", full, False),
    "F25 a disk that stays full": ("xWrite", full, True),
    "F26 a write that breaks": ("xWrite", broken, False),
    "F26 a disk that stays broken": ("xWrite", broken, True),
    "F26 a sync that breaks": ("xSync", broken, False),
    "F26 syncs that stay broken": ("xSync", broken, True),
    "F26 a removal that breaks": ("xDelete", broken, False),
}


def stored(path: Path, engine: Engine, acknowledged: list[str]) -> None:
    """The life of a store up to where it ends."""
    with closing(SqliteStore(path, "dev", environ=KEY, engine=engine)) as store, store.lock({}, timeout_s=0):
        for name, stage in STAGES.items():
            stage(store)
            acknowledged.append(name)


def refusal(work: Callable[[], None], error: type[MlopsError]) -> str:
    """What was said where the work was refused, empty where it was done."""
    try:
        work()
    except error as refused:
        return str(refused)
    return ""


def on(disk: FailingDisk) -> Engine:
    def connect(path: Path) -> Any:
        connection: Any = Connection(path, disk.name)
        set_up(connection)
        return connection

    return Engine(connect=connect)


def assert_goes_on(path: Path, acknowledged: list[str]) -> None:
    """All that was acknowledged is there, and another run does the rest."""
    with closing(SqliteStore(path, "dev", environ=KEY)) as store:
        assert fits(store, acknowledged)
        with store.lock({}, timeout_s=0):
            for name, stage in STAGES.items():
                if name not in stages_in(store):
                    stage(store)
        assert stages_in(store) == set(STAGES)


@pytest.mark.parametrize("fault", FAULTS)
def test_f25_f26_a_store_whose_nth_write_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    kind, error, forever = FAULTS[fault]
    at = 0
    while True:
        at += 1
        path, acknowledged = tmp_path / str(at) / "state.db", []
        path.parent.mkdir()
        disk = FailingDisk(f"failing-{tmp_path}", kind, at, error, forever=forever)
        told = refusal(lambda: stored(path, on(disk), acknowledged), StateError)  # noqa: B023 - called at once
        disk.unregister()
        if not disk.failed:
            break
        assert not told or str(path.parent) in told
        assert_goes_on(path, acknowledged)
    assert acknowledged == list(STAGES)
    assert at > len(STAGES)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
def test_f25_f26_a_store_whose_files_cannot_be_laid_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    at = 0
    while True:
        at += 1
        path, acknowledged = tmp_path / str(at) / "state.db", []
        path.parent.mkdir()
        with monkeypatch.context() as patch:
            calls = FailingCalls(patch, path.parent, at, number)
            told = refusal(lambda: stored(path, Engine(), acknowledged), StateError)  # noqa: B023 - called at once
        assert not told or str(path.parent) in told
        assert not list(path.parent.glob(".*"))
        if not calls.failed:
            break
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", lambda _: None)
            assert_goes_on(path, acknowledged)
    assert acknowledged == list(STAGES)
    assert at > 10


def plan() -> Plan:
    return Plan("dev", "lineage", 1, "tree", ())


def save(folder: Path) -> None:
    save_plan(folder / "plan.json", plan(), {"paths": []}, keys=SealKeys())


def saved(folder: Path) -> bool:
    return read_plan(folder / "plan.json", keys=SealKeys()).digest == plan().digest


def assets(folder: Path) -> AssetStore:
    source = folder.parent / "src"
    digest = content_digest(source)
    return AssetStore(
        folder / "assets",
        {digest: Content(digest, source.name, source)},
        digest_of=content_digest,
        files_of=content_files,
    )


def keep(folder: Path) -> None:
    assets(folder).path(content_digest(folder.parent / "src"))


def kept(folder: Path) -> bool:
    return content_digest(assets(folder).path(content_digest(folder.parent / "src"))) == content_digest(
        folder.parent / "src"
    )


FILES: dict[str, tuple[Callable[[Path], None], Callable[[Path], bool], type[MlopsError]]] = {
    "a saved plan": (save, saved, MlopsError),
    "an asset": (keep, kept, ProviderError),
}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS], ids=errno.errorcode.get)
@pytest.mark.parametrize("what", FILES)
def test_f25_f26_a_private_file_is_whole_or_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, number: int
) -> None:
    write, is_whole, error = FILES[what]
    (tmp_path / "src" / "deep").mkdir(parents=True)
    for name in ("score.py", "deep/more.py"):
        (tmp_path / "src" / name).write_text(f"{name}\n")
    at = 0
    while True:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        with monkeypatch.context() as patch:
            calls = FailingCalls(patch, folder, at, number)
            told = refusal(lambda: write(folder), error)  # noqa: B023 - called at once
        if not calls.failed:
            break
        assert not told or str(folder) in told
        assert [file.name for file in folder.iterdir() if file.is_file() and file.name.startswith(".")] == []
        write(folder)
        assert is_whole(folder)
    assert at > 3


def test_f25_a_small_disk_that_is_full_after_every_page(tmp_path: Path) -> None:
    """The kernel's own ENOSPC, for every page that a run's writes may be the last to get."""
    refused = 0
    with small(tmp_path / "disk", 1024) as disk:
        for pages in range(100):
            folder, acknowledged = disk / str(pages), []
            folder.mkdir()
            path, space = folder / "state.db", os.statvfs(disk)
            (disk / "filler").write_bytes(b"x" * (space.f_bavail - pages) * space.f_bsize)
            told = refusal(lambda: stored(path, Engine(), acknowledged), StateError)  # noqa: B023 - called at once
            (disk / "filler").unlink()
            assert not told or str(folder) in told
            refused += bool(told)
            assert_goes_on(path, acknowledged)
            shutil.rmtree(folder)
    assert 10 < refused < 100
