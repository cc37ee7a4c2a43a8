"""A GitHub of this machine's own: repositories, runners and what they run."""

from pathlib import Path

import pytest

from tests.runner.hub import Hub
from tests.runner.machine import Machine
from tests.runner.runs import Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    """With no repository so far."""
    hub = Hub(tmp_path / "remotes")
    machine = Machine(hub, tmp_path / "machines")
    machine.folder.mkdir()
    return Service(hub, machine, tmp_path / "at")
