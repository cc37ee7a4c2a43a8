"""Few trees of revisions stay laid out: those used last, and whatever a run of today may be reading."""

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from reconciler.load.repository.revision import laid_out
from reconciler.load.repository.revision_room import begun, room_for_more, used
from tests.git_here import git
from tests.load.test_load_revisions import FILES

DAY_S = 24 * 3600.0
NOW_S = 1_800_000_000.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Trees that were used so many days ago."""
    for days in range(1, 6):
        _tree(tmp_path / "revisions", f"t{days}", days)
    return tmp_path / "revisions"


def _tree(place: Path, name: str, days: float) -> Path:
    (place / name / "repository").mkdir(parents=True)
    (place / name / "repository/a.yml").write_text("a: 1\n")
    _at(place / name, days)
    return place / name


def _at(folder: Path, days: float) -> None:
    os.utime(folder, (NOW_S - days * DAY_S - 1, NOW_S - days * DAY_S - 1))


def _names(place: Path) -> set[str]:
    return {each.name for each in place.iterdir()}


def test_those_that_were_not_used_for_longest_go(place: Path):
    room_for_more(place, most=3, now=NOW_S)
    assert _names(place) == {"t1", "t2", "t3"}


def test_what_a_run_of_today_may_be_reading_stays_however_many_there_are(place: Path):
    for number in range(4):
        _tree(place, f"today{number}", 0.9)
    room_for_more(place, most=3, now=NOW_S)
    assert _names(place) == {f"today{number}" for number in range(4)}


def test_a_clock_that_was_ahead_keeps_no_tree_for_ever(place: Path):
    for number in range(4):
        _tree(place, f"ahead{number}", -300 - number)
    room_for_more(place, most=3, now=NOW_S)
    assert _names(place) == {"ahead1", "ahead2", "ahead3"}


def test_what_killed_runs_left_goes_once_nobody_can_be_at_it(place: Path):
    for days in (0.5, 2):
        (place / "t1" / f".new-{days}").mkdir()
        _at(place / "t1" / f".new-{days}", days)
        (place / f".old-{days}" / "t9").mkdir(parents=True)
        _at(place / f".old-{days}", days)
    _at(place / "t1", 1)
    room_for_more(place, most=1, now=NOW_S)
    assert _names(place) == {"t1", ".old-0.5"}
    assert _names(place / "t1") == {"repository", ".new-0.5"}


def test_a_link_is_not_followed_and_a_file_is_let_be(place: Path, tmp_path: Path):
    _tree(tmp_path, "elsewhere", 9)
    (place / "link").symlink_to(tmp_path / "elsewhere")
    (place / "file").write_text("")
    _at(place / "file", 9)
    room_for_more(place, most=0, now=NOW_S + 400 * DAY_S)
    assert _names(place) <= {"file", "link"}
    assert (tmp_path / "elsewhere/repository/a.yml").exists()


def test_without_a_folder_there_is_nothing_to_do(tmp_path: Path):
    room_for_more(tmp_path / "none")
    used(tmp_path / "none/tree")
    assert _names(tmp_path) == set()


def test_one_that_is_about_to_go_is_not_taken_for_one_that_stays(place: Path, monkeypatch: pytest.MonkeyPatch):
    tree, seen, real = place / "t5", list[bool](), tempfile.mkdtemp

    def use() -> None:
        used(tree)
        seen.append(tree.exists())

    another_run = threading.Thread(target=use)

    def once_another_run_comes(**options: str) -> str:
        another_run.start()
        another_run.join(0.2)
        return real(**options)

    monkeypatch.setattr(tempfile, "mkdtemp", once_another_run_comes)
    room_for_more(place, most=4, now=NOW_S)
    another_run.join()
    assert seen == [tree.exists()]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with ten commits."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    for number in range(10):
        for name, text in FILES.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(f"{text}# {number}\n")
        git("add", ".")
        git("commit", "-qm", "x")
    return tmp_path / ".mlops/cache/revisions"


def test_of_many_revisions_eight_stay_laid_out(repository: Path):
    first = Path(laid_out("HEAD~9", "m"))
    for number in range(8, -1, -1):
        _age(repository)
        laid_out(f"HEAD~{number}", "m")
    assert len(_names(repository)) == 8
    assert not first.exists()
    assert Path(laid_out("HEAD~9", "m")) == first
    assert (first / "m/run.sh").read_text() == "true\n# 0\n"


def test_one_that_is_used_again_stays_longest(repository: Path):
    first = Path(laid_out("HEAD~9", "m"))
    for number in range(8, -1, -1):
        _age(repository)
        assert Path(laid_out("HEAD~9", "m")) == first
        inode = first.stat().st_ino
        laid_out(f"HEAD~{number}", "m")
        assert first.stat().st_ino == inode


def test_a_layout_that_was_killed_is_swept_by_a_later_one(repository: Path):
    tree = Path(laid_out("HEAD", "m")).parent
    left = begun(tree)
    (left / "half").write_text("")
    long_ago = time.time() - 2 * DAY_S
    os.utime(left, (long_ago, long_ago))
    shutil.rmtree(laid_out("HEAD", "m"))
    laid_out("HEAD", "m")
    assert _names(tree) == {repository.parent.parent.parent.name}


def _age(repository: Path) -> None:
    """Two days have passed."""
    for tree in repository.iterdir():
        found = tree.stat().st_mtime - 2 * DAY_S
        os.utime(tree, (found, found))
