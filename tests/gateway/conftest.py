"""Fixtures of the gateway's tests."""

from collections.abc import Iterator

import pytest
from gateway_world import World, new_world


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as found:
        yield found
