"""Where the tests of one run keep Python environments: known by content, each is built once for all workers."""

import os
from pathlib import Path

import pytest


def shared_environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the environments of this run; the folder of a worker is one below that of the run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "environments"
    folder.mkdir(exist_ok=True)
    return folder
