"""Waiting for a condition, with a deadline that only a broken program meets."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(condition: Callable[[], Found], *, patience_s: float = 150.0) -> Found:
    """Wait until a condition gives something true, and return that."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found
