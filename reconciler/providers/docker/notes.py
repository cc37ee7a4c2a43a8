"""Small things that the warden writes down for its successor and for others; and an engine's times."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any


def write_note(path: Path, value: Any) -> None:
    """Put a value in place whole, as JSON that its owner alone may read.

    It need not survive a power cut: whoever finds it torn begins anew.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(value))
    temporary.replace(path)


def seconds(moment: str) -> float:
    """An engine's time as seconds since the epoch; it has nine digits of a second or fewer, and Python reads six."""
    whole, _, fraction = moment.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
