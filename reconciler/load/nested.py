"""Files that a manifest brings in: a conda file, and the environment that `file:` names."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.core.problem import Problem
from reconciler.kinds import KINDS
from reconciler.load.contents import CONDA, Contents, path_fields
from reconciler.load.document import Document, document
from reconciler.load.explain import Flaw
from reconciler.load.nodes import Unreadable, documents
from reconciler.load.paths import Found, is_remote
from reconciler.load.place import Bounds, Here
from reconciler.load.rules import field, misread
from reconciler.load.text import decoded

FILE = "file:"


class CondaFiles:
    """The conda files of one run, each read once."""

    def __init__(self, contents: Contents, bounds: Bounds) -> None:
        self._contents, self._bounds = contents, bounds
        self._read: dict[str, tuple[Any, tuple[Problem, ...], str]] = {}

    def of(self, spec: Mapping[str, Any], path: str, folder: str) -> tuple[Mapping[str, Any], list[Flaw], list[Problem]]:
        """The document with the conda file at `path` read in; what is wrong with the path, and with the file."""
        text = field(spec, path)
        if not isinstance(text, str) or is_remote(text):
            return spec, [], []
        found = self._contents.find(text.removeprefix(FILE), folder, path)
        if isinstance(found, Flaw):
            code = "E-CONDA" if found.code == "E-PATH" else found.code
            return spec, [Flaw(path, code, found.message)], []
        value, problems, _ = self._conda(found)
        return (spec if problems else put(spec, path, value)), [], list(problems)

    def digests(self) -> list[str]:
        """The name and the text of every conda file that was read."""
        return sorted(text for _, _, text in self._read.values())

    def _conda(self, found: Found) -> tuple[Any, tuple[Problem, ...], str]:
        if found.path not in self._read:
            self._read[found.path] = _conda(found.path, self._bounds)
        return self._read[found.path]


def put(spec: Mapping[str, Any], path: str, value: Any) -> Mapping[str, Any]:
    """A copy of a document with a value at a dotted path that is there."""
    head, _, rest = path.partition(".")
    return {**spec, head: put(spec[head], rest, value) if rest else value}


def rebased(environment: Mapping[str, Any], own: str, folder: str) -> Mapping[str, Any]:
    """An environment's document with its paths relative to `folder` in place of its own file's."""
    for path, _ in path_fields(KINDS["environment"]):
        text = field(environment, path)
        if isinstance(text, str) and not is_remote(text):
            moved = os.path.relpath(os.path.join(own, text), folder).replace(os.sep, "/")
            environment = put(environment, path, moved)
    return {key: value for key, value in environment.items() if key != "$schema"}


def _conda(path: str, bounds: Bounds) -> tuple[Any, tuple[Problem, ...], str]:
    """A conda file's mapping, and what is wrong with it, each as E-CONDA at its place."""
    here = Here(path, os.path.basename(path), bounds.shown(path))
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        return None, (here.problem(1, 1, "E-CONDA", f"cannot be read: {error.strerror or error}"),), ""
    text = decoded(data, here)
    problems: list[Problem] = []
    if isinstance(text, Problem):
        return None, (_conda_problem(text),), ""
    try:
        found = [document(top, here, problems) for top in documents(text, here, problems)]
    except Unreadable as error:
        problems.append(error.problem)
        found = []
    if not problems:
        problems = [here.problem(*place, "E-CONDA", message) for place, message in _wrong(found)]
    if problems:
        return None, tuple(_conda_problem(problem) for problem in problems), text
    return found[0].value, (), f"{here.shown}\n{text}"


def _conda_problem(problem: Problem) -> Problem:
    return Problem(problem.file, problem.line, problem.column, "E-CONDA", problem.message)


def _wrong(found: list[Document]) -> list[tuple[tuple[int, int], str]]:
    if len(found) != 1 or not isinstance(found[0].value, Mapping):
        return [((1, 1), "a conda file is one mapping, with dependencies: and channels:")]
    one = found[0]
    wrong = [(flaw.path, flaw.message) for flaw in misread(one.value, one.written)]
    dependencies = one.value.get("dependencies", [])
    if not isinstance(dependencies, list):
        wrong.append(("dependencies", "dependencies is a list of packages"))
        dependencies = []
    for index, item in enumerate(dependencies):
        if not isinstance(item, (str, Mapping)):
            wrong.append((f"dependencies.{index}", "a dependency is text, or pip: with a list"))
        elif isinstance(item, Mapping) and not isinstance(item.get("pip", []), list):
            wrong.append((f"dependencies.{index}.pip", "pip: takes a list of requirements"))
    return [(one.positions.get(path, (1, 1)), message) for path, message in wrong]
