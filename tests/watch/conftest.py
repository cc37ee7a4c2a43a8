"""A team with a bare repository for each test."""

from pathlib import Path

import pytest
from followed import Team


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """One endpoint on a memory target, pushed once; nothing is applied."""
    return Team(tmp_path)
