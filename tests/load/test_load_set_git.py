"""In a checkout git says what changed; where it would not know, it is not believed."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.folder import located
from reconciler.load.sets import by_git
from reconciler.load.sets import manifest_set as manifest_set_module
from reconciler.load.sets.manifest_set import manifest_set
from reconciler.load.sets.members import set_of
from reconciler.load.sets.on_disk import on_disk

LATER_NS = 60 * 10**9


def git(*words: str) -> str:
    setting = ("-c", "user.name=Ana", "-c", "user.email=ana@example.org", "-c", "protocol.file.allow=always")
    return subprocess.run(("git", *setting, *words), check=True, capture_output=True, text=True).stdout


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text.encode())


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two manifests, a link, and a folder that is no content of any set."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (tmp_path / "r").mkdir()
    monkeypatch.chdir(tmp_path / "r")
    git("init", "-q", "-b", "main")
    for name in ("m/a.yml", "m/deep/b.yml", "m/.hidden/c.yml", "other/d.yml"):
        put(name, f"name: {name}\nlines: 2\n")
    put(".gitignore", ".mlops/\n*.tmp.yml\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    return Path.cwd()


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The folders of which the disk is asked file by file."""
    walked: list[str] = []
    for module in (manifest_set_module, by_git):
        monkeypatch.setattr(module, "on_disk", lambda top, *rest: walked.append(top) or on_disk(top, *rest))
    return walked


def index() -> StatIndex:
    """Long after every change, so that none is too new to be believed."""
    latest = max(os.lstat(path).st_ctime_ns for path in Path.cwd().rglob("*"))
    return StatIndex(Path.cwd() / ".mlops" / "cache", now=lambda: latest + LATER_NS)


def checked(path: str = "m") -> str:
    """The id of the set, which is that of the bytes that a load would read."""
    found = manifest_set(path, index(), worth_bytes=0)
    assert found
    read = {here.relative: _held(here.path) for here in located(path).files}
    assert found.blobs() == {name: held.partition(" ")[0] for name, held in read.items()}
    assert found.id == set_of(read, None).id
    return found.id


def _held(path: str) -> str:
    held = git("hash-object", "--no-filters", path).strip()
    return f"{held} {os.path.realpath(path)}" if Path(path).is_symlink() else held


def is_asked(walks: list[str]) -> bool:
    """Whether git is, once it was learnt what it is to be believed of."""
    checked()
    walks.clear()
    checked()
    return not walks


def test_what_did_not_change_is_not_looked_at(walks: list[str]):
    assert is_asked(walks)
    assert checked() == checked()
    assert walks == []


def test_what_git_says_to_have_changed_is_looked_at(walks: list[str]):
    first = checked()
    walks.clear()
    put("m/a.yml", "longer than it was before, by far\n")
    put("m/new.yml", "new\n")
    Path("m/deep/b.yml").unlink()
    assert checked() != first
    git("checkout", "-q", "m/a.yml", "m/deep/b.yml")
    Path("m/new.yml").unlink()
    assert checked() == first


def test_an_edit_alone_costs_no_look_at_the_others(walks: list[str]):
    checked()
    walks.clear()
    put("m/a.yml", "longer than it was before, by far\n")
    checked()
    put("m/b.tmp.yml", "ignored by git, and read all the same\n")
    checked()
    assert walks == []


def test_a_commit_of_what_was_looked_at_changes_nothing(walks: list[str]):
    checked()
    put("m/a.yml", "longer than it was before, by far\n")
    second = checked()
    git("commit", "-q", "-am", "two")
    assert checked() == second
    assert is_asked(walks)


