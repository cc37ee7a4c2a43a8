"""Who wrote a line is who `git blame` says, whatever the history; and what git cannot know is not guessed."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.load import Options, load
from reconciler.load.authorship import blame as blaming
from reconciler.load.authorship import blame_cache
from reconciler.load.authorship.behind import behind
from reconciler.load.authorship.blame import Blamed, blamed
from tests.git_here import git
from tests.histories import write_history

ANA, BEN = "Ana <ana@example.org>", "Ben <ben@example.org>"


def commit(author: str = ANA, message: str = "x", **variables: str) -> str:
    git("add", "--all")
    git("commit", "-q", "--allow-empty", f"--author={author}", "-m", message, **variables)
    return git("rev-parse", "HEAD")


def said(*places: tuple[str, int], paths: tuple[str, ...] = (), cache: Path | None = None) -> list[str]:
    """For each place the author of its line, `-` for a line in no commit, `?` where nothing is said."""
    sources = [Source(*place) for place in places]
    found = blamed(sources, Path.cwd(), paths=paths, cache=cache).found
    return [(found[source].author or "-") if source in found else "?" for source in sources]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose first and third line are Ana's, and the second is Ben's."""
    folder = tmp_path / "repo"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init")
    Path("a.yml").write_text("one\ntwo\nthree\n")
    commit(ANA, "All of it")
    Path("a.yml").write_text("one\nTWO\nthree\n")
    commit(BEN, "Louder\n\nAs it was too quiet.")
    return folder


def test_a_file_is_taken_for_what_was_read_of_it_whatever_lies_there_since(repository: Path, tmp_path: Path):
    manifest = "name: risk\nversion: '1'\npath: file.txt\ntype: custom_model\n"
    names = ("a.yml", "b.yml", "c.yml")
    for name, text in zip(
        names, (manifest, manifest.replace("risk", "r\u00e9"), manifest.replace("\n", "\r\n")), strict=True
    ):
        Path("m", name).parent.mkdir(exist_ok=True)
        Path("m", name).write_bytes(text.encode())
    commit(BEN)
    loaded = load("m", Options(cache=tmp_path / "cache"))
    assert loaded.plain == {"m/a.yml": git("hash-object", "m/a.yml")}
    place = Source("m/a.yml", 1)
    Path("m/a.yml").write_text("# other\n")
    assert blamed([place], repository, plain=loaded.plain).found[place].author == "Ben"
    assert blamed([place], repository).found[place] == Blame()


