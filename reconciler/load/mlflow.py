"""What an MLflow model says of itself: the flavors of its MLmodel file, which Azure keeps with the version."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.core.problem import Problem
from reconciler.load.disk.listed import DESCRIPTION, descriptions_in
from reconciler.load.looked import Looked, digest_of
from reconciler.load.place import Here
from reconciler.load.yaml.text import MAX_BYTES, decoded
from reconciler.record.files import open_regular


def described_in(location: Path) -> list[Path]:
    """The files by which MLflow knows a model: of the folder itself, else of the folders in it."""
    found = [name for name, _ in descriptions_in(str(location))] if location.is_dir() else []
    return [location / name for name in (found[:1] if DESCRIPTION in found else found)]


def flavors_of(location: Path, looked: Looked) -> Mapping[str, Any] | str:
    """The flavors of a model's content, or the words of what is wrong with its description.

    Args:
        location: the folder, in which there is an MLmodel file.
        looked: is told of that file.
    """
    found = described_in(location)
    if len(found) != 1:
        return f"an MLflow model is one folder with an {DESCRIPTION} file; there are {len(found)}"
    here = Here(str(found[0]), DESCRIPTION, DESCRIPTION)
    try:
        with open_regular(here.path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return f"{DESCRIPTION} cannot be read: {error.strerror or error}"
    looked.read(here.path, digest_of(data))
    values = _values(data, here)
    if isinstance(values, Problem):
        return f"{DESCRIPTION} cannot be read: line {values.line}: {values.message}"
    flavors = values[0].get("flavors") if len(values) == 1 and isinstance(values[0], Mapping) else None
    return _plain(flavors) if isinstance(flavors, Mapping) and flavors else f"{DESCRIPTION} names no flavors"


def _values(data: bytes, here: Here) -> list[Any] | Problem:
    """The documents of a file, within the limits that hold for manifests; else the first thing that is wrong."""
    text = decoded(data, here)
    if isinstance(text, Problem):
        return text
    from reconciler.load.yaml.document import document  # noqa: PLC0415 - an unchanged file is known
    from reconciler.load.yaml.nodes import Unreadable, documents  # noqa: PLC0415 - as above

    problems: list[Problem] = []
    try:
        values = [document(top, here, problems).value for top in documents(text, here, problems)]
    except Unreadable as error:
        return error.problem
    return problems[0] if problems else values


def _plain(value: Any) -> Any:
    """A value as JSON can have it: what YAML makes a date of is text again."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)
