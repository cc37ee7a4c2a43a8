"""Who last wrote the lines that a plan's fields come from, and in which commit.

It is what `git blame` says, but for all files in one walk through the history: to blame a thousand one by one takes
minutes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache, partial
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass
from reconciler.load.authorship.attribution import File, Held, Line, attributed
from reconciler.load.authorship.behind import Backing, Behind, backing_of
from reconciler.load.authorship.blame_cache import Written, known, learn
from reconciler.load.authorship.history import WHOLE, History, Wholes
from reconciler.load.authorship.lines import Lines, commit_of, lines_of
from reconciler.load.authorship.placed import places
from reconciler.load.disk.roots import git_root
from reconciler.load.repository.authors import authors
from reconciler.load.repository.direct import Direct
from reconciler.load.repository.git import Unanswered

PATIENCE_S = 30.0
NOTHING: Behind = MappingProxyType({})
UNKNOWN: Mapping[str, str] = MappingProxyType({})
_CUT_OFF = "they are older than what this shallow clone has, and `git fetch --unshallow` gets the rest"
_UNCLEAR = "what lies there is neither what the commit has nor what git sees as changed"


@dataclass(frozen=True)
class Blamed:
    """What is known of some places; `unknown` are those of which git did not say it, and `why`."""

    found: Mapping[Source, Blame] = field(default_factory=dict)
    unknown: tuple[Source, ...] = ()
    why: str = ""

    def problems(self) -> Iterator[Problem]:
        """The warning that some are not known, at the first of them."""
        if self.unknown:
            first, others = self.unknown[0], len(self.unknown) - 1
            more = f", and {others} more," if others > 1 else ", and one more," if others else ""
            message = f"who wrote this{more} is not known: {self.why}"
            yield Problem(first.file, first.line, first.column, "W-BLAME", message)


def blamed(
    sources: Iterable[Source],
    folder: Path,
    *,
    paths: Collection[str] = (),
    named: Behind = NOTHING,
    plain: Mapping[str, str] = UNKNOWN,
    cache: Path | None = None,
    patience_s: float = PATIENCE_S,
) -> Blamed:
    """Who last wrote some places; of those that are in no file of the folder's repository nothing is said.

    Args:
        sources: the places.
        folder: a folder of the repository.
        paths: what was loaded; some may be `REV:PATH`.
        named: the files and folders that places name: who changed them later has written the place.
        plain: git's ids of files that were read, as `load.Loaded` has them; the others are.
        cache: where answers are kept; None for nowhere.
        patience_s: how long git may take for all of them.
    """
    root = git_root(str(folder.absolute()))
    wanted = list(places(sources, root, paths)) if root else []
    if not wanted:
        return Blamed()
    try:
        git = Direct(root, patience_s=patience_s)
        commits = lru_cache(partial(commit_of, git))
        lines, backing = lines_of(git, wanted, plain, commits), backing_of(git, wanted, named, commits)
        found = _written(git, _numbers(lines, backing), cache)
    except Unanswered as error:
        return Blamed(unknown=_sorted(source for place in wanted for source in place.sources), why=str(error))
    return _told(lines, backing, found)


def _told(lines: Lines, backing: Backing, found: Written) -> Blamed:
    """Who wrote places; of those without an answer the lines, or what stands behind them, are cut off."""
    told = {
        source: wrote[number]
        for file, numbers in lines.of.items()
        if (wrote := found.get(file))
        for source, number in numbers.items()
        if number in wrote
    }
    for source, files in backing.of.items():
        theirs = [found[file][WHOLE] for file in files if WHOLE in found.get(file, ())]
        if source in told and len(theirs) == len(files):
            told[source] = max(told[source], *theirs, key=lambda blame: blame.date)
        else:
            told.pop(source, None)
    uncommitted = lines.uncommitted | backing.uncommitted
    are_lost = len(told) < sum(map(len, lines.of.values()))
    lost = {*chain(*lines.of.values())} - told.keys() - uncommitted if are_lost else set()
    unknown = _sorted(lines.unclear | lost)
    why = (_CUT_OFF if lost else _UNCLEAR) if unknown else ""
    told.update(dict.fromkeys(uncommitted, Blame()))
    return Blamed(told, unknown, why)


def _numbers(lines: Lines, backing: Backing) -> dict[File, set[int]]:
    """By file of a commit, the numbers of the lines that are looked for."""
    numbers = {file: set(places.values()) for file, places in lines.of.items()}
    for file in {*chain(*backing.of.values())}:
        numbers.setdefault(file, set()).add(WHOLE)
    return numbers


def _written(git: Direct, wanted: Mapping[File, set[int]], cache: Path | None) -> Written:
    """Who wrote lines; left out are those whose writer is in no commit that there is."""
    found = known(cache, wanted)
    new_ones = [
        (*file, number)
        for file, numbers in wanted.items()
        if not (kept := found.get(file, {}).keys()) >= numbers
        for number in numbers - kept
    ]
    if not new_ones:
        return found
    wrote, first = _walked(git, History, [line for line in new_ones if line[2] != WHOLE])
    wrote_whole, first_whole = _walked(git, Wholes, [line for line in new_ones if line[2] == WHOLE])
    wrote, first = wrote | wrote_whole, first | first_whole
    said = authors(git, set(wrote.values()))
    blames = {commit: one.blame for commit, one in said.items() if not (commit in first and one.follows)}
    new: Written = defaultdict(dict)
    for (commit, path, number), writer in wrote.items():
        if writer in blames:
            new[commit, path][number] = blames[writer]
    for file, lines in new.items():
        found.setdefault(file, {}).update(lines)
    learn(cache, found, new)
    return found


def _walked(git: Direct, kind: type[History], lines: Iterable[Line]) -> tuple[dict[Line, str], set[str]]:
    """The commits that wrote lines, and those of them that follow no other; once more for what had another name."""
    wrote, first = dict[Line, str](), set[str]()
    held = dict[str, Held]()
    for (commit, path), some in groupby(lines, key=itemgetter(0, 1)):
        held.setdefault(commit, {}).setdefault(path, {}).update({line[2]: [line] for line in some})
    while held:
        with kind(git, held, {path for each in held.values() for path in each}) as past:
            done = attributed(past, held)
        wrote, first, held = wrote | done.wrote, first | done.first, done.elsewhere
    return wrote, first


def _sorted(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple(sorted(sources, key=lambda source: (source.file, source.line, source.column)))
