"""Repositories as users of the Python API have them: on a memory target, and one that is served by processes."""

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from api_world import LOCAL, written

import reconciler
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes


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
        for layout in layouts:
            Processes(layout).shutdown()
        left = [each for each in psutil.process_iter() if _is_below(folder, each)]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=5)
        for layout in layouts:
            layout.clear_sockets()


def _is_below(folder: Path, process: psutil.Process) -> bool:
    try:
        return any(str(folder) in word for word in process.cmdline())
    except psutil.Error:
        return False
