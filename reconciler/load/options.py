"""What a load is asked for, and what it answers."""

from collections.abc import Mapping, Set
from dataclasses import field
from pathlib import Path
from typing import Any

from reconciler.core.manifest import Manifest
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Override:
    """A field given from outside the file.

    Args:
        address: the manifest's address as text; empty for whatever a single file holds.
        path: the field, dotted; a list's item as `[0]`.
        value: what the field becomes.
        origin: `--set`, or the file that says so.
        line: the line of `origin`, counted from 1.
        column: the column of `origin`, counted from 1.
    """

    address: str
    path: str
    value: Any
    origin: str
    line: int = 1
    column: int = 1

    def problem(self, code: str, message: str) -> Problem:
        """A problem at the place where the override was written."""
        return Problem(self.origin, self.line, self.column, code, message)


@dataclass(frozen=True)
class Options:
    """How to read manifests.

    Args:
        variables: what replaces `{{NAME}}`.
        overrides: fields given by `--set` and `mlops.yaml`.
        policies: of `mlops.yaml`, each with its name as the path.
        name: the name of the one resource of a single file.
        endpoint_name: the endpoint of the one deployment of a single file.
        kind: what a single file holds, where a command says so; empty to let the file tell.
        cache: folder of the parse cache; without it every file is parsed.
        beyond: paths, links resolved, that the options of a command name; they may lie outside of the repository.
        start: the folder where the user stands, if that is not the current one; REV:PATH is of its repository.
        only: the files of a folder that are meant, by their names below it; None for all that there are.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    policies: tuple[Override, ...] = ()
    name: str = ""
    endpoint_name: str = ""
    kind: str = ""
    cache: Path | None = None
    beyond: tuple[str, ...] = ()
    start: str = ""
    only: frozenset[str] | None = None


@dataclass(frozen=True)
class Loaded:
    """Everything that was read.

    Args:
        manifests: sorted by file and line; those with errors are there with `valid=False`.
        problems: errors and warnings of all files, sorted.
        passed_over: YAML files that are not ours.
        tree: SHA-256 of everything that went in; equal inputs, equal tree.
        alone: whether only single files were named, which are themselves and not everything that is wanted.
        names: by file as the user would write it, its name below the loaded folder.
        files: where they were read, and the files that they bring in.
        digests: by name below the loaded folder, of each file of ours that of all that it holds, names and brings in.
        blobs: by name below the loaded folder, git's id of what was read of each file; only where there is a cache.
        looked: by path on this machine, the digest of the content to which manifests lead; empty where none is.
        looking: by these paths, the names of the files that lead there.
        secrets: the variables of the environment that were asked for the values of secrets.
        plain: by file as the user would write it, git's id of what was read, where that is ASCII with LF line ends.
    """

    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...]
    passed_over: tuple[str, ...]
    tree: str
    alone: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    digests: Mapping[str, str] = field(default_factory=dict)
    blobs: Mapping[str, str] = field(default_factory=dict, compare=False)
    looked: Mapping[str, str] = field(default_factory=dict)
    looking: Mapping[str, Set[str]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    plain: Mapping[str, str] = field(default_factory=dict, compare=False)
