"""The JSON Schemas of what commands print: shipped as files beside what prints it, each a promise."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import reconciler.render

FOLDER = Path(reconciler.render.__file__).parent / "schemas"

PUBLISHED = ("plan", "apply", "drift", "drift-event", "validate", "history", "run", "failure")
"""Their names.

`drift-event` is a line of a watch, `run` one of the history, `failure` why a command has no answer, in any report.
"""


def published(name: str) -> Mapping[str, Any]:
    """A schema by its name."""
    schema: Mapping[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return schema
