"""Who last wrote the lines that a plan's fields come from, and in which commit.

It is what `git blame` says, but for all files in one walk through the history: to blame a thousand one by one takes
minutes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.problem import Problem
from reconciler.load.attribution import Held, Line, attributed
from reconciler.load.authors import authors
from reconciler.load.blame_cache import known, learn
from reconciler.load.direct import Direct
from reconciler.load.git import Unanswered
from reconciler.load.history import History
from reconciler.load.lines import lines_of, places
from reconciler.load.place import git_root

PATIENCE_S = 30.0
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
    cache: Path | None = None,
    patience_s: float = PATIENCE_S,
) -> Blamed:
    """Who last wrote some places; of those that are in no file of the folder's repository nothing is said.

    Args:
        sources: the places.
        folder: a folder of the repository.
        paths: what was loaded; some may be `REV:PATH`.
        cache: where answers are kept; None for nowhere.
        patience_s: how long git may take for all of them.
    """
    root = git_root(str(folder.absolute()))
    wanted = list(places(sources, root, paths)) if root else []
    if not wanted:
        return Blamed()
    try:
        git = Direct(root, patience_s=patience_s)
        lines = lines_of(git, wanted)
        found, cut_off = _written(git, set(lines.of.values()), cache)
    except Unanswered as error:
        return Blamed(unknown=_sorted(place.source for place in wanted), why=str(error))
    told = {source: found[line] for source, line in lines.of.items() if line in found}
    unknown = _sorted([*lines.unclear, *(source for source, line in lines.of.items() if line in cut_off)])
    why = (_CUT_OFF if cut_off else _UNCLEAR) if unknown else ""
    return Blamed({**told, **dict.fromkeys(lines.uncommitted, Blame())}, unknown, why)


def _written(git: Direct, lines: Collection[Line], cache: Path | None) -> tuple[dict[Line, Blame], set[Line]]:
    """Who wrote lines, and those whose writer is in no commit that there is."""
    kept = known(cache, {commit for commit, _, _ in lines})
    found = {line: kept[line] for line in lines if line in kept}
    wrote, first = _walked(git, [line for line in lines if line not in kept])
    said = authors(git, set(wrote.values()))
    cut_off = {line for line, commit in wrote.items() if commit in first and said[commit].follows}
    new = {line: said[commit].blame for line, commit in wrote.items() if line not in cut_off}
    learn(cache, new)
    return {**found, **new}, cut_off


def _walked(git: Direct, lines: Iterable[Line]) -> tuple[dict[Line, str], set[str]]:
    """The commits that wrote lines, and those of them that follow no other; once more for what had another name."""
    wrote, first = dict[Line, str](), set[str]()
    held = dict[str, Held]()
    for commit, path, number in lines:
        held.setdefault(commit, {}).setdefault(path, {})[number] = [(commit, path, number)]
    while held:
        with History(git, held, {path for each in held.values() for path in each}) as past:
            done = attributed(past, held)
        wrote, first, held = wrote | done.wrote, first | done.first, done.elsewhere
    return wrote, first


def _sorted(sources: Iterable[Source]) -> tuple[Source, ...]:
    return tuple(sorted(sources, key=lambda source: (source.file, source.line, source.column)))