@pytest.mark.parametrize("seed", range(12))
def test_every_line_of_a_random_history_is_whose_git_blame_says(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    write_history(tmp_path, seed)
    wanted = {
        Source(name, int(line)): wrote
        for name in git("ls-files", "-z").split("\0")
        if name
        for row in git("blame", "-s", "-l", "--root", "HEAD", "--", name).splitlines()
        for wrote, line in [(row[:40], row.partition(")")[0].split()[-1])]
    }
    assert len(wanted) > 10
    found = blamed(wanted, tmp_path)
    assert ({source: one.commit for source, one in found.found.items()}, found.unknown) == (wanted, ())


def test_a_blame_is_all_that_the_commit_says(repository: Path):
    head = git("rev-parse", "HEAD")
    found = blamed([Source("a.yml", 2)], repository).found[Source("a.yml", 2)]
    assert (found.commit, found.author, found.summary) == (head, "Ben", "Louder")
    assert found.date.startswith("20")
    assert found.date.endswith("Z")
    assert str(found) == f"{head[:12]} Ben"


def test_a_line_that_was_changed_since_the_commit_is_in_none(repository: Path):
    Path("a.yml").write_text("zero\none\nTWO\nTHREE\n")
    assert said(*(("a.yml", line) for line in (1, 2, 3, 4))) == ["-", "Ana", "Ben", "-"]
    git("add", "a.yml")
    assert said(("a.yml", 1), ("a.yml", 2)) == ["-", "Ana"]


def test_a_file_that_no_commit_has_is_not_committed(repository: Path):
    Path("new.yml").write_text("one\n")
    Path("staged.yml").write_text("one\n")
    git("add", "staged.yml")
    assert said(("new.yml", 1), ("staged.yml", 1)) == ["-", "-"]


def test_before_the_first_commit_nothing_is_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    git("init")
    Path("a.yml").write_text("one\n")
    git("add", "a.yml")
    assert said(("a.yml", 1)) == ["-"]


def test_line_ends_that_git_converts_change_no_line(repository: Path):
    git("config", "core.autocrlf", "true")
    Path("a.yml").write_bytes(b"one\r\nTWO\r\nthree\r\n")
    assert said(("a.yml", 1), ("a.yml", 2)) == ["Ana", "Ben"]
    Path("a.yml").write_bytes(b"one\r\nnew\r\nTWO\r\nthree\r\n")
    assert said(("a.yml", 1), ("a.yml", 2), ("a.yml", 3)) == ["Ana", "-", "Ben"]


@pytest.mark.parametrize("end", ["\r", "\x85", "\u2028", "\u2029"])
def test_lines_that_yaml_counts_and_git_does_not(repository: Path, end: str):
    Path("a.yml").write_bytes(f"one{end}more\nTWO\nthree\n".encode())
    commit(ANA)
    Path("a.yml").write_bytes(f"one{end}more\nTWO\nTHREE\n".encode())
    commit(BEN)
    assert said(("a.yml", 2), ("a.yml", 3), ("a.yml", 4)) == ["Ana", "Ben", "Ben"]


def test_what_is_changed_and_marked_as_not_is_nobodys(repository: Path):
    git("update-index", "--assume-unchanged", "a.yml")
    Path("a.yml").write_text("none\nof\nthese\n")
    found = blamed([Source("a.yml", 2)], repository)
    assert (found.found, found.unknown) == ({}, (Source("a.yml", 2),))
    assert "neither what the commit has" in next(found.problems()).message


def test_of_a_revision_it_is_who_wrote_it_by_then(repository: Path):
    shutil.copy("a.yml", "b.yml")
    commit()
    assert said(("HEAD~1:a.yml", 2), ("HEAD~2:a.yml", 2), paths=("HEAD~1:a.yml", "HEAD~2:.")) == ["Ben", "Ana"]


def test_of_a_tree_that_is_no_commit_nothing_is_said(repository: Path):
    tree = git("rev-parse", "HEAD^{tree}")
    assert said((f"{tree}:a.yml", 2), paths=(f"{tree}:",)) == ["?"]


def test_wherever_one_stands(repository: Path, monkeypatch: pytest.MonkeyPatch):
    (repository / "below").mkdir()
    monkeypatch.chdir(repository / "below")
    assert said(("../a.yml", 2), (str(repository / "a.yml"), 1)) == ["Ben", "Ana"]


def test_a_link_is_whose_the_file_behind_it_is(repository: Path):
    Path("link.yml").symlink_to("a.yml")
    commit()
    assert said(("link.yml", 2)) == ["Ben"]


def test_a_file_in_folders_behind_links_is_whose_it_is_where_they_lead(repository: Path):
    Path("deep/er").mkdir(parents=True)
    shutil.copy("a.yml", "deep/er/b.yml")
    commit("Cem <cem@example.org>")
    Path("../way").symlink_to(repository / "deep")
    Path("in").symlink_to("deep/er")
    Path("out").symlink_to("../elsewhere")
    Path("../elsewhere").mkdir()
    Path("../elsewhere/c.yml").write_text("one\n")
    ways = ("deep/er/b.yml", "deep/../deep/er/b.yml", "deep//er/b.yml", "../way/er/b.yml", "in/b.yml", "in/../er/b.yml")
    assert said(*((way, 1) for way in ways)) == ["Cem"] * len(ways)
    assert said(("out/c.yml", 1)) == ["?"]


def test_what_is_in_no_file_of_the_repository_is_nobodys(repository: Path):
    outside = repository.parent / "outside.yml"
    outside.write_text("one\n")
    git("init", "inner")
    Path("inner/a.yml").write_text("one\n")
    places = [("--set", 1), (str(outside), 1), ("inner/a.yml", 1), ("gone.yml", 1)]
    assert said(*places) == ["?"] * 4
    assert blamed([Source(*place) for place in places], repository) == Blamed()


def test_without_a_repository_nothing_is_said(tmp_path: Path):
    (tmp_path / "a.yml").write_text("one\n")
    assert blamed([Source(str(tmp_path / "a.yml"), 1)], tmp_path) == Blamed()


def test_of_a_shallow_clone_only_what_it_has_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch):
    """Git itself would name the first commit that is there, which wrote nothing of it."""
    Path("a.yml").write_text("one\nTWO\nTHREE\n")
    commit("Cem <cem@example.org>")
    git("clone", "-q", "--depth", "2", f"file://{repository}", "../clone")
    monkeypatch.chdir(repository.parent / "clone")
    found = blamed([Source("a.yml", line) for line in (1, 2, 3)], Path.cwd())
    assert {source.line: one.author for source, one in found.found.items()} == {3: "Cem"}
    assert str(next(found.problems())) == (
        "a.yml:1:1: W-BLAME: who wrote this, and one more, is not known: they are older than what this shallow clone "
        "has, and `git fetch --unshallow` gets the rest"
    )
    git("fetch", "-q", "--unshallow")
    assert said(("a.yml", 1), ("a.yml", 2), ("a.yml", 3)) == ["Ana", "Ben", "Cem"]


