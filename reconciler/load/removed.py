"""Which commit took a resource out of the manifests, and where it stood before."""

# Paths are text here, as in all of `load`.
# ruff: noqa: PTH110, PTH118

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.load.authors import authors
from reconciler.load.direct import Direct
from reconciler.load.git import Unanswered
from reconciler.load.history import DIFFERENCE, Raw, escaped, raws
from reconciler.load.lines import commit_of
from reconciler.load.options import Options
from reconciler.load.overrides import address_of
from reconciler.load.place import Here, git_root, shown
from reconciler.load.reading import read

_MOST = 50
_COMMITS, _AT_A_TIME = 5000, 64
_PATIENCE_S = 10.0


def with_removals(
    steps: Sequence[Step],
    folder: Path,
    options: Options,
    *,
    paths: Collection[str],
    patience_s: float = _PATIENCE_S,
) -> tuple[tuple[Step, ...], dict[Source, Blame]]:
    """The steps, each that deletes for good with the place where its resource stood, and who took it away from there.

    What is not found in the latest commits of one file after another, as what was never in one, is left as it is.

    Args:
        steps: of a plan.
        folder: a folder of the repository.
        options: with the variables by which files are read.
        paths: the folders that were loaded; some may be `REV:PATH`.
        patience_s: how long git may take.
    """
    root, made = git_root(str(folder.absolute())), {step.address for step in steps if step.action is Action.CREATE}
    gone = {str(s.address).lower() for s in steps if s.action is Action.DELETE and s.address not in made}
    revisions = {"" if os.path.exists(path) else path.partition(":")[0] for path in paths}
    if not root or not gone or len(gone) > _MOST or len(revisions) != 1:
        return tuple(steps), {}
    try:
        search = _Search(Direct(root, patience_s=patience_s), options, set(gone))
        found = _removed(search, root, _files(paths, root), revisions.pop())
    except Unanswered:
        return tuple(steps), {}
    return tuple(_with_place(step, found) for step in steps), dict(found.values())


def _with_place(step: Step, found: Mapping[str, tuple[Source, Blame]]) -> Step:
    if step.action is not Action.DELETE or str(step.address).lower() not in found:
        return step
    source, _ = found[str(step.address).lower()]
    return replace(step, fields=(FieldChange("name", step.address.name, None, source),))


def _removed(search: "_Search", root: str, files: Sequence[str], revision: str) -> dict[str, tuple[Source, Blame]]:
    start = commit_of(search.git, revision)
    # A deployment is another one when its endpoint is.
    names = sorted({name.partition(":")[0] for address in search.open for name in address.split("/")[1:]})
    for commit, parts in _changes(search.git, start, files, names) if start else ():
        search.look(commit, parts)
        if not search.open:
            break
    search.hold_against(start)
    said = authors(search.git, {commit for commit, _ in search.found.values() if commit})
    return {
        address: (Source(_shown(root, path, revision), line), said[commit].blame if commit else Blame())
        for address, (commit, (path, line)) in search.found.items()
    }


def _files(paths: Iterable[str], root: str) -> list[str]:
    """Words that name the files of YAML below some folders to git."""
    top = os.path.realpath(root)
    inner = [
        os.path.relpath(os.path.realpath(path), top) if os.path.exists(path) else path.partition(":")[2]
        for path in paths
    ]
    below = ["" if os.path.normpath(each) == "." else f"{escaped(os.path.normpath(each))}/" for each in inner]
    return [f":(glob){folder}**/*{ending}" for folder in below for ending in (".yml", ".yaml")]


def _shown(root: str, path: str, revision: str) -> str:
    return f"{revision}:{path}" if revision else shown(os.path.join(root, path))


def _changes(git: Direct, start: str, files: Sequence[str], names: Sequence[str]) -> Iterator[tuple[str, list[Raw]]]:
    """The commits that changed lines with some names in files of YAML, the newest first; merges are passed by."""
    pattern = "|".join(re.sub(r"[^A-Za-z0-9_-]", ".", name) for name in names)
    words = (*DIFFERENCE, "--no-renames", "--no-commit-id", f"-G{pattern}", "--", *files)
    with git.lines("rev-list", "--parents", start, "--") as lines, git.differences(*words) as differences:
        commits = (line.split(" ") for line in islice(lines, _COMMITS))
        while some := list(islice(commits, _AT_A_TIME)):
            pairs = [(commit, parents[0]) for commit, *parents in some if len(parents) == 1]
            for (commit, _), said in zip(pairs, differences(pairs), strict=True):
                if said:
                    yield commit, list(raws(said))


@dataclass
class _Search:
    """What is still looked for, by address in small letters, and what was found: a commit, or none, and a place."""

    git: Direct
    options: Options
    open: set[str]
    found: dict[str, tuple[str, tuple[str, int]]] = field(default_factory=dict)

    def look(self, commit: str, parts: Sequence[Raw]) -> None:
        """See what came and what went in a commit; what came last and is gone now was taken away by no commit."""
        before = self._defined([(raw.new, raw.blobs[0]) for raw in parts])
        after = self._defined([(raw.new, raw.blobs[1]) for raw in parts])
        for address in [each for each in self.open if (each in before) != (each in after)]:
            self.found[address] = (commit, before[address]) if address in before else ("", after[address])
            self.open.discard(address)

    def hold_against(self, start: str) -> None:
        """Of what was taken away by no commit, forget what the last one does not have."""
        uncommitted = {address: path for address, (commit, (path, _)) in self.found.items() if not commit}
        there = self._defined([(path, f"{start}:{path}") for path in sorted(set(uncommitted.values()))])
        for address in uncommitted.keys() - there.keys():
            del self.found[address]

    def _defined(self, files: Sequence[tuple[str, str]]) -> dict[str, tuple[str, int]]:
        """What files define, by address: the file and the line of the name."""
        there = [(path, blob) for path, blob in files if blob.strip("0")]
        found: dict[str, tuple[str, int]] = {}
        for (path, _), data in zip(there, self.git.contents([blob for _, blob in there]), strict=True):
            for entry in read(data, Here(path, path, path), self.options, alone=False).entries:
                line, _ = entry.positions.get("name", (1, 1))
                found[address_of(entry.kind, entry.document).lower()] = (path, line)
        return found
