"""Places in files become lines of commits: which file of which commit, and which of git's lines of it."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH110, PTH118, PTH119, PTH120

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cache
from itertools import groupby, islice
from typing import Self

from reconciler.core.manifest import Source
from reconciler.frozen import dataclass
from reconciler.load.attribution import Line, line_before
from reconciler.load.blob_id import DIGITS, blob_id
from reconciler.load.direct import Direct
from reconciler.load.git import Unanswered
from reconciler.load.history import Hunk, changed_here
from reconciler.load.overrides import SET
from reconciler.load.place import below, git_root, inside
from reconciler.load.text import MAX_BYTES
from reconciler.record.files import open_regular

# What ends a line for YAML; for git it is a line feed alone.
_LINE_END = re.compile(b"\r\n|[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9]")
_ODD_END = re.compile(b"\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]")
_FILES = ("100644", "100755")
_MOST_NAMED = 1000


@dataclass(frozen=True)
class Place:
    """Places in one file of a repository.

    Args:
        sources: as they are shown.
        folder: where the repository's files lie.
        path: of the file, from there.
        revision: whose files they are; empty for those of the checkout.
    """

    sources: tuple[Source, ...]
    folder: str
    path: str
    revision: str = ""


@dataclass
class Lines:
    """What places are: lines of commits, in no commit, or not clear, as they are not what any commit says."""

    of: dict[Source, Line] = field(default_factory=dict)
    uncommitted: set[Source] = field(default_factory=set)
    unclear: set[Source] = field(default_factory=set)


def places(sources: Iterable[Source], root: str, paths: Collection[str]) -> Iterator[Place]:
    """The places in files of a repository, as checked out or of a revision, file by file.

    Those in a repository inside of it are left out.
    """
    lying = _Lying(root, [path.partition(":")[0] for path in paths if not os.path.exists(path)])
    by_file: dict[str, list[Source]] = {}
    for source in sources:
        by_file.setdefault(source.file, []).append(source)
    for file, some in by_file.items():
        if found := lying.of(file):
            yield Place(tuple(some), *found)


class _Lying:
    """Where files lie that places are in."""

    def __init__(self, root: str, revisions: Sequence[str]) -> None:
        self._root, self._folder, self._revisions = root, os.path.realpath(root), revisions
        self._real, self._holder, self._laid_out = cache(os.path.realpath), cache(_holder), cache(self._tree)

    def of(self, file: str) -> tuple[str, ...]:
        """The folder of the repository's files, the path from there, and the revision; nothing where it is not in it.

        Args:
            file: as it is shown.
        """
        path = os.path.join(self._real(os.path.dirname(file)), os.path.basename(file))
        found = _mode(path)
        if stat.S_ISLNK(found):
            path = os.path.realpath(path)
            found = _mode(path)
        if file != SET and stat.S_ISREG(found):
            ours = inside(path, self._folder) and self._holder(os.path.dirname(path)) == self._folder
            return (self._folder, below(path, self._folder)) if ours else ()
        revision = next((each for each in self._revisions if file.startswith(f"{each}:")), "")
        return self._of_revision(file, revision) if revision else ()

    def _of_revision(self, file: str, revision: str) -> tuple[str, str, str]:
        folder = self._laid_out(revision)
        path = os.path.realpath(os.path.join(folder, file.removeprefix(f"{revision}:")))
        return folder, os.path.relpath(path, folder), revision

    def _tree(self, revision: str) -> str:
        from reconciler.load.revision import laid_out  # noqa: PLC0415  # only files of a revision need it

        return os.path.realpath(laid_out(revision, "", start=self._root))


def _mode(path: str) -> int:
    """What lies at a path; 0 where nothing does."""
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return 0


def _holder(folder: str) -> str:
    """The repository that a folder is in, links resolved."""
    return os.path.realpath(git_root(folder))


def lines_of(git: Direct, wanted: Iterable[Place], plain: Mapping[str, str]) -> Lines:
    """Find out what places are.

    Args:
        git: of the repository.
        wanted: the places.
        plain: git's ids of files that were read, as `load.Loaded` has them.

    Raises:
        Unanswered: git cannot say.
    """
    lines = Lines()
    for revision, some in groupby(sorted(wanted, key=_revision), key=_revision):
        _add(lines, git, revision, list(some), plain)
    return lines


def _revision(place: Place) -> str:
    return place.revision


def _add(lines: Lines, git: Direct, revision: str, wanted: Sequence[Place], plain: Mapping[str, str]) -> None:
    commit = commit_of(git, revision)
    if not commit:
        (lines.unclear if revision else lines.uncommitted).update(
            source for place in wanted for source in place.sources
        )
        return
    by_path = {place.path: place for place in wanted}
    blobs = blobs_of(git, commit, by_path.keys())
    files = {path: _File.of(place, len(commit), plain) for path, place in by_path.items()}
    changed: dict[str, tuple[Hunk, ...]] = {path: () for path, file in files.items() if blobs.get(path) in file.ids}
    if not revision:
        changed |= _changed(
            git, commit, {path: files[path] for path in blobs.keys() & files.keys() - changed.keys()}, blobs
        )
    for place in wanted:
        path, file, hunks = place.path, files[place.path], changed.get(place.path)
        for source in place.sources:
            before = 0 if hunks is None else line_before(file.line(source.line), hunks)
            if before:
                lines.of[source] = (commit, path, before)
            elif revision or (path in blobs and hunks is None):
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
    def of(cls, place: Place, length: int, plain: Mapping[str, str]) -> Self:
        """The file of a place, of which it may be known what it holds; git's ids are so long."""
        blob = plain.get(place.sources[0].file) if length == DIGITS else None
        return cls(ids=(blob,)) if blob else cls._read(place, length)

    @classmethod
    def _read(cls, place: Place, length: int) -> Self:
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