def test_an_author_is_who_the_commit_says(repository: Path):
    """Neither a map of mails, which the same pull request may bring, nor the encoding of the terminal has a say."""
    Path(".mailmap").write_text("Somebody Else <ben@example.org>\n")
    Path("a.yml").write_text("EINS\nTWO\nthree\n")
    git("config", "i18n.commitEncoding", "ISO-8859-1")
    git("add", "--all")
    message = b"J\xfcrgens Zeile"
    subprocess.run(
        [b"git", b"-c", b"user.name=J\xfcrgen", b"-c", b"user.email=j@example.org", b"commit", b"-qm", message],
        check=True,
    )
    found = blamed([Source("a.yml", 1), Source("a.yml", 2)], repository).found
    assert found[Source("a.yml", 1)].author == "Jürgen"
    assert found[Source("a.yml", 1)].summary == "Jürgens Zeile"
    assert found[Source("a.yml", 2)].author == "Ben"


@pytest.mark.parametrize(
    ("line", "author"),
    [
        (b"author <a@example.org> 1 +0000", "a@example.org"),
        (b"author \xff\xfe <a@example.org> 1 +0000", "\ufffd\ufffd"),
        (b"author " + b"x" * 5000 + b" <a@example.org> 1 +0000", "x" * 80),
        (b"author A <a@example.org> 99999999999999999 +0000", "A"),
        (b"author <> 1 +0000", "nobody"),
    ],
    ids=["no name", "no text", "long", "no time", "nothing"],
)
def test_whatever_stands_in_the_place_of_an_author(repository: Path, line: bytes, author: str):
    tree = git("rev-parse", "HEAD^{tree}")
    Path("commit").write_bytes(b"tree %s\n%s\ncommitter c <c> 1 +0000\n\n\x1b[31mx\n" % (tree.encode(), line))
    made = git("hash-object", "-t", "commit", "-w", "--literally", "commit")
    Path("commit").unlink()
    git("reset", "-q", "--hard", made)
    assert said(("a.yml", 1)) == [author]


def test_a_file_that_was_named_otherwise_before(repository: Path):
    Path("deep").mkdir()
    git("mv", "a.yml", "deep/b.yml")
    commit("Cem <cem@example.org>")
    git("mv", "deep/b.yml", "c.yml")
    Path("c.yml").write_text("one\nTWO\nthree\nfour\n")
    commit("Dan <dan@example.org>")
    assert said(*(("c.yml", line) for line in (1, 2, 4))) == ["Ana", "Ben", "Dan"]


