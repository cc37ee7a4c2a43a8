"""What is wrong with a command's options is told of the option, and content of any place that holds itself is taken."""

from pathlib import Path

import pytest
from registry_world import entry, given, register, risk, write

from reconciler.errors import ManifestError, MlopsError
from reconciler.imperative import assets
from reconciler.load.overrides import parse_field
from reconciler.pipeline import Manner
from reconciler.workspace import Workspace

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 3\n"


def refused(workspace: Workspace, kind: str = "model", **fields: str) -> str:
    with pytest.raises(ManifestError) as raised:
        assets.create(workspace, given(kind, "risk", **fields), Manner())
    (problem,) = raised.value.problems
    return f"{problem.file}: {problem.code}: {problem.message}"


@pytest.fixture
def content(folder: Path) -> Path:
    """Beside the repository: an empty folder, one with a link out of it, a pointer of Git LFS, a conda file."""
    write(folder, linked__own_dot_txt="own", pointers__model_dot_bin=POINTER, docker__Dockerfile="FROM scratch\n")
    write(folder, conda_dot_yml="dependencies: [python=3.11]\n", wrong_dot_yml="dependencies: 7\n")
    (folder / "empty").mkdir()
    (folder / "linked" / "host").symlink_to("/etc/hostname")
    return folder


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nope", "--path: E-PATH: nope is not there (looked in .)"),
        ("empty", "--path: E-MODEL: empty: model folder holds no file"),
        ("linked", "--path: E-LINK-OUT: linked: host links to /etc/hostname, outside of it; have a copy there"),
        (
            "pointers",
            f"--path: E-MODEL-LFS: pointers: model.bin is a Git LFS pointer ({len(POINTER)} bytes); run git lfs pull",
        ),
        (".mlops", "--path: E-PATH-OUT: .mlops: what lies in .mlops is no content of the repository"),
    ],
)
def test_a_path_that_is_no_model_is_refused(workspace: Workspace, content: Path, path: str, message: str):
    assert content.is_dir()
    assert refused(workspace, path=path) == message


def test_other_options_are_named_where_they_are_wrong(workspace: Workspace, content: Path):
    assert content.is_dir()
    assert refused(workspace, path="run1/model", type="blah").startswith("--type: E-VALUE: type: must be custom_model")
    assert refused(workspace, "environment", image="a", conda_file="nope").startswith("--conda-file: E-CONDA: nope")
    assert refused(workspace, "environment", build__path="conda.yml").startswith("--build-context: E-PATH: conda.yml")
    assert refused(workspace, "environment", os_type="linux") == (
        "options: E-ENV: give exactly one of image, build; here is none"
    )


def test_a_link_to_a_model_and_an_absolute_path_are_taken(workspace: Workspace, folder: Path):
    write(folder.parent, shared__weights_dot_txt="shared")
    (folder / "newest").symlink_to(folder.parent / "shared")
    assert register(workspace, path="newest") == "1"
    assert register(workspace, path=str(folder.parent / "shared")) == "2"
    assert entry(workspace, risk("2"))["path"]["name"] == "shared"


def test_what_is_set_wins_over_an_option(workspace: Workspace):
    register(workspace, path="run1/model", stage="Staging", sets=(parse_field("stage=Production"),))
    assert entry(workspace, risk("1"))["stage"] == "Production"


def test_an_environment_is_an_image_with_a_conda_file_or_a_build_context(workspace: Workspace, content: Path):
    assert content.is_dir()
    register(workspace, "a", kind="environment", image="python:3.11", conda_file="conda.yml", os_type="Linux")
    register(workspace, "b", kind="environment", build__path="docker", build__dockerfile_path="Dockerfile")
    first, second = workspace.store.read().entries.values()
    assert (first.spec["conda_file"], first.spec["os_type"]) == ({"dependencies": ["python=3.11"]}, "linux")
    assert (second.spec["build"]["path"]["name"], second.spec["build"]["dockerfile_path"]) == ("docker", "Dockerfile")


def test_another_conda_file_is_another_version(workspace: Workspace, content: Path):
    options = {"kind": "environment", "image": "python:3.11", "conda_file": "conda.yml"}
    assert [register(workspace, "a", **options), register(workspace, "a", **options)] == ["1", "1"]
    (content / "conda.yml").write_text("dependencies: [python=3.12]\n")
    assert register(workspace, "a", **options) == "2"
    with pytest.raises(ManifestError, match="E-IMMUTABLE"):
        register(workspace, "a", version="1", **options)


def test_a_model_without_content_is_not_registered(workspace: Workspace):
    with pytest.raises(MlopsError, match="give its content by --path, or a file by --file"):
        assets.create(workspace, given("model", "risk"), Manner())
