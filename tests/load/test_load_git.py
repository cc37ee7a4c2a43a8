"""What a repository's own git may say: trees that no checkout may have are refused, links and submodules stay inert."""

import zlib
from hashlib import sha1
from pathlib import Path

import pytest

from reconciler.errors import ManifestError
from reconciler.load import load
from reconciler.load.repository.commit import CommitFacts, commit_facts
from reconciler.load.repository.git import Unanswered, answer, status
from reconciler.load.repository.revision import laid_out
from tests.git_here import git

MODEL = "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\nname: risk\nversion: 1\npath: a.txt\n"
FILE, LINK, MODULE, FOLDER = "100644", "120000", "160000", "40000"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo"
    (folder / "m").mkdir(parents=True)
    (folder / "m" / "model.yml").write_text(MODEL)
    (folder / "m" / "a.txt").write_text("a")
    monkeypatch.chdir(folder)
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    return folder


def written(kind: str, body: bytes) -> str:
    """Put an object into the repository as no git would make it, and give its id."""
    data = f"{kind} {len(body)}\0".encode() + body
    name = sha1(data, usedforsecurity=False).hexdigest()
    place = Path(".git/objects", name[:2], name[2:])
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(zlib.compress(data))
    return name


def tree(*entries: tuple[str, str, str]) -> str:
    """A tree of entries, each a mode, a name and an id."""
    return written("tree", b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(blob) for mode, name, blob in entries))


def commit(root: str) -> str:
    who = "t <t@example.com> 1 +0000"
    return written("commit", f"tree {root}\nauthor {who}\ncommitter {who}\n\nx\n".encode())


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "../../out.txt", "a/../../out.txt", "/tmp/out.txt", ""])
def test_a_name_that_leads_elsewhere_lays_nothing_out(repository: Path, name: str):
    before = sorted(path for path in repository.parent.rglob("*") if ".git" not in path.parts)
    made = commit(tree((FILE, name, written("blob", b"x"))))
    with pytest.raises(ManifestError, match=r"which no checkout may have|no revision"):
        laid_out(made, "")
    left = [path for path in repository.parent.rglob("*") if not {".git", ".mlops"} & set(path.parts)]
    assert sorted(left) == before


def test_nothing_is_written_through_a_link_of_the_tree(repository: Path):
    """A link and a folder of one name: whoever writes the link first writes the folder's files where it leads."""
    out = repository.parent / "out"
    out.mkdir()
    inner = tree((FILE, "x.yml", written("blob", b"x")))
    made = commit(tree((LINK, "m", written("blob", str(out).encode())), (FOLDER, "m", inner)))
    with pytest.raises(ManifestError, match="two things of one name"):
        laid_out(made, "m")
    assert list(out.iterdir()) == []


def test_a_link_is_laid_out_as_one_and_leads_nowhere_outside(repository: Path):
    target = repository.parent / "secret.yml"
    target.write_text(MODEL)
    made = commit(tree((LINK, "m.yml", written("blob", str(target).encode()))))
    assert [problem.code for problem in load(f"{made}:").problems] == ["E-LINK-OUT"]


def test_a_submodule_of_a_revision_is_left_out(repository: Path):
    made = commit(tree((FILE, "m.yml", written("blob", MODEL.encode())), (MODULE, "sub", "0" * 39 + "1")))
    folder = Path(laid_out(made, "m.yml"))
    assert [path.name for path in folder.iterdir()] == ["m.yml"]


@pytest.mark.parametrize(
    "name", ["a\nb.yml", "a\x1b[31m.yml", "\u202egpj.yml", "::error::x.yml", "-rf.yml", "a\tb.yml"]
)
def test_any_name_of_a_file_is_read_as_it_is(repository: Path, name: str):
    (repository / "m" / "model.yml").rename(repository / "m" / name)
    git("add", "--all")
    git("commit", "-m", "renamed")
    assert [manifest.file for manifest in load("HEAD:m").manifests] == [f"HEAD:m/{name}"]


def test_of_what_no_longer_is_there_git_says_nothing(repository: Path):
    git("rm", "-rq", "--cached", ".")
    assert status(str(repository)) != b""
    with pytest.raises(Unanswered, match="Needed a single revision"):
        answer(str(repository), "rev-parse", "--verify", "--end-of-options", "nowhere")


