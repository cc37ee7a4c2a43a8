"""The commits behind some others, and what each changed of some files, as git tells it: three processes for all."""

# Paths are text here: they are names in git's trees, not places on this machine.
# ruff: noqa: PTH122

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import Self

from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.repository.direct import Differences, Direct
from reconciler.load.repository.git import Unanswered

Hunk = tuple[int, int, int, int]
"""One place that was changed: the first line and the count of those before, the same of those after."""

WHOLE = 0
"""The number of the one line that a file or a folder is when it is looked at as a whole."""

Hunks = Mapping[tuple[str, str], tuple[Hunk, ...]]
"""What was changed between contents, by the ids of both."""

_AT_A_TIME = 64
# More files than that, each by its name, take git longer to tell apart than to look at all.
_MOST_NAMED = 50
_MOST_ALONE = 20
# Whatever the settings and attributes of the repository say, the difference that `git blame` would see.
DIFFERENCE = (
    *("-r", "--raw", "-z", "--no-abbrev", "--no-color", "--no-ext-diff", "--no-textconv", "--text"),
    *("--ignore-submodules=all", "--diff-algorithm=myers", "--indent-heuristic", "--inter-hunk-context=0"),
)
_PATCHES = ("-p", "-U0", "--full-index", "--no-renames")
_RENAMES = ("--find-renames", "-l1000", "--diff-filter=R")
# Lines of files begin with a sign, so that no other begins as these do.
_PATCHED = pattern(rb"\n(?:index ([0-9a-f]+)\.\.([0-9a-f]+)|@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@)")
_SPECIAL = pattern(r"([*?\[\]\\])")


@dataclass(frozen=True)
class Delta:
    """How a file came to be from one of a parent.

    Args:
        old: the name that it had there; empty where it was not there.
        hunks: what was changed in it; none where its content is the same.
    """

    old: str
    hunks: tuple[Hunk, ...] = ()


@dataclass(frozen=True)
class Raw:
    """One file of a difference: git's letter for what became of it, its names and ids before and after."""

    status: str
    old: str
    new: str
    blobs: tuple[str, str]


class History:
    """What lies behind some commits, as far as it concerns some paths.

    Args:
        git: whoever is asked.
        starts: the commits to begin with.
        paths: the files that matter, from the repository's root.
    """

    words: tuple[str, ...] = (*DIFFERENCE, *_PATCHES)

    def __init__(self, git: Direct, starts: Collection[str], paths: Collection[str]) -> None:
        self._git, self._paths, self._open = git, frozenset(paths), ExitStack()
        self._parents: dict[str, tuple[str, ...]] = {}
        self._positions: dict[str, int] = {}
        self._changed: dict[tuple[str, str], Mapping[str, Delta]] = {}
        self._deletions: Differences | None = None  # of one process for all, which few histories need
        differing = (*self.words, "--no-commit-id", "--", *named(paths))
        with ExitStack() as opened:
            self._commits = opened.enter_context(git.lines("rev-list", "--parents", *starts, "--"))
            self._differences = opened.enter_context(git.differences(*differing))
            self._open = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.__exit__(kind, error, at)

    def parents(self, commit: str) -> tuple[str, ...]:
        """The commits that a commit follows, in its own order.

        Raises:
            Unanswered: git does not know it.
        """
        while commit not in self._parents:
            self._read_on()
        return self._parents[commit]

    def position(self, commit: str) -> int:
        """Where a commit stands in the order that git gives, children mostly first; behind all that was read so far."""
        return self._positions.get(commit, len(self._positions))

    def changed(self, commit: str, parent: str) -> Mapping[str, Delta]:
        """The paths that are not in the parent as they are in the commit."""
        return self._changed[commit, parent]

    def renamed(self, commit: str, parent: str, paths: Collection[str]) -> Mapping[str, Delta]:
        """Of paths that the parent lacks, those that it has by another name.

        As `git blame` does, each is looked for by itself; of very many at once, an old name is found in one alone.
        """
        gone = self._gone(commit, parent)
        groups = [[path] for path in paths] if len(paths) <= _MOST_ALONE else [list(paths)]
        found = [raw for group in groups if gone for raw in self._renames(commit, parent, [*group, *gone])]
        return {raw.new: Delta(raw.old, self._between(raw, parent, commit)) for raw in found if raw.new in paths}

    def _gone(self, commit: str, parent: str) -> list[str]:
        """The paths that a parent has and a commit lacks, whether or not they matter."""
        if self._deletions is None:
            words = (*DIFFERENCE, "--no-renames", "--no-commit-id", "--diff-filter=D")
            self._deletions = self._open.enter_context(self._git.differences(*words))
        (said,) = self._deletions([(commit, parent)])
        return [raw.new for raw in raws(said)]

    def _renames(self, commit: str, parent: str, paths: Collection[str]) -> Iterator[Raw]:
        return raws(self._git.told("diff-tree", *DIFFERENCE, *_RENAMES, parent, commit, "--", *named(paths)))

    def _between(self, raw: Raw, parent: str, commit: str) -> tuple[Hunk, ...]:
        if raw.blobs[0] == raw.blobs[1]:
            return ()
        words = (*DIFFERENCE, "-p", "-U0", "--full-index", *_RENAMES, parent, commit, "--", *named((raw.old, raw.new)))
        return hunks(self._git.told("diff-tree", *words))[raw.blobs]

    def _read_on(self) -> None:
        """Read of some more commits whom they follow, and what they changed."""
        some = [line.split(" ") for line in islice(self._commits, _AT_A_TIME)]
        if not some:
            raise Unanswered("a commit is missing; `git fsck` tells more")
        pairs = [(commit, parent) for commit, *parents in some for parent in parents]
        for pair, said in zip(pairs, self._differences(pairs), strict=True):
            self._changed[pair] = self._deltas(said) if said else {}
        for commit, *parents in some:
            self._parents[commit], self._positions[commit] = tuple(parents), len(self._positions)

    def _deltas(self, said: bytes) -> Mapping[str, Delta]:
        found = hunks(said)
        # Of a file that was a link before, nothing is taken from there.
        return {
            raw.new: Delta(raw.old, found[raw.blobs]) if raw.status == "M" else Delta("")
            for raw in raws(said)
            if raw.new in self._paths and raw.blobs[0] != raw.blobs[1]
        }


