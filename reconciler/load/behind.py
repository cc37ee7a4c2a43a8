"""What stands behind a field that names a file or a folder: whoever changes that, changes what the field says."""

# Paths are text here, as in all of `load`.

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby

from reconciler.core.manifest import Manifest, Source
from reconciler.load.attribution import Line
from reconciler.load.direct import Direct
from reconciler.load.history import WHOLE, containing
from reconciler.load.lines import Place, commit_of
from reconciler.load.place import below, inside

_STATUS = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all")

Behind = Mapping[Source, Collection[str]]
"""By the places of fields, the files and folders on this machine that they name."""


@dataclass
class Wholes:
    """What stands behind places: files and folders of commits, or what is in no commit as it is."""

    of: dict[Source, list[Line]] = field(default_factory=dict)
    uncommitted: set[Source] = field(default_factory=set)


def behind(manifests: Iterable[Manifest]) -> Behind:
    """What the fields of manifests name, and what was read in their place."""
    found: dict[Source, set[str]] = {}
    for manifest in manifests:
        named = {path: str(content.location) for path, content in manifest.contents.items()}
        for path, location in {**named, **manifest.brought}.items():
            found.setdefault(manifest.source(path), set()).add(location)
    return found


def wholes_of(git: Direct, wanted: Iterable[Place], named: Behind) -> Wholes:
    """Find what stands behind some places; what is outside of the repository is left out.

    Raises:
        Unanswered: git cannot say.
    """
    wholes = Wholes()
    found = sorted(_paths(wanted, named), key=lambda each: each[:2])
    for revision, some in groupby(found, key=lambda each: each[0]):
        pairs = [(path, source) for _, path, source in some]
        commit = commit_of(git, revision)
        committed = _committed(git, commit, {path for path, _ in pairs}, checkout=not revision) if commit else set()
        for path, source in pairs:
            if path in committed:
                wholes.of.setdefault(source, []).append((commit, path, WHOLE))
            elif not revision:
                wholes.uncommitted.add(source)
    return wholes


def _paths(wanted: Iterable[Place], named: Behind) -> Iterator[tuple[str, str, Source]]:
    """Revision, path and place of what stands behind places."""
    real = cache(os.path.realpath)
    for place in wanted:
        for source in place.sources:
            for location in map(real, named.get(source, ())):
                if inside(location, place.folder) and location != place.folder:
                    yield place.revision, below(location, place.folder), source


def _committed(git: Direct, commit: str, paths: Collection[str], *, checkout: bool) -> set[str]:
    """Those of some paths that are as a commit has them."""
    listed = os.fsdecode(git.told("ls-tree", "-z", "--full-tree", "--name-only", commit, "--", *paths)).split("\0")
    held = {path for path in listed if path}
    if not checkout or not held:
        return held
    entries = os.fsdecode(git.told(*_STATUS, unfiltered=True)).split("\0")
    return held - {path for entry in entries for path in containing(entry[3:].rstrip("/"))}