def test_many_files_at_once_and_as_many_renamed(repository: Path):
    """More than are named to git one by one; some names would mean others if git read them as patterns."""
    for number in range(60):
        Path("m[1]").mkdir(exist_ok=True)
        Path(f"m[1]/f{number}.yml").write_text("".join(f"{number} {line} {number * line}\n" for line in range(9)))
    commit(ANA)
    for number in range(60):
        file = Path(f"m[1]/f{number}.yml")
        file.write_text(file.read_text().replace(f"{number} 3", f"{number} X"))
    commit(BEN)
    git("mv", "m[1]", "*n")
    commit("Cem <cem@example.org>")
    places = [(f"*n/f{number}.yml", line) for number in range(60) for line in (1, 4)]
    assert said(*places) == ["Ana", "Ben"] * 60


def test_git_is_started_no_oftener_for_a_longer_history(repository: Path, monkeypatch: pytest.MonkeyPatch):
    started: list[object] = []
    start = subprocess.Popen

    def counted(*args: object, **named: object) -> object:
        started.append(args)
        return start(*args, **named)  # type: ignore[call-overload]

    counts = []
    for number in range(6):
        Path(f"f{number}.yml").write_text(f"one\n{number}\n")
        commit("Cem <cem@example.org>")
        monkeypatch.setattr(subprocess, "Popen", counted)
        assert said(*((f"f{each}.yml", 2) for each in range(number + 1))) == ["Cem"] * (number + 1)
        monkeypatch.undo()
        monkeypatch.chdir(repository)
        counts.append(len(started))
        started.clear()
    assert counts == [counts[0]] * 6


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lines each walk through the history looked for."""
    counted: list[int] = []
    walked: Callable[..., object] = blaming._walked

    def walk(asked: object, kind: object, lines: list[object]) -> object:
        counted.extend([len(lines)] if lines else [])
        return walked(asked, kind, lines)

    monkeypatch.setattr(blaming, "_walked", walk)
    return counted


def test_what_a_commit_holds_is_looked_for_once(repository: Path, walks: list[int]):
    cache = repository / ".mlops" / "cache"
    assert said(("a.yml", 1), ("a.yml", 2), cache=cache) == ["Ana", "Ben"]
    assert said(("a.yml", 2), ("a.yml", 3), cache=cache) == ["Ben", "Ana"]
    assert walks == [2, 1]
    assert said(("a.yml", 1), ("a.yml", 2), ("a.yml", 3), cache=cache) == ["Ana", "Ben", "Ana"]
    assert walks == [2, 1]
    commit("Cem <cem@example.org>")
    assert said(("a.yml", 2), cache=cache) == ["Ben"]
    assert walks == [2, 1, 1]
    assert [oct(path.stat().st_mode)[-3:] for path in (cache, *cache.iterdir())] == ["700", "600"]


def test_files_that_are_kept_together_are_learnt_one_by_one(repository: Path, walks: list[int]):
    first = "f0.yml"
    second = next(name for n in range(1, 10_000) if together(name := f"f{n}.yml", first))
    for name in (first, second):
        Path(name).write_text("one\ntwo\n")
    commit("Cem <cem@example.org>")
    Path(second).write_text("one\nTWO\n")
    commit("Dan <dan@example.org>")
    cache = repository / ".mlops" / "cache"
    for _ in range(2):
        assert said((first, 1), cache=cache) == ["Cem"]
        assert said((second, 1), (second, 2), cache=cache) == ["Cem", "Dan"]
    assert walks == [1, 2]


def together(*names: str) -> bool:
    """Whether files are kept in one part."""
    return len({blame_cache._key(("0", name)) for name in names}) == 1


def test_a_cache_that_is_broken_gone_or_nowhere_is_none(repository: Path, walks: list[int]):
    cache = repository / ".mlops" / "cache"
    for _ in range(2):
        assert said(("a.yml", 2), cache=cache) == ["Ben"]
        (file,) = cache.iterdir()
        file.write_bytes(b"no database at all, but as long as the header of one would be" * 20)
    assert said(("a.yml", 2), cache=cache) == ["Ben"]
    shutil.rmtree(cache)
    assert said(("a.yml", 2), cache=cache) == ["Ben"]
    assert said(("a.yml", 2), cache=None) == ["Ben"]
    assert walks == [1] * 5


def test_nothing_is_kept_of_what_lies_about_or_was_cut_off(repository: Path, walks: list[int]):
    git("clone", "-q", "--depth", "1", f"file://{repository}", "../clone")
    os.chdir("../clone")
    cache = Path.cwd() / ".mlops" / "cache"
    assert said(("a.yml", 1), cache=cache) == ["?"]
    Path("a.yml").write_text("new\nTWO\nthree\n")
    assert said(("a.yml", 1), cache=cache) == ["-"]
    assert not cache.exists()


def unknown(repository: Path, **asked: float) -> str:
    """Why nothing is known of a line."""
    found = blamed([Source("a.yml", 2)], repository, **asked)  # type: ignore[arg-type]
    assert (found.found, found.unknown) == ({}, (Source("a.yml", 2),))
    return found.why


def test_without_git_it_is_not_known(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(repository))
    assert unknown(repository) == "git is not installed"


def test_when_git_takes_too_long_it_is_not_known(repository: Path):
    assert unknown(repository, patience_s=0) == "git took too long"


def test_in_a_repository_that_is_broken_it_is_not_known(repository: Path):
    first = git("rev-parse", "HEAD~1")
    (repository / ".git" / "objects" / first[:2] / first[2:]).unlink()
    assert "git fsck" in unknown(repository)
    (repository / ".git" / "HEAD").write_text("nonsense")
    assert "not a git repository" in unknown(repository)


def test_in_a_repository_of_somebody_else_it_is_not_known(repository: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert "dubious ownership" in unknown(repository)


def test_settings_and_attributes_of_the_repository_change_nothing(repository: Path, monkeypatch: pytest.MonkeyPatch):
    Path(".gitattributes").write_text("*.yml -diff -text binary diff=evil\n")
    revisions = Path(".git/ignored")
    revisions.write_text(git("rev-parse", "HEAD") + "\n")
    for name, value in {
        "blame.ignoreRevsFile": str(revisions),
        "mailmap.file": ".mailmap",
        "diff.evil.textconv": "touch ran",
        "diff.evil.command": "touch ran",
        "diff.external": "touch ran",
        "diff.context": "9",
        "diff.interHunkContext": "9",
        "diff.algorithm": "patience",
        "diff.ignoreSubmodules": "none",
        "diff.noprefix": "true",
        "diff.renames": "copies",
        "diff.orderFile": "/dev/zero",
        "log.follow": "true",
        "log.showSignature": "true",
        "core.bigFileThreshold": "1",
        "core.quotePath": "false",
        "color.ui": "always",
    }.items():
        git("config", name, value)
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=9")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "touch ran")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    assert said(("a.yml", 1), ("a.yml", 2), ("a.yml", 3)) == ["Ana", "Ben", "Ana"]
    Path("a.yml").write_text("one\nTWO\nthree\nfour\n")
    assert said(("a.yml", 2), ("a.yml", 4)) == ["Ben", "-"]
    assert not Path("ran").exists()


def test_history_that_is_replaced_or_grafted_is_read_as_it_was_committed(repository: Path):
    head, first = git("rev-parse", "HEAD"), git("rev-parse", "HEAD~1")
    git("replace", "--graft", head)
    Path(".git/info").mkdir(exist_ok=True)
    Path(".git/info/grafts").write_text(f"{head}\n")
    found = blamed([Source("a.yml", 1)], repository).found
    assert found == {Source("a.yml", 1): Blame(first, "Ana", found[Source("a.yml", 1)].date, "All of it")}


@pytest.fixture
def naming(repository: Path) -> Path:
    """A model that names a folder and an environment that names a conda file; all of it Ana's."""
    Path("src/deep").mkdir(parents=True)
    Path("src/deep/score.py").write_text("pass\n")
    Path("conda.yml").write_text("dependencies: [python=3.11]\n")
    Path("m").mkdir()
    Path("m/model.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\nname: risk\nversion: 1\npath: ../src\n"
    )
    Path("m/environment.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"
        "name: sklearn\nversion: 1\nimage: x:1\nconda_file: ../conda.yml\n"
    )
    commit(ANA)
    return repository


