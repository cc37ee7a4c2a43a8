"""Files that a manifest brings in: a conda file, and the environment that `file:` names."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH118, PTH120

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from reconciler.core.contents import digest_of_files
from reconciler.core.problem import Problem
from reconciler.kinds import KINDS
from reconciler.kinds.environment import ENVIRONMENT
from reconciler.load.checking.flaw import Flaw
from reconciler.load.checking.literals import literal_secrets
from reconciler.load.checking.paths import is_remote
from reconciler.load.checking.rules import field, misread, put
from reconciler.load.contents import CONDA, Contents, path_fields
from reconciler.load.disk.lfs import is_pointer
from reconciler.load.place import Bounds, Here
from reconciler.load.reading import Entry, Reading, read_environment
from reconciler.load.tree import Tree
from reconciler.load.yaml.document import document
from reconciler.load.yaml.nodes import Unreadable, documents
from reconciler.load.yaml.parsed import Document
from reconciler.load.yaml.text import MAX_BYTES, decoded
from reconciler.record.files import open_regular

FILE = "file:"


class Nested:
    """The nested files of one run, each read once."""

    def __init__(self, contents: Contents, bounds: Bounds, tree: Tree) -> None:
        self._contents, self._bounds, self._tree = contents, bounds, tree
        self._condas: dict[str, tuple[Any, list[Problem]]] = {}
        self._environments: dict[str, Reading] = {}
        self._digests: dict[str, str] = {}
        self._owner = ""

    def brought_in(self, entry: Entry, folder: str, owner: str) -> tuple[Mapping[str, Any], list[Flaw], list[Problem]]:
        """A document with its nested files in place of their paths; what is wrong with the paths, and in the files.

        Args:
            entry: the document.
            folder: of its file.
            owner: the name of that file below the loaded folder.
        """
        self._owner = owner
        document, flaws, problems = self._environment(entry.document, entry.kind, folder)
        for path in conda_fields(entry.kind):
            text = field(document, path)
            if isinstance(text, str) and not is_remote(text):
                value, wrong, inside = self._conda(text.removeprefix(FILE), path, folder)
                document = document if value is None else put(document, path, value)
                flaws, problems = flaws + wrong, problems + inside
        return document, flaws, problems

    def brought(self, entry: Entry, folder: str) -> dict[str, str]:
        """By the dotted paths of fields, the files that stand in their place."""
        paths = (*KINDS[entry.kind].references, *conda_fields(entry.kind))
        named = {path: field(entry.document, path) for path in paths}
        texts = {path: text for path, text in named.items() if isinstance(text, str) and not is_remote(text)}
        found = {
            path: self._contents.find(text.removeprefix(FILE), folder, path)
            for path, text in texts.items()
            if path.endswith(CONDA) or text.startswith(FILE)
        }
        return {path: place for path, place in found.items() if not isinstance(place, Flaw)}

    def _environment(
        self, document: Mapping[str, Any], kind: str, folder: str
    ) -> tuple[Mapping[str, Any], list[Flaw], list[Problem]]:
        """The document with the environment that `file:` names, its paths made relative to `folder`."""
        for path, asset in KINDS[kind].references.items():
            text = document.get(path) if asset == ENVIRONMENT.name else None
            if not isinstance(text, str) or not text.startswith(FILE):
                continue
            found = self._contents.find(text.removeprefix(FILE), folder, path)
            if isinstance(found, Flaw):
                return document, [found], []
            reading = self._environment_file(found)
            if reading.problems:
                return document, [], list(reading.problems)
            inline = rebased(reading.entries[0].document, os.path.dirname(found), folder)
            return {**document, path: inline}, [], []
        return document, [], []

    def _environment_file(self, path: str) -> Reading:
        if path not in self._environments:
            here, data = self._read(path)
            self._environments[path] = read_environment(data, here)
        self._note(path)
        return self._environments[path]

    def _conda(self, text: str, path: str, folder: str) -> tuple[Any, list[Flaw], list[Problem]]:
        found = self._contents.find(text, folder, path)
        if isinstance(found, Flaw):
            code = "E-CONDA" if found.code == "E-PATH" else found.code
            return None, [Flaw(path, code, found.message)], []
        if found not in self._condas:
            here, data = self._read(found)
            self._condas[found] = _conda(data, here)
        self._note(found)
        value, problems = self._condas[found]
        return value, [], problems

    def _read(self, path: str) -> tuple[Here, bytes]:
        data = _bytes(path)
        self._digests[path] = hashlib.sha256(data).hexdigest()
        return self._here(path), data

    def _note(self, path: str) -> None:
        """Say of a file that it is brought in by the one whose documents are at hand."""
        self._tree.brought(self._owner, self._here(path), self._digests[path])
        self._contents.looked.read(path, digest_of_files([("", self._digests[path])]))

    def _here(self, path: str) -> Here:
        return Here(path, os.path.relpath(path, self._bounds.base), self._bounds.shown(path))


@cache
def conda_fields(kind: str) -> tuple[str, ...]:
    """The fields of a kind that name a conda file."""
    return tuple(path for path, _ in path_fields(kind) if path.endswith(CONDA))


def rebased(environment: Mapping[str, Any], own: str, folder: str) -> Mapping[str, Any]:
    """An environment's document with its paths relative to `folder` in place of its own file's."""
    for path, _ in path_fields(ENVIRONMENT.name):
        text = field(environment, path)
        if isinstance(text, str) and not is_remote(text):
            moved = os.path.relpath(os.path.join(own, text), folder).replace(os.sep, "/")
            environment = put(environment, path, moved)
    return {key: value for key, value in environment.items() if key != "$schema"}


def _bytes(path: str) -> bytes:
    """A nested file's content; nothing when it cannot be read, which is then said of its content."""
    try:
        with open_regular(path) as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return b""


def _conda(data: bytes, here: Here) -> tuple[Any, list[Problem]]:
    """A conda file's mapping, and what is wrong with it, each as E-CONDA at its place."""
    if is_pointer(data):
        return None, [here.problem(1, 1, "E-LFS", "the conda file is a Git LFS pointer; run git lfs pull")]
    text = decoded(data, here)
    if isinstance(text, Problem):
        return None, [_conda_problem(text)]
    problems: list[Problem] = []
    found: list[Document] = []
    try:
        found += [document(top, here, problems) for top in documents(text, here, problems)]
    except Unreadable as error:
        problems.append(error.problem)
    problems += literal_secrets(text, here)
    problems = problems or [here.problem(*place, "E-CONDA", message) for place, message in _wrong(found)]
    return None if problems else found[0].value, [_conda_problem(problem) for problem in problems]


def _conda_problem(problem: Problem) -> Problem:
    code = problem.code if problem.code == "E-SECRET" else "E-CONDA"
    return Problem(problem.file, problem.line, problem.column, code, problem.message)


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