BESIDE_A_COMMIT = {
    "nothing": lambda: None,
    "an edit": lambda: put("m/deep/b.yml", "name: other\n"),
    "a file that git does not know": lambda: put("m/deep/new.yml", "name: new\n"),
    "a file that is gone": lambda: Path("m/deep/b.yml").unlink(),
    "a file that git is to forget": lambda: git("rm", "-q", "--cached", "m/deep/b.yml"),
    "a file that git takes away": lambda: git("rm", "-q", "m/deep/b.yml"),
    "a file that is renamed": lambda: git("mv", "m/deep/b.yml", "m/deep/c.yml"),
    "a file that is put back as it was": lambda: git("checkout", "-q", "HEAD~1", "--", "m/deep/b.yml"),
    "a file that git is told not to look at": lambda: git("update-index", "--assume-unchanged", "m/deep/b.yml"),
}


@pytest.mark.parametrize("beside", BESIDE_A_COMMIT.values(), ids=BESIDE_A_COMMIT)
def test_a_commit_costs_no_look_at_the_files_that_it_does_not_change(beside: Callable[[], object], walks: list[str]):
    put("m/deep/b.yml", "name: second\n")
    git("commit", "-q", "-a", "-m", "two")
    assert is_asked(walks)
    for number, text in enumerate(("name: x\n", "name: y\n", "name: x\n")):
        put("m/a.yml", text)
        git("add", "m/a.yml")
        if number == 1:
            beside()
        git("commit", "-q", "--allow-empty", "-m", "more")
        checked()
        put("m/a.yml", text + "more: true\n")
        checked()
    assert walks == []


def test_where_most_files_are_committed_anew_the_disk_is_asked(walks: list[str]):
    for text in ("name: x\n", "name: y\n"):
        for number in range(500):
            put(f"m/{number}.yml", text)
        git("add", ".")
        git("commit", "-q", "-m", "all")
        walks.clear()
        checked()
        assert walks


def test_a_touched_file_is_the_same(walks: list[str]):
    first = checked()
    walks.clear()
    os.utime("m/a.yml", (50, 50))
    Path("m/a.yml").chmod(0o755)
    assert checked() == first
    assert walks == []


@pytest.mark.parametrize("mark", ["--skip-worktree", "--assume-unchanged"])
def test_a_file_that_git_is_told_not_to_look_at_is_looked_at(mark: str, walks: list[str]):
    git("update-index", mark, "m/a.yml")
    assert is_asked(walks)
    first = checked()
    put("m/a.yml", "longer than it was before, by far\n")
    assert checked() != first
    Path("m/a.yml").unlink()
    shutil.rmtree(".mlops")
    assert checked() == checked() != first
    put("m/a.yml", "name: m/a.yml\nlines: 2\n")
    assert checked() == first


def test_a_repository_in_the_folder_is_looked_at_by_the_disk(walks: list[str]):
    checked()
    shutil.copytree(".git", "m/inner/.git")
    put("m/inner/e.yml", "e\n")
    first = checked()
    put("m/inner/e.yml", "longer than it was before, by far\n")
    assert checked() != first
    assert not is_asked(walks)


def test_a_repository_in_a_folder_that_git_knows_hides_nothing():
    first = checked()
    shutil.copytree(".git", "m/deep/.git")
    assert checked() == first
    put("m/deep/new.yml", "new\n")
    assert checked() != first


def test_a_submodule_is_looked_at_by_the_disk(tmp_path: Path, walks: list[str]):
    shutil.copytree(".", tmp_path / "inner")
    git("submodule", "--quiet", "add", str(tmp_path / "inner"), "m/inner")
    git("commit", "-q", "-m", "two")
    first = checked()
    put("m/inner/other/d.yml", "longer than it was before, by far\n")
    assert checked() != first
    assert not is_asked(walks)


@pytest.mark.parametrize(
    "place", [".gitattributes", "m/.gitattributes", "m/deep/.gitattributes", ".git/info/attributes"]
)
@pytest.mark.parametrize("commits", [True, False])
def test_where_attributes_are_git_is_not_believed(place: str, commits: bool, walks: list[str]):
    checked()
    put(place, "*.yml text=auto eol=lf\n")
    if commits:
        git("add", ".")
        git("commit", "-q", "--allow-empty", "-m", "two")
    first = checked()
    put("m/deep/b.yml", Path("m/deep/b.yml").read_text().replace("\n", "\r\n"))
    assert git("diff") == ""
    assert checked() != first
    assert not is_asked(walks)


