"""Repositories as users of the Python API have them: on a memory target, and one that is served by processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import LOCAL, written

import reconciler
from reconciler.providers.hosting.layout import Layout
from tests.ending import end_all


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository on memory targets, in which one stands."""
    folder = written(tmp_path / "repo")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository whose target `dev` is served by processes; `secure` is another one, on which nothing is."""
    folder = written(tmp_path_factory.mktemp("api") / "repo", LOCAL)
    layouts = [Layout(folder / ".mlops" / "local" / target) for target in ("dev", "secure")]
    try:
        reconciler.apply(target="dev", cwd=folder)
        yield folder
    finally:
        end_all(folder, *layouts)
