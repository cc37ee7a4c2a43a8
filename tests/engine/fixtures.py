"""A real Docker engine, images made without a registry, and a project's name whose things are removed again.

`MLOPS_TEST_DOCKER_HOST` says which engine, else the one that `docker` finds. Where there is none, the tests that need
one are skipped by name, or fail where `MLOPS_REQUIRE=docker` is set, as `.ci/run` does.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.engine import dockerd


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs an engine, so that `-m docker` and `-m "not docker"` choose by it."""
    for item in items:
        if {"engine_host", "own_engine"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("docker")


def lacking(need: str, what: str = "docker") -> NoReturn:
    """Skip for want of an engine, or of what its tests need; fail where `MLOPS_REQUIRE` says that it must be there."""
    if what in os.environ.get("MLOPS_REQUIRE", "").split(","):
        pytest.fail(f"{need} (MLOPS_REQUIRE={what})", pytrace=False)
    pytest.skip(need)


@pytest.fixture(scope="session")
def engine_host() -> str:
    """The address of a real engine."""
    from docker import APIClient  # noqa: PLC0415 - 300 ms, which tests without an engine do without
    from docker.context import ContextAPI  # noqa: PLC0415 - as above
    from docker.errors import DockerException  # noqa: PLC0415 - as above

    host = os.environ.get("MLOPS_TEST_DOCKER_HOST") or os.environ.get("DOCKER_HOST")
    host = host or str(ContextAPI.get_current_context().Host)
    try:
        APIClient(base_url=host, version="auto").close()
    except DockerException as error:
        lacking(f"there is no Docker engine at {host}: {error}")
    return host


@pytest.fixture(scope="session")
def swarm_host(engine_host: str) -> str:
    """The address of a real engine that manages a swarm."""
    from docker import APIClient  # noqa: PLC0415 - as above

    api = APIClient(base_url=engine_host, version="auto")
    try:
        managing = api.info()["Swarm"].get("ControlAvailable", False)
    finally:
        api.close()
    if not managing:
        lacking(
            f"the engine at {engine_host} manages no swarm; run `docker swarm init --advertise-addr 127.0.0.1` on it",
            "swarm",
        )
    return engine_host


@pytest.fixture(scope="session")
def base_image(engine_host: str) -> str:
    """The name of an image of Debian with python3 and python3-venv."""
    return _made("base", engine_host)


@pytest.fixture(scope="session")
def serving_image(engine_host: str, base_image: str) -> str:
    """The name of an image whose python3 has what our scoring server needs: uvicorn and httptools."""
    return _made("serving", engine_host)


@pytest.fixture(scope="session")
def envoy_image(engine_host: str, base_image: str) -> str:
    """The name of an image with Envoy in /usr/local/bin."""
    return _made("envoy", engine_host)


@pytest.fixture
def project(engine_host: str) -> Iterator[str]:
    """A project's name of the test's own; whatever is labelled with it on the engine is removed afterwards."""
    from tests.engine.sweeping import sweep  # noqa: PLC0415 - imports docker

    name = f"t{secrets.token_hex(4)}"
    yield name
    sweep(engine_host, name)


@contextmanager
def engine_of_its_own() -> Iterator[Path]:
    """The folder of an engine for `tests.engine.dockerd` to start, end and start again.

    Such tests need root and `dockerd`; `MLOPS_REQUIRE=dockerd` has them fail where they are not there.
    """
    if why := dockerd.obstacle():
        lacking(why, "dockerd")
    # Not of pytest's own folders, whose paths are too long for that of a socket.
    folder = Path(tempfile.mkdtemp(prefix="mlops-engine-", dir="/tmp"))
    try:
        yield folder
    finally:
        dockerd.stop(folder)


@pytest.fixture
def own_engine() -> Iterator[Path]:
    """The folder of an engine of the test's own."""
    with engine_of_its_own() as folder:
        yield folder


def _made(image: str, host: str) -> str:
    from tests.engine import debian, images  # noqa: PLC0415 - imports docker

    make = {"base": images.base_image, "serving": images.serving_image, "envoy": images.envoy_image}[image]
    try:
        return make(host)
    except debian.CannotBeMadeError as error:
        lacking(str(error))