def test_a_filter_is_not_run(tmp_path: Path):
    ran = tmp_path / "ran"
    git("config", "filter.hostile.clean", f"touch {ran}; cat")
    checked()
    put("m/.gitattributes", "*.yml filter=hostile\n")
    for name in ("m/a.yml", "m/deep/b.yml"):
        os.utime(name, (50, 50))
    checked()
    assert not ran.exists()


def test_line_endings_that_git_would_change_count(walks: list[str]):
    first = checked()
    git("config", "core.autocrlf", "true")
    put("m/a.yml", Path("m/a.yml").read_text().replace("\n", "\r\n"))
    assert git("diff") == ""
    assert checked() != first
    Path("m/a.yml").unlink()
    git("checkout", "-q", "m/a.yml")
    assert b"\r\n" in Path("m/a.yml").read_bytes()
    git("config", "core.autocrlf", "false")
    assert checked() != first


def test_a_link_is_what_it_leads_to():
    put("one", "1\n")
    put("two", "2\n")
    Path("m/link.yml").symlink_to("../one")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    first = checked()
    put("one", "longer than it was before\n")
    second = checked()
    Path("m/link.yml").unlink()
    Path("m/link.yml").symlink_to("../two")
    third = checked()
    assert len({first, second, third}) == 3
    Path("two").unlink()
    assert manifest_set("m", index(), worth_bytes=0) is None  # that it leads nowhere is for a load to say


def test_a_folder_that_became_a_link_is_not_entered():
    first = checked()
    Path("m/deep").rename("m-deep")
    Path("m/deep").symlink_to("../m-deep")
    second = checked()
    Path("m/deep").unlink()
    Path("m-deep").rename("m/deep")
    assert (second != first, checked() == first) == (True, True)


def test_a_rename_alone_counts():
    first = checked()
    Path("m/a.yml").rename("m/A.yml")
    assert checked() != first
    git("mv", "m/deep", "m/deeper") if Path("m/deep").exists() else None
    assert checked() != first


def test_files_in_conflict_are_looked_at():
    git("checkout", "-q", "-b", "other")
    put("m/a.yml", "theirs, and longer than it was\n")
    git("commit", "-q", "-am", "theirs")
    git("checkout", "-q", "main")
    put("m/a.yml", "ours, and even longer than that was\n")
    git("commit", "-q", "-am", "ours")
    first = checked()
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "other")
    second = checked()
    put("m/a.yml", "settled\n")
    third = checked()
    git("add", ".")
    assert checked() == third
    assert len({first, second, third}) == 3


def test_a_file_that_is_about_to_be_added_is_looked_at():
    put("m/new.yml", "new\n")
    git("add", "-N", ".")
    first = checked()
    put("m/new.yml", "longer than it was before\n")
    assert checked() != first


@pytest.mark.parametrize("words", [("--split-index",), ("--untracked-cache",), ("--index-version", "4")])
def test_any_form_of_the_index_will_do(words: tuple[str, ...]):
    git("update-index", *words)
    first = checked()
    put("m/a.yml", "longer than it was before, by far\n")
    second = checked()
    git("commit", "-q", "-am", "two")
    assert checked() == second != first


def test_an_index_without_a_checksum_is_not_believed(walks: list[str]):
    file = Path(".git/index")
    file.write_bytes(file.read_bytes()[:-20] + bytes(20))
    assert not is_asked(walks)


def test_a_worktree_is_a_checkout(walks: list[str], monkeypatch: pytest.MonkeyPatch):
    git("worktree", "add", "-q", "../tree")
    monkeypatch.chdir("../tree")
    assert is_asked(walks)
    first = checked()
    put("m/a.yml", "longer than it was before, by far\n")
    assert checked() != first
    git("checkout", "-q", "m/a.yml")
    put("../r/.git/info/attributes", "*.yml text=auto\n")
    assert not is_asked(walks)


