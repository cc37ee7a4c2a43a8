"""Nothing outside the repository is read by a path of it, and nothing in it that is no file, endless or in a loop."""

import os
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.errors import ManifestError
from reconciler.load import load
from reconciler.load.disk.digest import content_digest, content_files
from reconciler.load.settings.config import read_config
from reconciler.pipeline import Wish, validate

HOST = "$schema: https://azuremlschemas.azureedge.net/latest"
BLUE = (
    f"{HOST}/managedOnlineDeployment.schema.json\nname: blue\nendpoint_name: iris\n"
    "model: azureml:risk:1\nenvironment: azureml:sklearn:1\ninstance_type: Standard_DS3_v2\ninstance_count: 1\n"
    "code_configuration: {code: code, scoring_script: score.py}\n"
)
MODEL = f"{HOST}/model.schema.json\nname: risk\nversion: 1\npath: %s\n"
ENVIRONMENT = f"{HOST}/environment.schema.json\nname: e\nversion: 1\nimage: a\nconda_file: conda.yml\n"
TERABYTE = 1 << 40
MEGABYTE = 1 << 20

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which git knows, with a deployment in it; beside it lies what is not of the repository."""
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text("def init(): ...\ndef run(raw): ...\n")
    (folder / "blue.yml").write_text(BLUE)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("hunter2")
    monkeypatch.chdir(folder)
    return folder


def codes() -> list[str]:
    return [problem.code for problem in load(".").problems]


def names() -> list[str]:
    return [name for name, _ in content_files(Path("code"))]


@contextmanager
def little_memory() -> Iterator[None]:
    """What is read meanwhile is never held whole."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < 64 * MEGABYTE
    finally:
        tracemalloc.stop()


def sparse(name: str, size: int = TERABYTE) -> None:
    """A file of any size that takes no space."""
    with Path(name).open("wb") as file:
        file.truncate(size)


def read_files(*words: str) -> list[str]:
    """Every file that a process opens which runs some words of Python."""
    told = "import sys; sys.addaudithook(lambda event, args: event == 'open' and print('open', args[0]))\n"
    done = subprocess.run(
        [sys.executable, "-c", told + "\n".join(words)], check=True, capture_output=True, text=True, timeout=60
    )
    return [line.removeprefix("open ") for line in done.stdout.splitlines() if line.startswith("open ")]


@pytest.mark.parametrize(
    "links",
    [
        {"code/x": "../../outside/secret"},
        {"code/lib": "../shared", "shared/x": "../../outside/secret"},
        {"code/lib": "../shared", "shared/deep": "../more", "more/x": "../../outside"},
        {"code/x": "/proc/self/root/etc"},
        {"code/x": "/proc/self/environ"},
        {"code/x": "/dev/zero"},
        {"code/x": "/"},
    ],
    ids=["directly", "behind a link", "behind two", "proc root", "proc environ", "device", "everything"],
)
def test_b39_a_link_out_is_refused_wherever_it_stands_and_nothing_behind_it_is_opened(links: dict[str, str]):
    for name, target in links.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).symlink_to(target)
    assert codes() == ["E-LINK-OUT"]
    opened = read_files("from reconciler.load import load", "load('.')")
    assert any(name.endswith("blue.yml") for name in opened), "the hook saw nothing"
    assert [name for name in opened if "outside" in name or name.startswith(("/etc/p", "/proc/self/env"))] == []


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("link/secret", "../outside"),
        ("code/link/secret", "../../outside"),
        ("link/self/root/etc/passwd", "/proc"),
        ("link/root/etc/passwd", "/proc/self"),
        ("link/environ", "/proc/self"),
    ],
)
def test_b39_a_link_in_the_middle_of_a_path_is_refused(path: str, target: str):
    middle, _, _ = path.partition("link")
    Path(f"{middle}link").symlink_to(target)
    Path("model.yml").write_text(MODEL % path)
    assert "E-LINK-OUT" in codes()


def test_b39_dots_behind_a_link_mean_what_they_say_and_not_where_the_link_leads(tmp_path: Path):
    """A kernel would go to the folder above the one that the link leads to; what is meant stands in the repository."""
    (tmp_path / "outside" / "deep").mkdir()
    Path("link").symlink_to("../outside/deep")
    Path("secret").write_text("of the repository")
    Path("model.yml").write_text(MODEL % "link/../secret")
    Path("other.yml").write_text((MODEL % "link/../../outside/secret").replace("risk", "other"))
    loaded = load(".")
    assert [problem.code for problem in loaded.problems] == ["E-PATH-OUT"]
    (model,) = (one for one in loaded.manifests if one.file == "model.yml")
    assert model.contents["path"].digest == content_digest(Path("secret"))


