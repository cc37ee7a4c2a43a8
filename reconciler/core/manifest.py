"""A manifest is one YAML document as written; the resource it becomes has every default made explicit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple, Self

from reconciler.core.address import Address
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass

Spec = Mapping[str, Any]
"""The fields of a resource: JSON values, and `Secret` where a value may not be shown."""


class Source(NamedTuple):
    """A place in a file; lines and columns count from 1.

    No dataclass: a large plan makes a hundred thousand, and asks of each several times who wrote it.
    """

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Past(Source):
    """A place in a file as it was before something was taken out there, which is never equal to one of the present.

    Args:
        now: what is nearest to it in the file of the present; None where the whole resource is gone.
        commit: the one that took it out; empty where that is in no commit yet.
    """

    now: Source | None
    commit: str

    def __new__(cls, file: str, line: int, column: int = 1, now: Source | None = None, commit: str = "") -> Self:
        """Make one."""
        made = super().__new__(cls, file, line, column)
        made.now, made.commit = now, commit
        return made

    def _replace(self, **given: Any) -> Self:
        """The same with other fields, as of any named tuple; what it is besides one stays."""
        return type(self)(**{**self._asdict(), "now": self.now, "commit": self.commit, **given})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Past) and (*self, self.now, self.commit) == (*other, other.now, other.commit)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = Source.__hash__

    def __str__(self) -> str:
        return f"was {self.file}:{self.line}"


def at_present(source: Source | None) -> Source | None:
    """A place in a file of the present: for one that is past what is nearest to it."""
    return source.now if isinstance(source, Past) else source


@dataclass(frozen=True)
class Content:
    """What a path field of a manifest points at.

    Args:
        digest: `sha256:…` over names and bytes, ignored files left out; equal content, equal digest.
        name: the base name that the content has where it is served.
        location: where it lies on this machine; never part of a comparison or a record.
        is_folder: whether it is a folder.
    """

    digest: str
    name: str
    location: Path = field(compare=False)
    is_folder: bool = True


@dataclass(frozen=True)
class Manifest:
    """One document of ours, with variables, overrides and names applied.

    Args:
        file: the file's path as the user would write it.
        kind: `endpoint`, `deployment`, `model` or `environment`.
        platform: `managed` or `kubernetes`; empty for assets.
        document: the document as written, its conda file and nested environment file read in.
        positions: dotted field path to (line, column); the document itself under the empty path.
        contents: dotted field path to what it points at, for every path field that names local files.
        valid: False when the document has errors; it then counts only as an answer to "does this name exist?".
        scripts: dotted path of a scoring script to its text, so that it can be checked without being imported.
        given: dotted field path to where it was written, for fields that were given from outside the file.
        brought: dotted field path to the file that was read in its place, on this machine.
        derived: fields that it leaves out and its content tells, for a version that is new.
    """

    file: str
    kind: str
    platform: str
    document: Spec
    positions: Mapping[str, tuple[int, int]]
    contents: Mapping[str, Content]
    valid: bool = True
    scripts: Mapping[str, "Script"] = field(default_factory=dict)
    given: Mapping[str, Source] = field(default_factory=dict)
    brought: Mapping[str, str] = field(default_factory=dict)
    derived: Spec = field(default_factory=dict)

    def source(self, path: str = "") -> Source:
        """Where a field was written: its own place, else its nearest written parent's."""
        if self.given and (origin := origin_of(path, self.given)):
            return origin
        while (place := self.positions.get(path)) is None:
            if not path:
                return Source(self.file, 1)
            path = path.rpartition(".")[0]
        return Source(self.file, *place)

    def sources(self, paths: Iterable[str]) -> list[Source]:
        """Where several fields were written; a large plan asks for a hundred thousand."""
        if self.given:
            return [self.source(path) for path in paths]
        file, found, made = self.file, self.positions.get, tuple.__new__
        return [made(Source, (file, *place)) if (place := found(path)) else self.source(path) for path in paths]

    def problem(self, path: str, code: str, message: str) -> Problem:
        """A problem at the place of a field."""
        source = self.source(path)
        return Problem(source.file, source.line, source.column, code, message)


def origin_of(path: str, given: Mapping[str, Source]) -> Source | None:
    """Where a field was given from outside the file, by itself or as a part of what was given."""
    found = (place for name, place in given.items() if name in ("", path) or path.startswith(f"{name}."))
    return next(found, None)


@dataclass(frozen=True)
class Script:
    """A scoring script as found: `text` is None when there is none to read, which `lacking` says."""

    path: str
    text: str | None
    lacking: str = "is not there"


@dataclass(frozen=True)
class Resource:
    """What a manifest asks for, comparable: names resolved, assets known by digest, defaults explicit.

    Args:
        manifest: where each field was written; no part of a comparison.
        labels: by field, the label that stood in place of the version in a reference, such as `latest`.
    """

    address: Address
    spec: Spec
    manifest: Manifest = field(compare=False, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)

    def source(self, path: str) -> Source | None:
        """Where a field was written; None of what no file says, such as what a record brings back."""
        return self.manifest.source(path) if self.manifest.file else None

    def sources(self, paths: Sequence[str]) -> Sequence[Source | None]:
        """The same of several fields."""
        return self.manifest.sources(paths) if self.manifest.file else [None] * len(paths)
