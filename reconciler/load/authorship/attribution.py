"""Lines are followed through history to the commit that wrote them, by the rules of `git blame`.

Who has the same lines wrote them no later: first a parent is looked for that has the whole file as it is, by its name,
else by another one; then every parent in its order for the lines that it has. What none of them has, the commit wrote.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from reconciler.frozen import dataclass
from reconciler.load.authorship.history import Delta, Hunk

File = tuple[str, str]
"""A commit, and a path from the repository's root."""

Line = tuple[str, str, int]
"""A commit, a path from the repository's root, and the number of a line, as git counts; or `WHOLE`."""

Lines = dict[int, list[Line]]
"""By their numbers in one file of one commit, the lines that are looked for, each with the lines that came from it."""

Held = dict[str, Lines]
"""The same of several files by their paths."""


class Past(Protocol):
    """What is asked of the history; its one module says what the answers mean."""

    def parents(self, commit: str) -> tuple[str, ...]:
        """The commits that a commit follows."""
        ...

    def position(self, commit: str) -> int:
        """Where a commit stands: mostly behind those that follow it."""
        ...

    def changed(self, commit: str, parent: str) -> Mapping[str, Delta]:
        """The paths that are not in the parent as they are in the commit."""
        ...

    def renamed(self, commit: str, parent: str, paths: Collection[str]) -> Mapping[str, Delta]:
        """Of paths that the parent lacks, those that it has by another name."""
        ...


@dataclass(frozen=True)
class Attributed:
    """What became of the lines.

    Args:
        wrote: by every line that was looked for, the commit that wrote it.
        first: of these commits, those that follow no other.
        elsewhere: by commit, what is to be looked for on from there, as it had another name.
    """

    wrote: dict[Line, str] = field(default_factory=dict)
    first: set[str] = field(default_factory=set)
    elsewhere: dict[str, Held] = field(default_factory=dict)


def attributed(past: Past, start: Mapping[str, Held]) -> Attributed:
    """Follow lines from the commits in which they are looked for."""
    walk = _Walk(past, start)
    while walk.held:
        # Whoever is to be handed something by one that comes first waits for it.
        walk.step(min(walk.held, key=past.position))
    return walk.done


class _Walk:
    """Lines on their way, by the commit that holds them."""

    def __init__(self, past: Past, start: Mapping[str, Held]) -> None:
        self.held: dict[str, Held] = dict(start)
        self.done = Attributed()
        self._past = past

    def step(self, commit: str) -> None:
        """Hand what one commit holds to its parents, and keep what is its own."""
        held, parents = self.held.pop(commit), self._past.parents(commit)
        for parent in parents:
            changed = self._past.changed(commit, parent)
            differing = {path: held.pop(path) for path in changed if path in held}
            _hand(self.held, parent, held)
            held = differing
        if held and not parents:
            self.done.first.add(commit)
        renamed = {parent: self._renamed(commit, parent, held) for parent in parents}
        for path, lines in held.items():
            origins = [(parent, self._past.changed(commit, parent)[path]) for parent in parents]
            self._share(commit, lines, [(p, renamed[p].get(path, delta), path in renamed[p]) for p, delta in origins])

    def _renamed(self, commit: str, parent: str, held: Held) -> Mapping[str, Delta]:
        changed = self._past.changed(commit, parent)
        missing = [path for path in held if not changed[path].old]
        return self._past.renamed(commit, parent, missing) if missing else {}

    def _share(self, commit: str, lines: Lines, origins: Sequence[tuple[str, Delta, bool]]) -> None:
        """Hand the lines of one file on to where they come from."""
        same = next((origin for origin in origins if origin[1].old and not origin[1].hunks), None)
        for parent, delta, elsewhere in [same] if same else origins:
            if delta.old:
                theirs, lines = _parted(lines, delta.hunks)
                _hand(self.done.elsewhere if elsewhere else self.held, parent, {delta.old: theirs} if theirs else {})
        self.done.wrote.update({line: commit for later in lines.values() for line in later})


def _hand(to: dict[str, Held], commit: str, held: Held) -> None:
    """Let a commit hold more; no copy is made where it held nothing, as that is the way of most files."""
    if not held:
        return
    if commit not in to:
        to[commit] = held
        return
    few, many = sorted((held, to[commit]), key=len)
    for path, lines in few.items():
        mine = many.setdefault(path, {})
        for line, later in lines.items():
            mine[line] = [*mine.get(line, []), *later]
    to[commit] = many


def _parted(lines: Lines, hunks: Sequence[Hunk]) -> tuple[Lines, Lines]:
    """The lines that were there before, by their numbers then, and those that a hunk wrote."""
    before: Lines = {}
    written: Lines = {}
    for line, later in lines.items():
        old = line_before(line, hunks)
        if old:
            before[old] = later
        else:
            written[line] = later
    return before, written


def line_before(line: int, hunks: Sequence[Hunk]) -> int:
    """The number that a line had before; 0 when it was not there."""
    shift = 0
    for _, count, start, count_after in hunks:
        if start + max(count_after - 1, 0) >= line:
            return 0 if count_after and start <= line else line + shift
        shift += count - count_after
    return line + shift
