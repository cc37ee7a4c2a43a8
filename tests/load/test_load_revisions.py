"""What is laid out of a revision is what git has, whatever became of it since: by git's own tree each time."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import ManifestError, MlopsError
from reconciler.load import Options, load
from reconciler.load.disk import stat_index
from reconciler.load.repository import revision
from reconciler.load.repository.revision import laid_out
from tests.git_here import git
from tests.waiting import until

ENDPOINT = "$schema: managedOnlineEndpoint.schema.json\nname: iris\ndescription: a\n"
MODEL = "$schema: model.schema.json\nname: risk\nversion: 1\npath: weights\n"
FILES = {
    "m/endpoint.yml": ENDPOINT,
    "m/model.yml": MODEL,
    "m/weights/w.txt": "1 2 3\n",
    "m/weights/deep/v.txt": "4\n",
    "m/run.sh": "true\n",
}
Act = Callable[[Path], object]


@pytest.fixture(autouse=True, params=["sha1", "sha256"])
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A repository of which HEAD is laid out, long ago."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stat_index, "SAFE_NS", 0)
    for name, text in FILES.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
    Path("m/run.sh").chmod(0o755)
    Path("m/weights/link.txt").symlink_to("w.txt")
    git("init", "-q", f"--object-format={request.param}")
    git("add", ".")
    git("commit", "-qm", "x")
    shutil.rmtree("m")
    loaded()
    later()
    loaded()
    return tmp_path


def test_a_revision_that_is_not_here_is_answered_with_what_to_do():
    with pytest.raises(ManifestError) as refused:
        laid_out("origin/main", "m")
    assert str(refused.value) == (
        "origin/main:m:1:1: E-GIT: 'origin/main' is no revision of this repository; "
        "write a branch, a tag or a commit that is here, `git fetch` brings others"
    )


def test_what_no_disk_takes_is_said_with_both_folders(repository: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.rmtree(".mlops")
    Path(".mlops").touch()
    monkeypatch.setattr(revision, "for_a_while", lambda: repository / ".mlops")
    with pytest.raises(MlopsError) as refused:
        laid_out("HEAD", "m")
    there = f"{repository}/.mlops/cache/revisions (Not a directory)"
    assert str(refused.value) == (
        f"the files of a revision can be laid out neither in {there}, nor in a temporary folder (Not a directory); "
        "have TMPDIR name a folder with room"
    )


def loaded(*, cached: bool = True) -> tuple[object, ...]:
    """All that is read at HEAD."""
    found = load("HEAD:m", Options(cache=Path(".mlops/cache") if cached else None))
    return found.manifests, found.problems, found.tree


def later() -> None:
    """The clock has moved on."""
    before = time.time_ns()
    until(lambda: time.time_ns() > before + 20_000_000)


def place() -> Path:
    """Where HEAD is laid out."""
    (found,) = Path(".mlops/cache/revisions").glob("*/*")
    return found


def write_unseen(folder: Path) -> None:
    """Another text of the same size and time."""
    file = folder / "m/endpoint.yml"
    before = file.stat()
    file.write_text(ENDPOINT.replace("description: a", "description: b"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def link_elsewhere(folder: Path) -> None:
    (folder / "m/weights/link.txt").unlink()
    (folder / "m/weights/link.txt").symlink_to("deep/v.txt")


def link_all(folder: Path) -> None:
    """The folder is a link to another one, in which a file is another."""
    other = Path("other").absolute()
    folder.rename(other)
    (other / "m/endpoint.yml").write_text(ENDPOINT.replace("iris", "wine"))
    folder.symlink_to(other)


CHANGES: dict[str, Act] = {
    "a text": lambda folder: (folder / "m/endpoint.yml").write_text(ENDPOINT.replace("iris", "wine")),
    "a text of the same size and time": write_unseen,
    "a manifest more": lambda folder: (folder / "m/more.yml").write_text(ENDPOINT.replace("iris", "more")),
    "a file of content more": lambda folder: (folder / "m/weights/x.txt").write_text("5\n"),
    "a file less": lambda folder: (folder / "m/model.yml").unlink(),
    "a folder less": lambda folder: shutil.rmtree(folder / "m/weights"),
    "an empty folder": lambda folder: (folder / "m/empty").mkdir(),
    "a link in a file's place": lambda folder: _link(folder / "m/endpoint.yml", "model.yml"),
    "a link to elsewhere": link_elsewhere,
    "a pipe": lambda folder: (_gone(folder / "m/endpoint.yml"), os.mkfifo(folder / "m/endpoint.yml")),
    "no program": lambda folder: (folder / "m/run.sh").chmod(0o644),
    "a program": lambda folder: (folder / "m/weights/w.txt").chmod(0o755),
    "nothing": shutil.rmtree,
    "a file in the folder's place": lambda folder: (shutil.rmtree(folder), folder.write_text("")),
    "a link in the folder's place": link_all,
}


def _gone(file: Path) -> None:
    file.unlink()


def _link(file: Path, to: str) -> None:
    file.unlink()
    file.symlink_to(to)


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_became_of_it_what_git_has_is_read(change: Act, cached: bool):
    truth = loaded()
    assert truth[1] == ()
    assert len(truth[0]) == 2
    change(place())
    later()
    assert loaded(cached=cached) == truth
    (folder,) = place().parent.iterdir()
    there = {str(each.relative_to(folder)) for each in folder.rglob("*") if not each.is_dir()}
    assert there == {*FILES, "m/weights/link.txt"}
    assert [os.access(folder / name, os.X_OK) for name in ("m/run.sh", "m/weights/w.txt")] == [True, False]


def test_what_is_as_it_was_is_neither_written_nor_read_again(monkeypatch: pytest.MonkeyPatch):
    before = {each: each.lstat().st_ino for each in place().rglob("*")}
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: pytest.fail(f"{path} is read"))
    laid_out("HEAD", "m")
    assert {each: each.lstat().st_ino for each in place().rglob("*")} == before


def test_without_the_cache_every_byte_of_it_is_read(monkeypatch: pytest.MonkeyPatch):
    read, real = list[str](), stat_index.descriptor_of
    monkeypatch.setattr(stat_index, "descriptor_of", lambda path: read.append(path) or real(path))
    laid_out("HEAD", "m", cached=False)
    assert {str(Path(path).relative_to(place().absolute())) for path in read} == {*FILES}


def test_git_does_not_see_it_and_nobody_else_reads_it():
    shutil.rmtree(".mlops")
    laid_out("HEAD", "m", cached=False)
    assert (git("status", "--short", "--", ".mlops"), Path(".mlops").stat().st_mode & 0o777) == ("", 0o700)


def test_several_at_once_each_find_it_whole():
    shutil.rmtree(place())
    truth, found = loaded(cached=False), list[object]()
    shutil.rmtree(place())
    threads = [threading.Thread(target=lambda: found.append(loaded())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [truth] * 6
    assert [each.name for each in place().parent.iterdir()] == [place().name]