def test_b39_a_script_behind_a_link_out_is_not_read():
    Path("code/lib").symlink_to("../../outside")
    Path("code/.amlignore").write_text("lib\n")
    Path("blue.yml").write_text(BLUE.replace("score.py", "lib/secret"))
    (blue,) = load(".").manifests
    assert blue.scripts["code_configuration.scoring_script"].text is None


def test_b39_rules_of_what_to_leave_out_are_not_read_through_a_link():
    Path("rules").write_text("score.py\n")
    Path("code/.amlignore").symlink_to("../rules")
    assert names() == [".amlignore", "score.py"]


def test_what_is_no_file_is_left_out_of_an_asset_and_not_opened():
    before = content_digest(Path("code"))
    os.mkfifo("code/pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("code/socket")
        _device("code/zero", 5)
        assert (names(), content_digest(Path("code"))) == (["score.py"], before)
        assert not {"code/pipe", "code/socket", "code/zero"} & set(
            read_files("from reconciler.load import load", "load('.')")
        )


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_no_model_and_no_script(kind: str):
    with socket.socket(socket.AF_UNIX) as bound:
        match kind:
            case "pipe":
                os.mkfifo("it")
            case "socket":
                bound.bind("it")
            case _:
                _device("it", 5)
        Path("it").rename("code/it")
        Path("model.yml").write_text(MODEL % "code/it")
        Path("blue.yml").write_text(BLUE.replace("score.py", "it"))
        loaded = load(".")
    assert [problem.code for problem in loaded.problems] == ["E-PATH"]
    assert loaded.manifests[0].scripts["code_configuration.scoring_script"].text is None


def _device(name: str, minor: int) -> None:
    """A device that gives zeros without end."""
    try:
        os.mknod(name, 0o666 | 0o020000, os.makedev(1, minor))
    except PermissionError:
        pytest.skip("only root makes devices")


def test_links_in_a_loop_are_told():
    Path("a.yml").symlink_to("b.yml")
    Path("b.yml").symlink_to("a.yml")
    assert [str(problem) for problem in load(".").problems] == [
        "a.yml:1:1: E-PATH: cannot be read: Too many levels of symbolic links",
        "b.yml:1:1: E-PATH: cannot be read: Too many levels of symbolic links",
    ]


def test_a_manifest_that_is_a_link_to_nowhere_is_told_and_not_taken_for_one_that_was_removed():
    Path("moved.yml").symlink_to("endpoint.yml.was")
    assert [str(problem) for problem in load(".").problems] == [
        "moved.yml:1:1: E-PATH: it is a link to endpoint.yml.was, which is not there"
    ]


@pytest.mark.parametrize("target", ["loop", "../code/loop"])
def test_a_link_to_itself_in_an_asset_is_told(target: str):
    Path("code/loop").symlink_to(target)
    assert [str(problem) for problem in load(".").problems] == [
        "blue.yml:8:22: E-PATH: code cannot be read: Too many levels of symbolic links"
    ]


def test_folders_that_all_link_to_each_other_are_not_entered_without_end():
    """Fourteen of them would be entered in 87 billion orders."""
    for one in range(14):
        Path(f"code/d{one}").mkdir()
        for other in range(14):
            Path(f"code/d{one}/to{other}").symlink_to(f"../d{other}")
    assert [str(problem) for problem in load(".").problems] == [
        "blue.yml:8:22: E-PATH: code cannot be read: more than 1000 links to folders are to be followed"
    ]


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("big.yml", "", "E-YAML-SIZE"),
        ("conda.yml", ENVIRONMENT, "E-CONDA"),
        ("code/.amlignore", "", "E-PATH"),
        ("code/score.py", "", "E-SCRIPT"),
    ],
)
def test_b10_a_file_of_a_terabyte_fills_no_memory(name: str, text: str, code: str):
    sparse(name)
    if text:
        Path("environment.yml").write_text(text)
    if name == "code/score.py":
        Path("code/.amlignore").write_text("score.py\n")
    if name == "big.yml":
        with Path(name).open("r+") as file:
            file.write(BLUE)
    with little_memory():
        problems = validate(Wish((".",)), None)[1]
    assert code in {problem.code for problem in problems}


