"""What stands behind a field that names a file or a folder: whoever changes that, changes what the field says."""

# Paths are text here, as in all of `load`.

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cache
from itertools import groupby

from reconciler.core.manifest import Manifest, Source
from reconciler.frozen import dataclass
from reconciler.load.authorship.attribution import File
from reconciler.load.authorship.history import containing
from reconciler.load.authorship.lines import Commits
from reconciler.load.authorship.placed import PlacedFile
from reconciler.load.place import below, inside
from reconciler.load.repository.direct import Direct

_STATUS = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")
_MOST_NAMED = 50

Behind = Mapping[Source, Collection[str]]
"""By the places of fields, the files and folders on this machine that they name."""


@dataclass(frozen=True)
class Backing:
    """What stands behind places: files and folders of commits, or what is in no commit as it is."""

    of: dict[Source, list[File]] = field(default_factory=dict)
    uncommitted: set[Source] = field(default_factory=set)


def behind(manifests: Iterable[Manifest]) -> Behind:
    """What the fields of manifests name, and what was read in their place."""
    found: dict[Source, set[str]] = {}
    for manifest in manifests:
        named = {path: str(content.location) for path, content in manifest.contents.items()}
        for path, location in ({**named, **manifest.brought} if manifest.brought else named).items():
            found.setdefault(manifest.source(path), set()).add(location)
    return found


def backing_of(git: Direct, wanted: Iterable[PlacedFile], named: Behind, commits: Commits) -> Backing:
    """Find what stands behind some places; what is outside of the repository is left out.

    Args:
        git: of the repository.
        wanted: the places.
        named: what all places name.
        commits: tells which one a revision is.

    Raises:
        Unanswered: git cannot say.
    """
    backing = Backing()
    found = sorted(_paths(wanted, named), key=lambda each: each[:2])
    for revision, some in groupby(found, key=lambda each: each[0]):
        pairs = [(path, source) for _, path, source in some]
        commit = commits(revision)
        committed = _committed(git, commit, {path for path, _ in pairs}, checkout=not revision) if commit else set()
        for path, source in pairs:
            if path in committed:
                backing.of.setdefault(source, []).append((commit, path))
            elif not revision:
                backing.uncommitted.add(source)
    return backing


def _paths(wanted: Iterable[PlacedFile], named: Behind) -> Iterator[tuple[str, str, Source]]:
    """Revision, path and place of what stands behind places."""
    by_file = {place.file: place for place in wanted}
    real = cache(os.path.realpath)
    for source, locations in named.items():
        place = by_file.get(source.file)
        if place and source in place.sources:
            for location in map(real, locations):
                if inside(location, place.folder) and location != place.folder:
                    yield place.revision, below(location, place.folder), source


def _committed(git: Direct, commit: str, paths: Collection[str], *, checkout: bool) -> set[str]:
    """Those of some paths that are as a commit has them."""
    listed = os.fsdecode(git.told("ls-tree", "-z", "--full-tree", "--name-only", commit, "--", *paths)).split("\0")
    held = {path for path in listed if path}
    if not checkout or not held:
        return held
    # To see what lies in a large checkout takes git longer than all else that it is asked here.
    some = [f":(literal){path}" for path in sorted(held)] if len(held) <= _MOST_NAMED else ()
    entries = os.fsdecode(git.told(*_STATUS, "--", *some, unfiltered=True)).split("\0")
    return held - {path for entry in entries for path in containing(entry[3:].rstrip("/"))}