def test_what_says_where_the_repository_lies_may_hold_anything():
    first = manifest_set("m", index(), worth_bytes=0)
    assert first
    Path(".git").rename("../elsewhere")
    for data in (b"", b"gitdir:", b"gitdir: ../else\0where", b"gitdir: \xff\xfe", b"\0" * 20):
        Path(".git").write_bytes(data)
        found = manifest_set("m", index(), worth_bytes=0)
        assert found
        assert found.id == first.id


def test_the_repository_itself_may_be_the_folder(walks: list[str]):
    first = checked(".")
    put("mlops.yaml", "settings, which are no manifest\n")
    assert checked(".") == first
    put("top.yml", "x\n")
    assert checked(".") != first
    walks.clear()
    checked(".")
    assert walks == []


@pytest.mark.parametrize("folder", ["m/.hidden", ".top/m", "node_modules/m"])
def test_a_folder_that_is_not_entered_from_above_is_looked_at_by_the_disk(folder: str):
    put(f"{folder}/a.yml", "a\n")
    first = checked(folder)
    put(f"{folder}/b.yml", "b\n")
    assert checked(folder) != first


def test_without_git_the_disk_is_asked(walks: list[str], monkeypatch: pytest.MonkeyPatch):
    first = checked()
    walks.clear()
    monkeypatch.setenv("PATH", str(Path.cwd()))
    found = manifest_set("m", index(), worth_bytes=0)
    assert found
    assert (found.id, len(walks)) == (first, 1)


def test_git_is_not_asked_where_the_user_says_so_or_it_does_not_pay(walks: list[str]):
    first = checked()
    walks.clear()
    told = [manifest_set("m", index(), git=False, worth_bytes=0), manifest_set("m", index())]
    assert [each and each.id for each in told] == [first, first]
    assert len(walks) == 2


def test_names_of_any_bytes_are_told():
    name = os.fsdecode(b"m/\xff\nline \xe4.yml")
    put(name, "x\n")
    git("add", ".")
    first = checked()
    put(name, "longer\n")
    assert checked() != first


def test_with_git_s_own_eyes_shut_a_change_is_seen():
    git("config", "core.trustctime", "false")
    git("config", "core.checkStat", "minimal")
    os.utime("m/a.yml", (50, 50))
    git("add", ".")
    first = checked()
    before = Path("m/a.yml").stat().st_ctime
    while int(before) == int(Path("m/a.yml").stat().st_ctime):  # git tells times apart by the second
        put("m/a.yml", "name: m/a.yml\nlines: 3\n")
        os.utime("m/a.yml", (50, 50))
    assert git("diff") == ""
    assert checked() != first


def test_a_checkout_before_its_first_commit_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "new").mkdir()
    monkeypatch.chdir(tmp_path / "new")
    git("init", "-q")
    put("m/a.yml", "a\n")
    first = checked()
    git("add", ".")
    assert checked() == first


def test_a_set_that_is_kept_no_more_is_looked_at_again(walks: list[str]):
    first = checked()
    second = manifest_set("m", index(), worth_bytes=0)
    shutil.rmtree(".mlops")
    assert second
    assert second.id == first
    assert sorted(second.blobs()) == ["a.yml", "deep/b.yml"]
    again = manifest_set("m", index(), worth_bytes=0)
    put("m/a.yml", "longer than it was before, by far\n")
    shutil.rmtree(".mlops")
    assert again
    assert manifest_set("m", index(), worth_bytes=0) != again


def test_a_set_of_which_a_part_is_kept_no_more_is_looked_at_again(walks: list[str]):
    assert is_asked(walks)
    put("m/a.yml", "longer than it was before, by far\n")
    found = manifest_set("m", index(), worth_bytes=0)
    assert found
    assert not walks
    with closing(sqlite3.connect(next(Path(".mlops/cache").glob("*.db")))) as cache, cache:
        cache.execute("DELETE FROM parts")
    assert sorted(found.blobs()) == ["a.yml", "deep/b.yml"]
    assert walks