def test_a_large_model_is_digested_without_being_held():
    Path("model").mkdir()
    sparse("model/weights", 256 * MEGABYTE)
    Path("model.yml").write_text(MODEL % "model")
    with little_memory():
        loaded = load(".")
    assert (loaded.problems, loaded.manifests[1].contents["path"].name) == ((), "model")


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, os.mkdir, lambda name: Path(name).symlink_to("nowhere"), lambda name: Path(name).symlink_to(name)],
    ids=["pipe", "folder", "broken link", "loop"],
)
def test_settings_that_are_no_file_are_refused_and_not_waited_for(make: Callable[[str], None]):
    make("mlops.yaml")
    with pytest.raises(ManifestError, match=r"mlops\.yaml:1:1: E-CONFIG: mlops\.yaml cannot be read: "):
        read_config(Path.cwd())


def test_settings_that_are_a_device_are_refused():
    _device("mlops.yaml", 5)
    with pytest.raises(ManifestError, match=r"E-CONFIG: mlops\.yaml cannot be read: not a regular file"):
        read_config(Path.cwd())


@pytest.mark.parametrize("target", ["/dev/zero", "/proc/self/environ", "../outside/secret"])
def test_settings_that_lie_elsewhere_are_refused_unread(target: str):
    Path("mlops.yaml").symlink_to(target)
    with pytest.raises(ManifestError, match=r"E-LINK-OUT: mlops\.yaml links to .*, outside the repository"):
        read_config(Path.cwd())


def test_a_script_beside_the_code_is_not_deployed_with_it_and_told():
    Path("beside.py").write_text("def init(): ...\ndef run(raw): ...\n")
    Path("blue.yml").write_text(BLUE.replace("score.py", "../beside.py"))
    _, problems = validate(Wish((".",)), None)
    told = "beside.py lies outside the code's folder, which alone is deployed; correct scoring_script or add the file"
    assert [problem.message for problem in problems if problem.code == "E-SCRIPT"] == [told]


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("../outside", r"E-PATH-OUT: manifests: \.\./outside: path leaves the repository root"),
        ("link", r"E-LINK-OUT: manifests: link links to .*, outside the repository"),
        ("/etc", r"E-PATH-FORM: manifests: /etc: path is absolute"),
    ],
)
def test_settings_name_no_folder_of_manifests_elsewhere(folder: str, says: str):
    Path("link").symlink_to("../outside")
    Path("mlops.yaml").write_text(f"targets: {{}}\nmanifests: {folder}\n")
    with pytest.raises(ManifestError, match=rf"mlops\.yaml:2:1: {says}"):
        read_config(Path.cwd())


def test_settings_below_the_root_name_a_folder_beside_them():
    Path("ops").mkdir()
    Path("ops/mlops.yaml").write_text("manifests: ../code\n")
    assert read_config(Path.cwd() / "ops").manifests == "../code"


def test_settings_of_a_terabyte_are_too_large():
    sparse("mlops.yaml")
    with little_memory(), pytest.raises(ManifestError, match="E-YAML-SIZE"):
        read_config(Path.cwd())


@pytest.mark.parametrize("path", [".git/config", ".GIT/config", ".mlops/local/dev/secrets", "code/../.mlops"])
def test_b38_what_is_gits_or_mlops_own_is_no_content(repository: Path, path: str):
    for name in (".git/config", ".GIT/config", ".mlops/local/dev/secrets"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("hunter2")
    (repository / "model.yml").write_text(MODEL % path)
    told = [problem for problem in load(".").problems if problem.code == "E-PATH-OUT"]
    assert len(told) == 1
    assert "is no content of the repository" in told[0].message


@pytest.mark.parametrize("target", [".git/config", ".mlops/state.key"])
def test_b39_a_link_to_what_is_gits_or_mlops_own_is_refused_also_from_a_folder_around_it(repository: Path, target: str):
    (repository / target).parent.mkdir(exist_ok=True)
    (repository / target).write_text("hunter2")
    (repository / "lib").symlink_to(target)
    (repository / "model.yml").write_text(MODEL % ".")
    assert "E-LINK-OUT" in codes()


def test_the_content_of_the_whole_repository_holds_nothing_of_mlops_own(repository: Path):
    before = content_digest(repository)
    (repository / ".mlops").mkdir()
    (repository / ".mlops" / "state.db").write_text("changes with every apply")
    assert content_digest(repository) == before
