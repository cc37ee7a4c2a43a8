"""A repository in the current folder, of a user who has set no variable of ours."""

import os
from pathlib import Path

import pytest

from tests.remembering.remembered_world import apply, write_repository


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One that nobody has applied yet."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("MLOPS_")]:
        monkeypatch.delenv(name)
    write_repository()
    return tmp_path


@pytest.fixture
def as_wanted(written: Path) -> Path:
    """One whose target is as the files say."""
    apply()
    return written