# The version and the path of the model, the image and the conda file of the environment.
NAMING = [("model", 3), ("model", 4), ("environment", 4), ("environment", 5)]


def named(path: str = "m") -> list[str]:
    """Who wrote what the files of a folder name."""
    sources = [Source(f"{path}/{name}.yml", line) for name, line in NAMING]
    told = blamed(sources, Path.cwd(), paths=[path], named=behind(load(path).manifests))
    assert not told.unknown
    return [told.found[source].author or "-" for source in sources]


def test_a_field_that_names_a_folder_or_a_file_is_whose_that_was_changed_last(naming: Path):
    assert named() == ["Ana"] * 4
    Path("src/deep/score.py").write_text("def init(): ...\n")
    commit(BEN, GIT_AUTHOR_DATE="2090-01-01T00:00:00Z")
    Path("conda.yml").write_text("dependencies: [python=3.12]\n")
    commit("Cem <cem@example.org>", GIT_AUTHOR_DATE="2090-01-02T00:00:00Z")
    assert named() == ["Ana", "Ben", "Ana", "Cem"]
    Path("m/model.yml").write_text(Path("m/model.yml").read_text().replace("../src", "../src/"))
    commit("Dan <dan@example.org>", GIT_AUTHOR_DATE="2090-01-03T00:00:00Z")
    assert named() == ["Ana", "Dan", "Ana", "Cem"]
    assert named("HEAD~1:m") == ["Ana", "Ben", "Ana", "Cem"]


