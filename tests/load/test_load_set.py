"""A set of manifests is known by what its files hold: equal ids, equal files under equal names."""

import os
from pathlib import Path

import pytest

from reconciler.load.disk import stat_index
from reconciler.load.disk.blob_id import blob_id
from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.folder import located
from reconciler.load.sets.manifest_set import ManifestSet, manifest_set


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("m/a.yml", "m/deep/b.YAML", "m/deep/mlops.yaml"):
        put(name, name)
    for name in (
        "m/mlops.yaml",
        "m/.hidden.yml",
        "m/.idea/c.yml",
        "m/node_modules/d.yml",
        "m/__pycache__/e.yml",
        "m/f.txt",
    ):
        put(name, "not read")
    return tmp_path


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


def taken(path: str = "m", *, later_s: int = 60) -> ManifestSet | None:
    latest = max(file.lstat().st_ctime_ns for file in Path(path).rglob("*"))
    return manifest_set(path, StatIndex(Path.cwd() / ".mlops" / "cache", now=lambda: latest + later_s * 10**9))


def known(path: str = "m") -> ManifestSet:
    found = taken(path)
    assert found
    return found


def test_it_has_the_files_that_a_load_reads_under_git_s_ids(folder: Path):
    read = {here.relative: blob_id(Path(here.path).read_bytes()) for here in located("m").files}
    assert sorted(read) == ["a.yml", "deep/b.YAML", "deep/mlops.yaml"]
    for _ in range(2):
        assert known().blobs() == read


def test_no_file_is_opened_that_looks_as_it_did(monkeypatch: pytest.MonkeyPatch):
    first, opened, real = known(), list[str](), stat_index.descriptor_of
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: opened.append(os.path.relpath(path)) or real(path))
    assert known() == first
    assert opened == []
    put("m/a.yml", "other")
    assert known() != first
    assert opened == ["m/a.yml"]


def test_it_tells_the_files_that_differ_from_an_earlier_one():
    first = known()
    put("m/a.yml", "other")
    put("m/new.yml", "new")
    Path("m/deep/b.YAML").unlink()
    second = known()
    assert second.differing(first.id) == {"a.yml": blob_id(b"other"), "new.yml": blob_id(b"new"), "deep/b.YAML": ""}
    assert second.differing(second.id) == {}
    assert second.differing("0" * 64) is None


def test_a_file_of_just_now_is_not_believed_to_have_been_read(monkeypatch: pytest.MonkeyPatch):
    first = taken(later_s=1)
    opened, real = list[str](), stat_index.descriptor_of
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: opened.append(os.path.relpath(path)) or real(path))
    assert taken(later_s=1) == first
    assert len(opened) == 3


def test_a_file_of_the_future_is_read(monkeypatch: pytest.MonkeyPatch):
    first = known()
    opened, real = list[str](), stat_index.descriptor_of
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: opened.append(os.path.relpath(path)) or real(path))
    assert taken(later_s=-60) == first
    assert len(opened) == 3


def test_a_file_of_centuries_to_come_is_read_each_time(monkeypatch: pytest.MonkeyPatch):
    os.utime("m/a.yml", (0, 10_413_792_000))  # of the year 2300: nanoseconds since 1970 do not fit 64 bits there
    first, opened, real = known(), list[str](), stat_index.descriptor_of
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: opened.append(os.path.relpath(path)) or real(path))
    assert known() == first
    assert opened == ["m/a.yml"]


def test_a_link_to_nowhere_is_for_a_load_to_say():
    put(".git/HEAD", "")
    Path("m/link.yml").symlink_to("nowhere.yml")
    assert taken() is None


def test_where_a_link_leads_counts_and_one_that_leads_out_is_for_a_load_to_say(
    tmp_path_factory: pytest.TempPathFactory,
):
    put(".git/HEAD", "")
    put("one", "x")
    put("two", "x")
    Path("m/link.yml").symlink_to("../one")
    first = known()
    assert first.blobs()["link.yml"] == blob_id(b"x")
    Path("m/link.yml").unlink()
    Path("m/link.yml").symlink_to("../two")
    second = known()
    assert second.blobs() == first.blobs()
    assert second != first
    assert second.differing(first.id) == {"link.yml": blob_id(b"x")}
    outside = tmp_path_factory.mktemp("outside") / "x"
    outside.write_text("x")
    Path("m/link.yml").unlink()
    Path("m/link.yml").symlink_to(outside)
    assert taken() is None


@pytest.mark.parametrize("path", ["m/a.yml", "nowhere", "HEAD:m"])
def test_what_is_no_folder_has_none(path: str):
    assert manifest_set(path, StatIndex(None)) is None