class Wholes(History):
    """The same of files and folders as a whole: whatever changes below one, its one line is another."""

    words: tuple[str, ...] = (*DIFFERENCE, "--no-renames")

    def _deltas(self, said: bytes) -> Mapping[str, Delta]:
        touched = {each for raw in raws(said) for each in containing(raw.new) if each in self._paths}
        return {path: Delta(path, ((WHOLE, 1, WHOLE, 1),)) for path in touched}


def containing(path: str) -> Iterator[str]:
    """A path, and the folders that it is in."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def changed_here(git: Direct, commit: str, paths: Collection[str]) -> Hunks:
    """How files that lie in the checkout came to be from those of a commit, by the ids of what is in both."""
    words = (*DIFFERENCE, *_PATCHES, commit, "--", *named(paths))
    return hunks(git.told("diff-index", *words, unfiltered=True))


def named(paths: Collection[str]) -> list[str]:
    """Words that name paths to git; of many, what they have in common."""
    if len(paths) <= _MOST_NAMED:
        return [f":(literal){path}" for path in sorted(paths)]
    folder = os.path.commonpath(paths)
    below = f"{escaped(folder)}/" if folder else ""
    return [f":(glob){below}**/*{escaped(ending)}" for ending in sorted({os.path.splitext(path)[1] for path in paths})]


def escaped(text: str) -> str:
    """A text of which no character means others in a pattern of git's."""
    return _SPECIAL.sub(r"\\\1", text)


def raws(said: bytes) -> Iterator[Raw]:
    """The files of a difference."""
    words = iter(said.split(b"\0"))
    for facts in words:
        if not facts.startswith(b":"):
            return  # an empty word, after which come the patches
        _, _, old, new, status = facts.decode("ascii").split(" ")
        name = os.fsdecode(next(words))
        yield Raw(status[0], name, os.fsdecode(next(words)) if status[0] == "R" else name, (old, new))


def hunks(said: bytes) -> Hunks:
    """The hunks of every patch of a difference, by the ids of what it is between."""
    found: dict[tuple[str, str], list[Hunk]] = {}
    here: list[Hunk] = []
    start = said.find(b"\0\0")
    for match in _PATCHED.finditer(said, start) if start >= 0 else ():
        old, new, *numbers = match.groups()
        if old:
            here = found[old.decode("ascii"), new.decode("ascii")] = []
        else:
            first, count, first_after, count_after = (int(number or 1) for number in numbers)
            here.append((first, count, first_after, count_after))
    return {pair: tuple(each) for pair, each in found.items()}
