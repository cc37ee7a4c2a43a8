"""A repository on a memory target, whose registry the tests fill by commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_world import SETTINGS, write

from reconciler.workspace import Workspace, open_workspace


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose files define nothing yet, beside content of models."""
    repository = tmp_path / "repo"
    write(repository, mlops_dot_yaml=SETTINGS, run1__model__weights_dot_txt="1", run2__model__weights_dot_txt="2")
    (repository / "manifests").mkdir()
    monkeypatch.chdir(repository)
    return repository


@pytest.fixture
def workspace(folder: Path) -> Iterator[Workspace]:
    assert folder.exists()
    with open_workspace(None) as opened:
        yield opened