def test_two_fields_of_one_file_that_name_one_folder_are_both_whose_that_was_changed_last(repository: Path):
    Path("src").mkdir()
    Path("src/score.py").write_text("one\n")
    commit(BEN, GIT_AUTHOR_DATE="2090-01-01T00:00:00Z")
    sources = [Source("a.yml", 1), Source("a.yml", 3)]
    assert said(("a.yml", 1), ("a.yml", 3)) == ["Ana", "Ana"]
    told = blamed(sources, repository, named={source: [str(repository / "src")] for source in sources})
    assert [told.found[source].author for source in sources] == ["Ben", "Ben"]


@pytest.mark.parametrize("name", ["src/deep/score.py", "src/new.py"])
def test_content_that_is_in_no_commit_is_not_committed(naming: Path, name: str):
    Path(name).write_text("def run(data): ...\n")
    assert named() == ["Ana", "-", "Ana", "Ana"]


def test_content_that_git_ignores_is_not_committed(naming: Path):
    Path(".gitignore").write_text("weights\n")
    Path("weights").mkdir()
    Path("weights/a.bin").write_text("1")
    Path("m/model.yml").write_text(Path("m/model.yml").read_text().replace("../src", "../weights"))
    commit(BEN)
    assert named() == ["Ana", "-", "Ana", "Ana"]


def test_content_is_followed_through_merges(naming: Path):
    git("checkout", "-qb", "side")
    Path("src/deep/score.py").write_text("def init(): ...\n")
    commit(BEN, GIT_AUTHOR_DATE="2090-01-01T00:00:00Z")
    git("checkout", "-q", "main")
    Path("other.txt").write_text("1")
    commit("Cem <cem@example.org>", GIT_AUTHOR_DATE="2090-01-02T00:00:00Z")
    git("merge", "-q", "--no-edit", "side")
    assert named() == ["Ana", "Ben", "Ana", "Ana"]
