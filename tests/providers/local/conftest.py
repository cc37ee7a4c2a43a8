"""A local target for a test, ended whatever becomes of the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_world import World

from tests.environments import shared_environments


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python environments that all tests share."""
    return shared_environments(tmp_path_factory)


@pytest.fixture
def world(tmp_path: Path, environments: Path) -> Iterator[World]:
    world = World(tmp_path, environments)
    yield world
    world.end()
