"""Environment variables from a file, for values that whoever looks at a container's settings must not read."""

from __future__ import annotations

import json
import time
from collections.abc import MutableMapping
from pathlib import Path

from reconciler.scoring.settings import SettingsError

NAME = "MLOPS_VARIABLES_FILE"


def take_variables(environ: MutableMapping[str, str]) -> None:
    """Put the variables of the file that the environment names into it; they win over those that are there.

    The file is a JSON object of strings. What a Python or its C library reads as it starts, such as PYTHONPATH or
    LD_PRELOAD, is too late there.

    Raises:
        SettingsError: there is no such file, or it holds something else; says what, and none of its values.
    """
    path = environ.get(NAME)
    if not path:
        return
    try:
        found = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise SettingsError(f"{NAME}: {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise SettingsError(f"{NAME}: {path} is no JSON") from None
    if not isinstance(found, dict) or not all(map(_is_variable, found.items())):
        raise SettingsError(f"{NAME}: {path} is no JSON object of names and strings")
    environ.update(found)
    if "TZ" in found and hasattr(time, "tzset"):
        time.tzset()


def _is_variable(item: tuple[str, object]) -> bool:
    """Whether operating systems take it."""
    name, value = item
    return bool(name) and isinstance(value, str) and "=" not in name and "\0" not in name + value
