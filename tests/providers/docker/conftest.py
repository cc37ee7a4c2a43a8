"""A docker target for a test; `engine_host`, `serving_image`, `project` and more are in tests/engine/fixtures.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_world import World
from swarm_world import SwarmWorld


@pytest.fixture
def world(tmp_path: Path, engine_host: str, project: str, serving_image: str) -> Iterator[World]:
    world = World(tmp_path, engine_host, project, serving_image)
    yield world
    world.end()


@pytest.fixture
def contained(tmp_path: Path, engine_host: str, project: str, serving_image: str, envoy_image: str) -> Iterator[World]:
    """A target whose gateway is a container."""
    world = World(tmp_path, engine_host, project, serving_image, gateway={"image": envoy_image})
    yield world
    world.end()


@pytest.fixture
def swarm(tmp_path: Path, swarm_host: str, project: str, serving_image: str) -> Iterator[SwarmWorld]:
    """A target in swarm mode."""
    world = SwarmWorld(tmp_path, swarm_host, project, serving_image)
    yield world
    world.end()
