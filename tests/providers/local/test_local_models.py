"""The folder for AZUREML_MODEL_DIR: real folders of hard links to what is stored, or copies; whole, and as stored."""

import errno
import multiprocessing
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from local_world import ENDPOINT, World

from reconciler.errors import ProviderError
from reconciler.load.disk.digest import content_digest
from reconciler.providers.local.models import laid_model, linked_model, remove_models
from reconciler.scoring import served
from reconciler.scoring.served import Part
from tests.waiting import until

FILES = {"weights.txt": "42", "deep/er/tokens.json": "[]", ".hidden": "h"}
LISTING = """import os
from pathlib import Path


def init(): pass


def run(raw_data):
    root = Path(os.environ["AZUREML_MODEL_DIR"])
    walked = [os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names]
    found = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return [sorted(found), sorted(walked), [path.read_text() for path in sorted(root.rglob("*.txt"))]]
"""


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Content as the store has it: read-only files."""
    return written(tmp_path / "assets" / "sha256-0a")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "private" / "local" / "dev" / "models"


def written(folder: Path, **files: str) -> Path:
    for name, text in {**FILES, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o444)
    return folder


def files(folder: Path) -> dict[str, str]:
    """What is found without going through links."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_text() for path in found}


def no_links(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refused)


def test_files_are_found_below_real_folders_and_take_no_space_of_their_own(models: Path, stored: Path):
    laid = laid_model(models, stored, "net")
    assert files(laid) == {f"net/{name}": text for name, text in FILES.items()}
    for name in FILES:
        assert (laid / "net" / name).samefile(stored / name)
        assert (laid / "net" / name).stat().st_mode & 0o777 == 0o444
    assert content_digest(laid / "net") == content_digest(stored)


def test_a_model_of_one_file_is_a_file(models: Path, stored: Path):
    laid = laid_model(models, stored / "weights.txt", "model.pkl")
    assert files(laid) == {"model.pkl": "42"}
    assert laid_model(models, stored / "weights.txt", "model.pkl") == laid


def test_equal_content_of_one_name_is_one_folder_and_of_another_name_another_one(models: Path, stored: Path):
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda name: laid_model(models, stored, name), ["net", "risk"] * 8))
    assert {path.name for folder in found for path in folder.iterdir()} == {"net", "risk"}
    assert {path for path in models.iterdir() if path.is_dir()} == found


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_where_nothing_can_be_linked_files_are_copied_once(
    models: Path, stored: Path, monkeypatch: pytest.MonkeyPatch, code: int
):
    no_links(code, monkeypatch)
    copy = laid_model(models, stored, "net") / "net" / "weights.txt"
    inode = copy.stat().st_ino
    assert (inode != (stored / "weights.txt").stat().st_ino, copy.stat().st_mode & 0o777) == (True, 0o444)
    laid_model(models, stored, "net")
    assert copy.stat().st_ino == inode
    copy.unlink()
    copy.write_text("24")
    os.utime(copy, ns=(0, (stored / "weights.txt").stat().st_mtime_ns))
    laid_model(models, stored, "net")
    assert copy.read_text() == "42"


def test_what_was_altered_or_added_there_is_laid_down_anew(models: Path, stored: Path):
    laid = laid_model(models, stored, "net")
    (laid / "net" / "weights.txt").unlink()
    (laid / "net" / "weights.txt").write_text("0")
    (laid / "net" / "deep" / "more.txt").write_text("more")
    shutil.rmtree(laid / "net" / "deep" / "er")
    assert laid_model(models, stored, "net") == laid
    assert files(laid / "net") == FILES


def test_it_follows_content_that_was_edited_where_it_lies_and_stored_anew(models: Path, stored: Path):
    laid = laid_model(models, stored, "net")
    (stored / "weights.txt").chmod(0o644)
    (stored / "weights.txt").write_text("24")
    assert files(laid / "net")["weights.txt"] == "24"
    shutil.rmtree(stored)
    written(stored)
    laid_model(models, stored, "net")
    assert files(laid / "net") == FILES
    assert (laid / "net" / "weights.txt").samefile(stored / "weights.txt")


def killed_in_the_middle(models: Path, stored: Path) -> None:
    link = os.link

    def once(source: str, target: str) -> None:
        link(source, target)
        os.kill(os.getpid(), signal.SIGKILL)

    os.link = once  # type: ignore[assignment]  # of a process that ends by it
    laid_model(models, stored, "net")


def test_one_that_was_killed_in_the_middle_leaves_nothing_that_is_taken_for_the_whole(models: Path, stored: Path):
    process = multiprocessing.get_context("fork").Process(target=killed_in_the_middle, args=(models, stored))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert [path.name for path in models.iterdir() if path.is_dir()] == [".fresh"]
    laid = laid_model(models, stored, "net")
    assert files(laid / "net") == FILES
    assert [path for path in models.iterdir() if path.is_dir()] == [laid]


def test_what_cannot_be_laid_down_is_said_and_leaves_nothing(
    models: Path, stored: Path, monkeypatch: pytest.MonkeyPatch
):
    no_links(errno.EPERM, monkeypatch)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(ProviderError, match=r"the model net cannot be laid down in .*No space left"):
        laid_model(models, stored, "net")
    assert [path.name for path in models.iterdir()] == ["lock"]


def test_another_link_to_what_a_server_has_loaded_is_no_edit(
    models: Path, stored: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(served, "SMALL", 1)
    large, digest = Part(laid_model(models, stored, "net") / "net"), content_digest(stored)
    assert large.told()["loaded"] in ("", digest)
    laid_model(models, stored, "risk")
    told = until(lambda: found if (found := large.told())["now"] else None)
    assert told["now"] == digest
    assert told["loaded"] in ("", digest)


def test_what_is_debugged_in_place_is_that_itself(models: Path, stored: Path):
    link = linked_model(models, stored, "net") / "net"
    assert (link.is_symlink(), link.resolve()) == (True, stored)


def test_content_that_is_removed_takes_its_folders_along_and_no_other(models: Path, stored: Path, tmp_path: Path):
    laid, named = laid_model(models, stored, "net"), laid_model(models, stored, "risk")
    other = laid_model(models, written(tmp_path / "assets" / "sha256-0b"), "net")
    remove_models(tmp_path / "private", "sha256:0a")
    assert (laid.exists(), named.exists(), files(other / "net")) == (False, False, FILES)


def test_a_script_that_lists_finds_every_file(world: World):
    written(world.contents.path("sha256:0a"))
    world.do("create", "endpoint/credit", ENDPOINT)
    model = {"path": {"name": "net", "digest": "sha256:0a"}, "type": "custom_model"}
    world.do("create", "deployment/credit/blue", world.deployment(LISTING, model=model))
    names = sorted(f"net/{name}" for name in FILES)
    assert world.score("blue") == [names, names, ["42"]]
