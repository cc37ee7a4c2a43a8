"""What manifests name is known by what the disk says of it: equal answers, equal content."""

import os
import time
from pathlib import Path

import pytest

from reconciler.load import Options, load
from reconciler.load.disk import stat_index
from reconciler.load.disk.digest import content_digest
from reconciler.load.disk.named import Seen, seen_at
from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.place import Bounds
from tests.waiting import until

LATER_NS = 60_000_000_000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code" / "deep").mkdir(parents=True)
    (tmp_path / "code" / "score.py").write_text("one")
    (tmp_path / "code" / "deep" / "more.py").write_text("two")
    (tmp_path / "code" / ".amlignore").write_text("*.log\nMLmodel\n")
    return tmp_path


def seen(*names: str, later_ns: int = LATER_NS) -> dict[str, Seen]:
    here = Path.cwd()
    index = StatIndex(here / ".mlops" / "cache", now=lambda: (here / "code").stat().st_ctime_ns + later_ns)
    found = seen_at([str(here / name) for name in names], index, Bounds(base=str(here), root=str(here)))
    return {os.path.relpath(path, here): each for path, each in found.items()}


def test_the_digest_is_that_of_the_content(folder: Path):
    for _ in range(2):
        found = seen("code", "code/score.py", "nowhere")
        assert {name: each.content for name, each in found.items()} == {
            "code": content_digest(folder / "code"),
            "code/score.py": content_digest(folder / "code" / "score.py"),
        }


def test_a_disk_that_gives_little_at_once_is_read_to_the_end(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (folder / "code" / "score.py").write_text("0123456789" * 10)
    before, real = content_digest(folder / "code" / "score.py"), os.read
    monkeypatch.setattr(os, "read", lambda descriptor, most: real(descriptor, min(most, 7)))
    assert seen("code/score.py")["code/score.py"].content == before


def test_what_was_read_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch):
    first = seen("code", "code/score.py")
    monkeypatch.setattr("reconciler.load.disk.stat_index.descriptor_of", lambda path: pytest.fail(f"{path} is read"))
    assert seen("code", "code/score.py") == first


def test_of_a_changed_folder_the_changed_file_alone_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch):
    first, read, real = seen("code"), list[str](), stat_index.descriptor_of
    (folder / "code" / "score.py").write_text("six")
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: read.append(Path(path).name) or real(path))
    assert seen("code")["code"].content == content_digest(folder / "code") != first["code"].content
    assert read == ["score.py"]


def test_an_ignored_file_is_no_content_but_a_description_is_seen(folder: Path):
    first = seen("code")["code"]
    (folder / "code" / "x.log").write_text("x")
    assert seen("code")["code"] == first
    (folder / "code" / "MLmodel").write_text("x")
    second = seen("code")["code"]
    assert second.content == first.content
    assert second.everything != first.everything


def test_where_a_link_leads_is_seen(folder: Path):
    (folder / "a").write_text("same")
    (folder / "b").write_text("same")
    link = folder / "code" / "link"
    link.symlink_to("../a")
    first = seen("code")["code"]
    link.unlink()
    link.symlink_to("../b")
    second = seen("code")["code"]
    assert second.content == first.content
    assert second.everything != first.everything


def test_a_link_that_leads_out_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("x")
    (folder / "code" / "link").symlink_to(outside)
    with pytest.raises(OSError, match="outside"):
        seen("code")
    with pytest.raises(OSError, match="outside"):
        seen("code/link")


def test_many_places_are_asked_for_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    names = [f"codes/c{number}" for number in range(40)]
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "score.py").write_text(name)
    asked, real = list[str](), stat_index.read_rows
    monkeypatch.setattr(
        stat_index, "read_rows", lambda cache, table, keys: asked.append(table) or real(cache, table, keys)
    )
    first = seen(*names)
    assert {name: each.content for name, each in first.items()} == {
        name: content_digest(folder / name) for name in names
    }
    assert seen(*names) == first
    assert len(asked) < len(names)


def test_large_content_is_digested_once_whatever_else_changes(folder: Path, monkeypatch: pytest.MonkeyPatch):
    model = (
        "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\nname: big\nversion: 1\npath: ../big\n"
    )
    (folder / "m").mkdir()
    (folder / "m" / "model.yml").write_text(model)
    (folder / "big").write_bytes(b"x" * (1 << 20))
    os.utime(folder / "big", (50, 50))
    aged = stat_index.SAFE_NS + (folder / "big").stat().st_ctime_ns
    until(lambda: time.time_ns() > aged)
    read, real = list[str](), stat_index.descriptor_of
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: read.append(Path(path).name) or real(path))
    digests = [load("m", Options(cache=folder / "cache")).manifests[0].contents["path"].digest for _ in range(2)]
    assert (digests, read) == ([content_digest(folder / "big")] * 2, ["big"])
    (folder / "big").write_bytes(b"y" * (1 << 20))
    assert load("m", Options(cache=folder / "cache")).manifests[0].contents["path"].digest == content_digest(
        folder / "big"
    )
