"""A command registers a version: what it gives becomes a plan of one resource."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.amendment import Spelled
from reconciler.errors import MlopsError
from reconciler.kinds import KINDS
from reconciler.load.checking.paths import is_remote
from reconciler.load.options import Override
from reconciler.resolve import Registry
from reconciler.wishes import Applied, Manner, Wish
from reconciler.workspace import Workspace


@dataclass(frozen=True)
class Given:
    """What a command gives of one version.

    Args:
        kind: the kind's name.
        name: of the asset; empty where the file has it.
        file: the YAML file; None where the options say it all.
        fields: dotted fields, and what the options say of them; they win over the file. Paths are relative to the
            current folder.
        overrides: from `--set`; they win over both.
    """

    kind: str
    name: str = ""
    file: Path | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()


def create(workspace: Workspace, given: Given, manner: Manner) -> tuple[Applied, Address]:
    """Register a version, or bring what may change of one that is there to what is wanted.

    Returns:
        What was done, and the version.
    """
    applied = pipeline.apply(workspace, wish_of(given), manner)
    steps = applied.planned.plan.steps
    if steps:
        return applied, steps[0].address
    document = workspace.manifests[0].document
    name = str(document["name"])
    version = document.get("version") or Registry.of(workspace.store.read()).latest(given.kind, name)
    return applied, Address(given.kind, name, version=str(version))


def numbers_passed_over(workspace: Workspace, made: Address) -> str:
    """What to tell of the numbers that a new version did not get, as there were such versions; empty without any."""
    if workspace.manifests[0].document.get("version"):
        return ""  # it was asked for by its number
    entries = workspace.store.read().entries
    others = [each for each in entries if (each.kind, each.name) == (made.kind, made.name) and each != made]
    highest = max((int(each.version) for each in others if each.version.isdigit()), default=0)
    gone = [f"{made.kind}/{made.name}:{number}" for number in range(highest + 1, int(made.version))]
    if not gone:
        return ""
    told = gone[0] if len(gone) == 1 else f"{gone[0]} to {gone[-1]}"
    return f"{told} will not come back: a run that made it was cut off, or it was deleted; no number is given twice"


def wish_of(given: Given) -> Wish:
    """What is asked of the pipeline: a file with what the options change of it, or what they spell out."""
    if given.file is None:
        _refuse_empty(given)
        document = {"name": given.name, **_nested(_placed(given, Path.cwd()))}
        options = {path: _option(path) for path in ("name", *given.fields)}
        spelled = Spelled(given.kind, {key: value for key, value in document.items() if value != ""}, options)
        return Wish(overrides=given.overrides, kind=given.kind, spelled=(spelled,), blame=False)
    folder = Path(given.file).resolve().parent
    said = tuple(Override("", path, value, _option(path)) for path, value in _placed(given, folder).items())
    return Wish(
        (str(given.file),),
        overrides=(*said, *given.overrides),
        name=given.name,
        kind=given.kind,
        beyond=tuple(os.path.realpath(path) for path in _paths(given).values()),
        blame=False,
    )


def _refuse_empty(given: Given) -> None:
    """Refuse a model without content; of an environment the check of its fields says what it lacks."""
    said = {*given.fields, *(override.path for override in given.overrides)}
    if given.kind == "model" and "path" not in said:
        raise MlopsError(f"model {given.name}: give its content by --path, or a file by --file")


def _placed(given: Given, folder: Path) -> dict[str, Any]:
    """The fields, with paths relative to a folder, as those of a file there are."""
    moved = {path: os.path.relpath(text, folder).replace(os.sep, "/") for path, text in _paths(given).items()}
    return {**given.fields, **moved}


def _paths(given: Given) -> dict[str, str]:
    """The paths on this machine that the options name."""
    named = {path: given.fields[path] for path in KINDS[given.kind].paths if path in given.fields}
    return {path: text for path, text in named.items() if not is_remote(text)}


def _option(path: str) -> str:
    """The option that says a field."""
    return "--build-context" if path == "build.path" else f"--{path.rpartition('.')[2].replace('_', '-')}"


def _nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted fields as a document has them."""
    document: dict[str, Any] = {}
    for path, value in fields.items():
        *parents, last = path.split(".")
        inner = document
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return document
