"""How far the logs of instances were read, on disk: a keeper that was killed leaves it to its successor."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from reconciler.keeper.say import say
from reconciler.keeper.tail import Position, Tail


def load(path: Path) -> dict[str, Tail]:
    """Return the logs that were being read; they are left once read, unless somebody follows them."""
    try:
        found = json.loads(path.read_bytes())
        return {log: Tail(log, Position(**facts), leaving=True) for log, facts in found.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        say(f"{path} cannot be read, so lines may come twice: {error}")
        return {}


def save(path: Path, tails: Mapping[str, Tail]) -> None:
    """Put the positions in place whole. They need not survive a power cut: then lines may come twice."""
    temporary = path.with_name(f".{path.name}.new")
    text = json.dumps({log: asdict(tail.position) for log, tail in tails.items()})
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
