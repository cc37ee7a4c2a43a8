"""What an asset is known by, and what it leaves out."""

import subprocess
from pathlib import Path

import pytest

from reconciler.load import load
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.load.disk.ignore import rules

PATTERNS = (
    "*.pyc\n/data/\n!keep.pyc\na/**/b\n[a-c].txt\n[!x]y\nfoo/*\n**/tmp\n# remark\n\\#x\nend \\ \n*.d/\nx?z\nq/**\n"
)
NAMES = (
    *("x.pyc", "x/y.pyc", "keep.pyc", "data/f", "x/data/f", "a/b", "a/x/y/b", "q/b.txt", "d.txt", "ay", "xy", "foo/x"),
    *("foo/w/y", "u/tmp/v", "tmp/v", "#x", "remark", "k.d/f", "k.d", "xaz", "x/z", "q/r/s", "plain", "deep/er/plain"),
)


def test_ignore_files_are_read_as_git_reads_them(tmp_path: Path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(PATTERNS)
    for name in NAMES:
        if not (tmp_path / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("x")
    listed = ["git", "ls-files", "--others", "--exclude-standard", "-z"]
    kept = subprocess.run(listed, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split("\0")
    ours = [name for name, _ in content_files(tmp_path)]
    assert ours == sorted(filter(None, kept))


def test_amlignore_stands_in_place_of_gitignore(tmp_path: Path):
    for name in ("a", "b", "sub/.gitignore", "sub/c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("c\n")
    (tmp_path / ".gitignore").write_text("a\n")
    (tmp_path / ".amlignore").write_text("b\n")
    assert [name for name, _ in content_files(tmp_path)] == [".amlignore", ".gitignore", "a", "sub/.gitignore", "sub/c"]


def test_a_model_path_that_is_not_here_may_be_one_of_its_datastore(tmp_path: Path):
    text = "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\nname: iris\npath: data/iris.csv\n"
    (tmp_path / "here.yml").write_text(text)
    (tmp_path / "there.yml").write_text(f"{text}datastore: azureml:examples\n")
    assert [problem.code for problem in load(str(tmp_path / "here.yml")).problems] == ["E-PATH"]
    assert load(str(tmp_path / "there.yml")).problems == ()


def test_a_files_mode_does_not_count_as_it_does_not_in_azures_hash(tmp_path: Path):
    (tmp_path / "a").write_text("x")
    before = content_digest(tmp_path)
    (tmp_path / "a").chmod(0o755)
    assert content_digest(tmp_path) == before


def test_caches_of_python_and_git_never_count():
    ignored = rules("")
    assert [ignored(name, True) for name in ("__pycache__", "x/.git", "x")] == [True, True, False]


@pytest.mark.parametrize("change", ["content", "name", "new file"])
def test_a_digest_changes_with_everything_that_counts(tmp_path: Path, change: str):
    file = tmp_path / "asset" / "a"
    file.parent.mkdir()
    file.write_text("x")
    before = content_digest(file.parent)
    match change:
        case "content":
            file.write_text("y")
        case "name":
            file.rename(file.with_name("b"))
        case _:
            file.with_name("c").write_text("")
    assert content_digest(file.parent) != before


def test_equal_content_has_one_digest_under_any_name(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("x")
        (tmp_path / f"{name}.pkl").write_text("x")
    assert content_digest(tmp_path / "a") == content_digest(tmp_path / "b")
    assert content_digest(tmp_path / "a.pkl") == content_digest(tmp_path / "b.pkl")


def test_b45_a_pointer_of_git_lfs_in_a_commit_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In a commit there are pointers alone, so `git lfs pull` would not help."""
    schema = "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json"
    (tmp_path / "deep").mkdir()
    (tmp_path / "model.yml").write_text(f"{schema}\nname: iris\nversion: 1\npath: deep\n")
    (tmp_path / "deep" / "w.bin").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    monkeypatch.chdir(tmp_path)
    for words in (["init", "-q"], ["add", "--all"], ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "1"]):
        subprocess.run(["git", *words], check=True)
    (problem,) = load("HEAD:.").problems
    assert (problem.code, problem.message) == (
        "E-MODEL-LFS",
        "deep: w.bin is a Git LFS pointer (63 bytes); use a checkout after git lfs pull",
    )


@pytest.mark.parametrize("text", ["", "version https://git-lfs.github.com\n", "x" * 2000])
def test_what_is_no_pointer_of_git_lfs_is_taken(tmp_path: Path, text: str):
    schema = "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json"
    (tmp_path / "model.yml").write_text(f"{schema}\nname: iris\nversion: 1\npath: w.bin\n")
    (tmp_path / "w.bin").write_text(text)
    assert load(str(tmp_path / "model.yml")).problems == ()


def test_the_digest_of_files_by_several_threads_is_that_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number in range(100):
        (tmp_path / f"{number}").write_text(f"{number}")
    by_one = content_digest(tmp_path)
    monkeypatch.setattr("reconciler.load.disk.digest.threads_for", lambda _: 4)
    assert content_digest(tmp_path) == by_one
