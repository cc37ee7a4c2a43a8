"""What is applied and is not what the commit has is told by name, in whatever way git would look past it."""

from pathlib import Path

import pytest

from reconciler.load import load
from reconciler.load.repository.clean import unclean
from tests.git_here import git

MODEL = (
    "$schema: https://azuremlschemas.azureedge.net/latest/model.schema.json\nname: risk\nversion: 1\npath: weights\n"
)


def said(*paths: str) -> list[str]:
    """Why what the paths hold is not what the commit has."""
    paths = paths or ("m",)
    loaded = [load(path) for path in paths]
    assert [problem for each in loaded for problem in each.problems if problem.is_error] == []
    files = [file for each in loaded for file in each.files]
    contents = [content for each in loaded for one in each.manifests for content in one.contents.values()]
    return list(unclean(Path.cwd(), files=files, contents=contents, paths=paths))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo"
    (folder / "m" / "weights").mkdir(parents=True)
    (folder / "m" / "model.yml").write_text(MODEL)
    (folder / "m" / "weights" / "a.txt").write_text("a")
    (folder / ".gitignore").write_text("*.bin\n.mlops/\n")
    monkeypatch.chdir(folder)
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    return folder


def test_what_is_as_the_commit_has_it_is_clean(repository: Path):
    Path("notes.txt").write_text("nobody applies that")
    Path("m/notes.txt").write_text("nor that")
    Path("elsewhere.yml").write_text(MODEL)
    assert said() == []


@pytest.mark.parametrize("name", ["m/model.yml", "m/weights/a.txt"])
@pytest.mark.parametrize("staged", [False, True])
def test_a_file_that_was_changed(repository: Path, name: str, staged: bool):
    Path(name).write_text(Path(name).read_text() + "# more\n")
    if staged:
        git("add", name)
    assert said() == [f"{name} differs from the commit"]


@pytest.mark.parametrize("way", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_is_told_not_to_look_at(repository: Path, way: str):
    git("update-index", way, "m/model.yml")
    assert said() == ["m/model.yml is marked so that git does not look whether it changed"]


@pytest.mark.parametrize("name", ["new.txt", "ignored.bin"])
def test_content_that_is_in_no_commit(repository: Path, name: str):
    Path("m/weights", name).write_text("b")
    assert said() == [f"m/weights/{name} is in no commit"]
    if name == "new.txt":
        git("add", "m/weights")
        assert said() == [f"m/weights/{name} differs from the commit"]


def test_a_file_that_was_deleted_would_delete_what_it_defines(repository: Path):
    Path("m/other.yml").write_text(MODEL.replace("risk", "other"))
    git("add", "m/other.yml")
    git("commit", "-m", "two")
    Path("m/other.yml").unlink()
    assert said() == ["m/other.yml is deleted, and the commit has it"]
    git("rm", "-q", "--cached", "m/other.yml")
    assert said() == ["m/other.yml is deleted, and the commit has it"]
    assert said("m/model.yml") == []


def test_content_of_another_repository_inside(repository: Path):
    git("init", "m/weights/inner")
    Path("m/weights/inner/b.txt").write_text("b")
    assert said() == ["m/weights/inner/b.txt is in no commit"]


def test_a_link_is_a_part_of_what_is_applied(repository: Path):
    (Path("m/weights") / "link.txt").symlink_to("a.txt")
    assert said() == ["m/weights/link.txt is in no commit"]
    git("add", ".")
    git("commit", "-m", "two")
    assert said() == []


def test_wherever_the_repository_is_reached_from(repository: Path, monkeypatch: pytest.MonkeyPatch):
    way = repository.parent / "way"
    way.symlink_to(repository)
    monkeypatch.chdir(way)
    assert said(str(way / "m")) == []


def test_a_file_outside_of_the_repository(repository: Path):
    outside = repository.parent / "outside.yml"
    outside.write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\nname: credit\n"
    )
    assert said(str(outside)) == [f"{outside} is not in the repository"]


def test_a_revision_is_clean_by_nature(repository: Path):
    Path("m/model.yml").write_text("broken")
    assert said("HEAD:m") == []


def test_before_the_first_commit_and_without_git_nothing_is_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repository: Path
):
    folder = tmp_path / "bare"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("e.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineEndpoint.schema.json\nname: credit\n"
    )
    assert said(".") == [f"{folder} is in no git repository"]
    git("init")
    assert said(".") == ["e.yml is in no commit"]
    monkeypatch.setenv("PATH", str(folder))
    assert said(".") == ["git cannot say what the commit has: git is not installed"]
