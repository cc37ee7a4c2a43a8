"""Places in files become lines of commits: which file of which commit, and which of git's lines of it."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH118

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field
from itertools import groupby, islice
from typing import Self

from reconciler.core.manifest import Source
from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.authorship.attribution import File, line_before
from reconciler.load.authorship.history import Hunk, changed_here
from reconciler.load.authorship.placed import PlacedFile
from reconciler.load.disk.blob_id import DIGITS, blob_id
from reconciler.load.repository.direct import Direct
from reconciler.load.repository.git import Unanswered
from reconciler.load.yaml.text import MAX_BYTES
from reconciler.record.files import open_regular

# What ends a line for YAML; for git it is a line feed alone.
_LINE_END = pattern(b"\r\n|[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9]")
_ODD_END = pattern(b"\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]")
_FILES = ("100644", "100755")
_MOST_NAMED = 1000

Commits = Callable[[str], str]
"""Gives the id of a revision's commit, as `commit_of`."""


@dataclass(frozen=True)
class Lines:
    """What places are: lines of commits, in no commit, or not clear, as they are not what any commit says.

    Args:
        of: by file of a commit, the numbers of the places' lines.
    """

    of: dict[File, dict[Source, int]] = field(default_factory=dict)
    uncommitted: set[Source] = field(default_factory=set)
    unclear: set[Source] = field(default_factory=set)


def lines_of(git: Direct, wanted: Iterable[PlacedFile], plain: Mapping[str, str], commits: Commits) -> Lines:
    """Find out what places are.

    Args:
        git: of the repository.
        wanted: the places.
        plain: git's ids of files that were read, as `load.Loaded` has them.
        commits: tells which one a revision is.

    Raises:
        Unanswered: git cannot say.
    """
    lines = Lines()
    for revision, some in groupby(sorted(wanted, key=_revision), key=_revision):
        if commit := commits(revision):
            _add(lines, git, commit, list(some), plain)
        else:
            (lines.unclear if revision else lines.uncommitted).update(*(place.sources for place in some))
    return lines


def _revision(place: PlacedFile) -> str:
    return place.revision


def _add(lines: Lines, git: Direct, commit: str, wanted: Sequence[PlacedFile], plain: Mapping[str, str]) -> None:
    """Add the places of one revision."""
    blobs = blobs_of(git, commit, {place.path for place in wanted})
    others = []
    for place in wanted:
        blob = plain.get(place.file)
        if blob and blob == blobs.get(place.path):  # as nearly all are, whose lines are the commit's
            lines.of.setdefault((commit, place.path), {}).update({source: source.line for source in place.sources})
        else:
            others.append(place)
    _add_others(lines, git, commit, others, plain, blobs)


def _add_others(
    lines: Lines,
    git: Direct,
    commit: str,
    wanted: Sequence[PlacedFile],
    plain: Mapping[str, str],
    blobs: Mapping[str, str],
) -> None:
    """Add those in files that are not known to be as the commit has them."""
    files = {place.path: _File.of(place, len(commit), plain) for place in wanted}
    changed: dict[str, tuple[Hunk, ...]] = {path: () for path, file in files.items() if blobs.get(path) in file.ids}
    here = {place.path for place in wanted if not place.revision} & blobs.keys() - changed.keys()
    changed |= _changed(git, commit, {path: files[path] for path in here}, blobs)
    for place in wanted:
        path, file, hunks = place.path, files[place.path], changed.get(place.path)
        for source in place.sources:
            before = 0 if hunks is None else line_before(file.line(source.line), hunks)
            if before:
                lines.of.setdefault((commit, path), {})[source] = before
            elif place.revision or (path in blobs and hunks is None):
                lines.unclear.add(source)
            else:
                lines.uncommitted.add(source)


def _changed(
    git: Direct, commit: str, files: Mapping[str, "_File"], blobs: Mapping[str, str]
) -> dict[str, tuple[Hunk, ...]]:
    """What was changed in files of the checkout since the commit; git sees through line ends that it converts."""
    if not files:
        return {}
    found = changed_here(git, commit, files)
    pairs = ((path, found.get((blobs[path], each))) for path, file in files.items() for each in file.ids)
    return {path: hunks for path, hunks in pairs if hunks is not None}


@dataclass(frozen=True)
class _File:
    """A file as it lies there.

    Args:
        data: what it holds.
        ids: those that git may know its content by.
        odd: whether YAML and git count its lines in different ways.
    """

    data: bytes = b""
    ids: tuple[str, ...] = ()
    odd: bool = False

    @classmethod
    def of(cls, place: PlacedFile, length: int, plain: Mapping[str, str]) -> Self:
        """The file of a place, of which it may be known what it holds; git's ids are so long."""
        blob = plain.get(place.file) if length == DIGITS else None
        return cls(ids=(blob,)) if blob else cls._read(place, length)

    @classmethod
    def _read(cls, place: PlacedFile, length: int) -> Self:
        try:
            with open_regular(os.path.join(place.folder, place.path)) as file:
                data = file.read(MAX_BYTES)
        except OSError:
            return cls()
        forms = dict.fromkeys((data, data.replace(b"\r\n", b"\n")))
        return cls(data, tuple(blob_id(form, length) for form in forms), _ODD_END.search(data) is not None)

    def line(self, number: int) -> int:
        """The number that git has for a line of YAML's."""
        if not self.odd:
            return number
        ends = [end.end() for end in islice(_LINE_END.finditer(self.data), number - 1)]
        return self.data.count(b"\n", 0, ends[-1] if ends else 0) + 1


def blobs_of(git: Direct, commit: str, paths: Collection[str]) -> dict[str, str]:
    """The ids of the content of a commit's files."""
    some = sorted(paths) if len(paths) <= _MOST_NAMED else ()
    said = git.told("ls-tree", "-r", "-z", "--full-tree", commit, "--", *some)
    entries = (entry.partition("\t") for entry in os.fsdecode(said).split("\0") if entry)
    return {path: facts.split(" ")[2] for facts, _, path in entries if facts.startswith(_FILES) and path in paths}


def commit_of(git: Direct, revision: str) -> str:
    """The id of a commit; empty before the first one, and of a revision that is none, as a tree."""
    try:
        said = git.told("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision or 'HEAD'}^{{commit}}")
    except Unanswered as error:
        if str(error):
            raise
        return ""
    return said.decode("ascii").strip()
