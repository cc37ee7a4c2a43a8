"""A download is what was registered, whole, below the folder that was asked for and nowhere else."""

from pathlib import Path

import pytest
from registry_world import register, risk, write

from reconciler.errors import MlopsError, ProviderError
from reconciler.imperative.downloading import download
from reconciler.workspace import Workspace


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_folder_lies_below_the_models_name_with_its_executable_bits(workspace: Workspace, folder: Path):
    write(folder, run1__model__bin__convert="#!/bin/sh\n")
    (folder / "run1/model/bin/convert").chmod(0o755)
    register(workspace, path="run1/model")
    laid = download(workspace, risk("1"), folder / "got")
    assert laid == folder / "got" / "risk" / "model"
    assert files(folder / "got") == {"risk/model/bin/convert": "#!/bin/sh\n", "risk/model/weights.txt": "1"}
    assert [path.stat().st_mode & 0o777 for path in (laid / "bin/convert", laid / "weights.txt")] == [0o755, 0o644]


def test_a_file_lies_there_by_itself(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model/weights.txt")
    download(workspace, risk("1"), folder / "got")
    assert files(folder / "got") == {"risk/weights.txt": "1"}


def test_it_works_once_the_source_is_gone(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    workspace.contents.clear()
    (folder / "run1/model/weights.txt").unlink()
    download(workspace, risk("1"), folder / "got")
    assert files(folder / "got") == {"risk/model/weights.txt": "1"}


def test_files_that_are_there_are_replaced_and_others_stay(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    write(folder, got__risk__model__weights_dot_txt="old", got__risk__model__notes_dot_txt="mine")
    download(workspace, risk("1"), folder / "got")
    assert files(folder / "got") == {"risk/model/notes.txt": "mine", "risk/model/weights.txt": "1"}


@pytest.mark.parametrize("link", ["risk", "risk/model", "risk/model/sub"])
def test_no_link_leads_out(workspace: Workspace, folder: Path, link: str):
    write(folder, run1__model__sub__more_dot_txt="more", away__kept_dot_txt="kept")
    register(workspace, path="run1/model")
    (folder / "got" / link).parent.mkdir(parents=True)
    (folder / "got" / link).symlink_to(folder / "away")
    with pytest.raises(MlopsError, match="is a link"):
        download(workspace, risk("1"), folder / "got")
    assert files(folder / "away") == {"kept.txt": "kept"}


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(workspace: Workspace, folder: Path):
    write(folder, away__kept_dot_txt="kept")
    register(workspace, path="run1/model")
    (folder / "got/risk/model").mkdir(parents=True)
    (folder / "got/risk/model/weights.txt").symlink_to(folder / "away/kept.txt")
    download(workspace, risk("1"), folder / "got")
    assert (files(folder / "away"), files(folder / "got")) == (
        {"kept.txt": "kept"},
        {"risk/model/weights.txt": "1"},
    )


def test_a_name_of_a_record_leads_nowhere_else(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    state = workspace.store.read()
    held = state.entries[risk("1")]
    spec = {**held.spec, "path": {**held.spec["path"], "name": "../../out"}}
    with workspace.store.lock({}, timeout_s=0):
        workspace.store.note(risk("1"), type(held)(spec, created=held.created))
    with pytest.raises(MlopsError, match="cannot be the name of a file"):
        download(workspace, risk("1"), folder / "got")


def test_what_was_altered_in_the_store_is_not_handed_out(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    (stored,) = (folder / ".mlops/assets").glob("sha256-*/weights.txt")
    stored.chmod(0o644)
    stored.write_text("forged")
    with pytest.raises(ProviderError, match=r"of model/risk:1 is no longer what was registered"):
        download(workspace, risk("1"), folder / "got")
    assert files(folder / "got") == {}


def test_content_that_lies_elsewhere_is_not_downloaded(workspace: Workspace, folder: Path):
    register(workspace, path="https://example.org/model.pkl")
    with pytest.raises(MlopsError, match=r"has no content in this target: its path is https://example.org/model.pkl"):
        download(workspace, risk("1"), folder / "got")


def test_what_opens_its_address_is_not_told(workspace: Workspace, folder: Path):
    register(workspace, path="https://store.example.org/model.pkl?sv=1&sig=opensesame")
    with pytest.raises(MlopsError, match=r"its path is https://store.example.org/model.pkl\?sv=1&sig=\*\*\*$"):
        download(workspace, risk("1"), folder / "got")


def test_a_place_that_cannot_be_written_is_told(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    write(folder, got="a file")
    with pytest.raises(MlopsError, match="cannot be written: Not a directory"):
        download(workspace, risk("1"), folder / "got")
