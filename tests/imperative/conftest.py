"""A workspace with an endpoint, in a folder with the file of a deployment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from deployment_world import lay_out, make_endpoint

from reconciler.workspace import Workspace, open_workspace


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A memory target without anything, opened in its folder."""
    lay_out(tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    with open_workspace(None) as opened:
        yield opened


@pytest.fixture
def workspace(bare: Workspace) -> Workspace:
    """The same with endpoint credit."""
    make_endpoint(bare)
    return bare
