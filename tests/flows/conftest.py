"""A folder of its own for each flow; what runs for it ends with the test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from replaying import Flow

from tests.engine.fixtures import lacking
from tests.environments import shared_environments


@pytest.fixture
def flow(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flow]:
    """The files of the flows without an mlops.yaml."""
    for tool in ("curl", "jq"):
        if not shutil.which(tool):
            lacking(f"the scripts call {tool}", tool)
    made = Flow(tmp_path / "cli", shared_environments(tmp_path_factory))
    yield made
    made.end()
