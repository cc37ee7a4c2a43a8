"""Who last wrote the lines that a plan's fields come from, and in which commit.

It is what `git blame` says, but for all files in one walk through the history: to blame a thousand one by one takes
minutes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.problem import Problem
from reconciler.frozen import dataclass
from reconciler.load.attribution import Held, Line, attributed
from reconciler.load.authors import authors
from reconciler.load.behind import Behind, wholes_of
from reconciler.load.blame_cache import known, learn
from reconciler.load.direct import Direct
from reconciler.load.git import Unanswered
from reconciler.load.history import WHOLE, History, Wholes
from reconciler.load.lines import lines_of, places
from reconciler.load.place import git_root

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
        lines, wholes = lines_of(git, wanted, plain), wholes_of(git, wanted, named)
        found, cut_off = _written(git, {*lines.of.values(), *chain(*wholes.of.values())}, cache)
    except Unanswered as error:
        return Blamed(unknown=_sorted(source for place in wanted for source in place.sources), why=str(error))
    told = {source: found[line] for source, line in lines.of.items() if line not in cut_off}
    for source, each in wholes.of.items():
        if source in told and cut_off.isdisjoint(each):
            told[source] = _latest([told[source], *(found[line] for line in each)])
        else:
            told.pop(source, None)
    uncommitted = lines.uncommitted | wholes.uncommitted
    lost = lines.of.keys() - told.keys() - uncommitted if cut_off else set()
    unknown = _sorted({*lines.unclear, *lost})
    why = (_CUT_OFF if lost else _UNCLEAR) if unknown else ""
    return Blamed({**told, **dict.fromkeys(uncommitted, Blame())}, unknown, why)


def _latest(blames: Sequence[Blame]) -> Blame:
    return max(blames, key=lambda blame: blame.date)


def _written(git: Direct, lines: Set[Line], cache: Path | None) -> tuple[dict[Line, Blame], set[Line]]:
    """Who wrote lines, and those whose writer is in no commit that there is."""
    kept = known(cache, lines)
    new_ones = lines - kept.keys()
    wrote, first = _walked(git, History, [line for line in new_ones if line[2] != WHOLE])
    wrote_whole, first_whole = _walked(git, Wholes, [line for line in new_ones if line[2] == WHOLE])
    wrote, first = wrote | wrote_whole, first | first_whole
    said = authors(git, set(wrote.values()))
    cut_off = {line for line, commit in wrote.items() if commit in first and said[commit].follows}
    new = {line: said[commit].blame for line, commit in wrote.items() if line not in cut_off}
    learn(cache, kept, new)
    return {**kept, **new} if new else kept, cut_off


def _walked(git: Direct, kind: type[History], lines: Iterable[Line]) -> tuple[dict[Line, str], set[str]]:
    """The commits that wrote lines, and those of them that follow no other; once more for what had another name."""
    wrote, first = dict[Line, str](), set[str]()
    held = dict[str, Held]()
    for commit, path, number in lines:
        held.setdefault(commit, {}).setdefault(path, {})[number] = [(commit, path, number)]
    while held:
        with kind(git, held, {path for each in held.values() for path in each}) as past:
            done = attributed(past, held)
        wrote, first, held = wrote | done.wrote, first | done.first, done.elsewhere
    return wrote, first


def _sorted(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple(sorted(sources, key=lambda source: (source.file, source.line, source.column)))
