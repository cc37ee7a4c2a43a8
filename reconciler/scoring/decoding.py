"""JSON that a client sent."""

from __future__ import annotations

import json
from typing import Any


def decoded(text: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is none, or no value can be made of it, as where it is nested a thousand times.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
