"""Repositories to run the command line in: fresh, applied, served by processes; ended whatever becomes of the test."""

import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import LOCAL, Repository
from ended import end, layout_of
from on_engine import OnEngine

from tests.engine.sweeping import sweep

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell ignores Ctrl-C for what it runs in the background, and every process started from here would do so too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Endpoint credit with deployment blue, model and environment, on a memory target; nothing is applied."""
    return Repository(tmp_path / "repo")


@pytest.fixture(scope="session")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = Repository(tmp_path_factory.mktemp("applied") / "repo")
    repository.apply()
    return repository.folder


@pytest.fixture
def applied(repo: Repository, applied_once: Path) -> Repository:
    """The same with everything applied."""
    shutil.copytree(applied_once, repo.folder, dirs_exist_ok=True)
    return repo


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python environments that all local targets share: they are known by content."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="session")
def local_repository(environments: Path) -> Callable[[Path], Repository]:
    """Makes a repository whose target is local."""

    def make(folder: Path) -> Repository:
        repository = Repository(folder, LOCAL)
        layout = layout_of(repository)
        layout.folder.mkdir(parents=True, mode=0o700)
        layout.environments.symlink_to(environments)
        return repository

    return make


@pytest.fixture
def local(tmp_path: Path, local_repository: Callable[[Path], Repository]) -> Iterator[Repository]:
    """The same files on a local target; nothing is applied."""
    repository = local_repository(tmp_path / "repo")
    yield repository
    end(repository)


@pytest.fixture(scope="session")
def served(
    tmp_path_factory: pytest.TempPathFactory, local_repository: Callable[[Path], Repository]
) -> Iterator[Repository]:
    """A local target that serves, for tests that only look and ask."""
    repository = local_repository(tmp_path_factory.mktemp("served") / "repo")
    try:
        repository.write("manifests/green.yml", repository.read("manifests/blue.yml").replace("blue", "green"))
        repository.edit("manifests/green.yml", "code: src", "code: green")
        repository.write("manifests/green/score.py", "def init(): pass\n\n\ndef run(raw_data): return 'green'\n")
        repository.apply()
        yield repository
    finally:
        end(repository)


@pytest.fixture
def docker(tmp_path: Path, engine_host: str, serving_image: str, project: str) -> Iterator[OnEngine]:
    """The same files on a docker target; nothing is applied."""
    repository = OnEngine(tmp_path / "repo", engine_host, project, serving_image)
    yield repository
    repository.end()


@pytest.fixture(scope="session")
def served_by_engine(
    tmp_path_factory: pytest.TempPathFactory, engine_host: str, serving_image: str
) -> Iterator[OnEngine]:
    """A docker target that serves two deployments, 90 to 10, for tests that only look and ask."""
    repository = OnEngine(
        tmp_path_factory.mktemp("served") / "repo", engine_host, f"t{secrets.token_hex(4)}", serving_image
    )
    try:
        repository.write("manifests/green.yml", repository.read("manifests/blue.yml").replace("blue", "green"))
        repository.edit("manifests/green.yml", "code: src", "code: green")
        repository.write("manifests/green/score.py", "def init(): pass\n\n\ndef run(raw_data): return 'green'\n")
        repository.edit("manifests/endpoint.yml", "blue: 100", "blue: 90\n  green: 10")
        repository.apply()
        yield repository
    finally:
        repository.end()
        sweep(engine_host, repository.project)