def test_the_facts_of_a_commit(repository: Path):
    facts = commit_facts(repository / "m")
    assert (facts.commit, facts.tree) == (git("rev-parse", "HEAD"), git("rev-parse", "HEAD^{tree}"))
    assert (facts.branch, facts.author, facts.dirty) == ("main", "Ana", False)
    git("checkout", "-q", "--detach")
    (repository / "new.txt").write_text("")
    facts = commit_facts(repository, environ={})
    assert (facts.branch, facts.dirty) == ("", True)


def test_the_facts_of_a_revision_are_its_own(repository: Path):
    first = git("rev-parse", "HEAD")
    (repository / "m" / "b.txt").write_text("b")
    git("add", ".")
    git("commit", "-m", "two", "--author", "Ana <ana@example.org>")
    (repository / "new.txt").write_text("")
    facts = commit_facts(repository, ["HEAD~1:m", "HEAD~1:"])
    assert (facts.commit, facts.tree) == (first, git("rev-parse", f"{first}^{{tree}}"))
    assert (facts.author, facts.branch, facts.dirty) == ("Ana", "", False)
    assert commit_facts(repository, [f"{facts.tree}:m"]) == CommitFacts(tree=facts.tree)


def test_what_is_taken_from_several_places_is_in_no_one_commit(repository: Path):
    (repository / "n").mkdir()
    for paths in (["HEAD:m", "m"], ["HEAD:m", "HEAD~0:m"]):
        facts = commit_facts(repository, paths)
        assert (facts.commit, facts.dirty) == (git("rev-parse", "HEAD"), True)
    assert commit_facts(repository, ["m", "n"]).dirty is False


CI = [
    ({"GITHUB_ACTIONS": "true", "GITHUB_SHA": "HEAD", "GITHUB_REF": "refs/heads/feature/x"}, "feature/x"),
    ({"GITHUB_ACTIONS": "true", "GITHUB_SHA": "HEAD", "GITHUB_REF": "refs/pull/1/merge", "GITHUB_HEAD_REF": "x"}, "x"),
    ({"GITHUB_ACTIONS": "true", "GITHUB_SHA": "HEAD", "GITHUB_REF": "refs/tags/v1"}, ""),
    ({"GITHUB_ACTIONS": "true", "GITHUB_SHA": "0" * 40, "GITHUB_REF": "refs/heads/x"}, ""),
    ({"GITHUB_SHA": "HEAD", "GITHUB_REF": "refs/heads/x"}, ""),
    ({"GITLAB_CI": "true", "CI_COMMIT_SHA": "HEAD", "CI_COMMIT_BRANCH": "x"}, "x"),
    ({"TF_BUILD": "True", "BUILD_SOURCEVERSION": "HEAD", "BUILD_SOURCEBRANCH": "refs/heads/a/b"}, "a/b"),
    ({"TF_BUILD": "True", "BUILD_SOURCEVERSION": "HEAD", "BUILD_SOURCEBRANCH": "refs/pull/1/merge"}, ""),
]


@pytest.mark.parametrize(("environ", "branch"), CI)
def test_the_branch_of_a_detached_head_is_what_the_service_says_of_that_commit(
    repository: Path, environ: dict[str, str], branch: str
):
    said = {name: git("rev-parse", value) if value == "HEAD" else value for name, value in environ.items()}
    assert commit_facts(repository, environ=said).branch == "main"
    git("checkout", "-q", "--detach")
    assert commit_facts(repository, environ=said).branch == branch


def test_before_the_first_commit_and_without_git_there_are_no_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
):
    assert commit_facts(tmp_path) == CommitFacts()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    git("init")
    assert commit_facts(tmp_path / "empty") == CommitFacts()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_facts(repository) == CommitFacts()


def test_a_repository_of_somebody_else_is_not_trusted(repository: Path, monkeypatch: pytest.MonkeyPatch):
    """Git's own check of the owner stays in force, whatever else is overridden."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(ManifestError, match="dubious ownership"):
        laid_out("HEAD", "m")


def test_settings_of_the_call_of_git_that_runs_it_do_not_win(repository: Path, monkeypatch: pytest.MonkeyPatch):
    hook, ran = repository / ".git" / "says-nothing-changed", repository / "ran"
    hook.write_text(f"#!/bin/sh\ntouch {ran}\nprintf 'token\\0'\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", f"'core.fsmonitor'='{hook}'")
    git("status")
    assert ran.exists()
    ran.unlink()
    status(str(repository))
    assert not ran.exists()
