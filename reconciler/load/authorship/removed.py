"""Which commit took a resource, or a field of one, out of the manifests, and where it stood before."""

# Paths are text here, as in all of `load`.
# ruff: noqa: PTH110, PTH118

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import islice
from pathlib import Path

from reconciler.core.blame import Blame
from reconciler.core.manifest import Past, Source
from reconciler.core.plan import Action, FieldChange, Step
from reconciler.frozen import dataclass
from reconciler.load.authorship.history import DIFFERENCE, Raw, escaped, raws
from reconciler.load.authorship.lines import blobs_of, commit_of
from reconciler.load.authorship.taken_out import Key, places_of
from reconciler.load.disk.roots import git_root
from reconciler.load.governed import POLICY_FIELDS
from reconciler.load.options import Options
from reconciler.load.overrides import address_of
from reconciler.load.place import Here, shown
from reconciler.load.reading import read
from reconciler.load.repository.authors import authors
from reconciler.load.repository.direct import Direct
from reconciler.load.repository.git import Unanswered
from reconciler.load.yaml.text import MAX_BYTES
from reconciler.record.files import open_regular

_MOST, _MOST_FIELDS = 50, 500
_COMMITS, _AT_A_TIME = 5000, 64
_PATIENCE_S = 10.0
_WHOLE = "name"
_CHANGED = ("--name-only", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")

Place = tuple[str, int, int]
"""A file, from the repository's root, and a line and a column of it."""

Files = Sequence[tuple[str, bytes]]


def with_removals(
    steps: Sequence[Step],
    folder: Path,
    options: Options,
    *,
    paths: Collection[str],
    taken: Collection[Key] = (),
    patience_s: float = _PATIENCE_S,
) -> tuple[tuple[Step, ...], dict[Source, Blame]]:
    """The steps, what was taken out with the place where it stood, and who took it away from there.

    That is every resource to be deleted for good, and some fields. What is not found in the latest commits of one file
    after another, as what was never in one, is left as it is.

    Args:
        steps: of a plan.
        folder: a folder of the repository.
        options: with the variables by which files are read.
        paths: the folders that were loaded; some may be `REV:PATH`.
        taken: the fields that no file has any more.
        patience_s: how long git may take.
    """
    root, wanted = git_root(str(folder.absolute())), _resources(steps) | _fields(taken)
    revisions = {"" if os.path.exists(path) else path.partition(":")[0] for path in paths}
    if not root or not wanted or len(revisions) != 1:
        return tuple(steps), {}
    revision = revisions.pop()
    try:
        search = _Search(Direct(root, patience_s=patience_s), root, options, wanted)
        _look_for(search, _files(paths, root), revision)
        said = authors(search.git, {commit for commit, _ in search.found.values() if commit})
    except Unanswered:
        return tuple(steps), {}
    found = {
        key: Past(_shown(root, path, revision), line, column, commit=commit)
        for key, (commit, (path, line, column)) in search.found.items()
    }
    made = tuple(_with_places(step, found) for step in steps)
    places = {each.source for step in made for each in step.fields if isinstance(each.source, Past)}
    return made, {place: said[place.commit].blame if place.commit else Blame() for place in places}


def _resources(steps: Sequence[Step]) -> set[Key]:
    made = {step.address for step in steps if step.action is Action.CREATE}
    gone = {_key(s, _WHOLE) for s in steps if s.action is Action.DELETE and s.address not in made}
    return gone if len(gone) <= _MOST else set()


def _fields(taken: Collection[Key]) -> set[Key]:
    """Those that may have been in a manifest: a policy is never."""
    found = {(address, path) for address, path in taken if path.partition(".")[0] not in POLICY_FIELDS}
    return found if len(found) <= _MOST_FIELDS else set()


def _key(step: Step, path: str) -> Key:
    return str(step.address).lower(), path


def _with_places(step: Step, found: Mapping[Key, Past]) -> Step:
    """The step, each of its fields where it stood; what has no file goes with its resource."""
    whole = found.get(_key(step, _WHOLE))
    if whole and step.action is Action.DELETE:
        return replace(step, fields=(FieldChange(_WHOLE, step.address.name, None, whole),))
    return replace(
        step, fields=tuple(_with_place(each, found.get(_key(step, each.path)), whole) for each in step.fields)
    )


def _with_place(change: FieldChange, stood: Past | None, whole: Past | None) -> FieldChange:
    if stood and change.source:
        return change._replace(source=Past(*stood, now=change.source, commit=stood.commit))
    return change if change.source else change._replace(source=whole)


def _look_for(search: "_Search", files: Sequence[str], revision: str) -> None:
    """Look first at what is in no commit yet, then at one commit after the other."""
    start = commit_of(search.git, revision)
    if not start:
        return
    if not revision:
        search.compare(start, files)
    # A deployment is another one when its endpoint is.
    names = {each for address, path in search.open if path == _WHOLE for each in re.split("[/:]", address)[1:]}
    names |= {each for _, path in search.open if path != _WHOLE for each in path.split(".")}
    for commit, parts in _changes(search.git, start, files, sorted(names)) if search.open else ():
        search.look(commit, parts)
        if not search.open:
            break


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
    # Of a name that is not plain, the odd characters may be written in more ways than one.
    pattern = "|".join(re.sub(r"[^A-Za-z0-9_-]+", ".*", name) for name in names)
    words = (*DIFFERENCE, "--no-renames", "--no-commit-id", f"-G{pattern}", "--", *files)
    with git.lines("rev-list", "--parents", start, "--") as lines, git.differences(*words) as differences:
        commits = (line.split(" ") for line in islice(lines, _COMMITS))
        while some := list(islice(commits, _AT_A_TIME)):
            pairs = [(commit, parents[0]) for commit, *parents in some if len(parents) == 1]
            for (commit, _), said in zip(pairs, differences(pairs), strict=True):
                if said:
                    yield commit, list(raws(said))


@dataclass(frozen=True)
class _Search:
    """What is still looked for, and what was found: a commit, or none, and a place."""

    git: Direct
    root: str
    options: Options
    open: set[Key]
    found: dict[Key, tuple[str, Place]] = field(default_factory=dict)

    def compare(self, start: str, files: Sequence[str]) -> None:
        """See what the checkout lacks of a commit: that was taken away by none."""
        said = self.git.told("diff-index", *_CHANGED, start, "--", *files, unfiltered=True)
        blobs = blobs_of(self.git, start, {path for path in os.fsdecode(said).split("\0") if path})
        before = self._defined(self._contents(list(blobs.items())))
        after = self._defined([(path, _lying(os.path.join(self.root, path))) for path in blobs])
        self._take("", before, before.keys() - after.keys())

    def look(self, commit: str, parts: Sequence[Raw]) -> None:
        """See what went in a commit; what came in it went by none that is looked at."""
        before = self._defined(self._contents([(raw.new, raw.blobs[0]) for raw in parts]))
        after = self._defined(self._contents([(raw.new, raw.blobs[1]) for raw in parts]))
        self._take(commit, before, before.keys() - after.keys())
        self.open.difference_update(after.keys() - before.keys())

    def _take(self, commit: str, before: Mapping[Key, Place], keys: Collection[Key]) -> None:
        self.found.update({key: (commit, before[key]) for key in keys})
        self.open.difference_update(keys)

    def _contents(self, blobs: Sequence[tuple[str, str]]) -> Files:
        there = [(path, blob) for path, blob in blobs if blob.strip("0")]
        data = self.git.contents([blob for _, blob in there])
        return [(path, each) for (path, _), each in zip(there, data, strict=True)]

    def _defined(self, files: Files) -> dict[Key, Place]:
        """What files have of what is looked for, and where; a resource is where its name is."""
        return {
            (address, path): (file, line, column)
            for file, data in files
            for entry in read(data, Here(file, file, file), self.options, alone=False).entries
            if (address := address_of(entry.kind, entry.document).lower())
            for path, (line, column) in {_WHOLE: (1, 1), **places_of(entry.kind, entry.positions)}.items()
            if (address, path) in self.open
        }


def _lying(path: str) -> bytes:
    """What a file holds; nothing where there is none."""
    try:
        with open_regular(path) as file:
            return file.read(MAX_BYTES + 1)
    except OSError:
        return b""
