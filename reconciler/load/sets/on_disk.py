"""A set of manifests as the disk has it: the files that `load.folder` would find, and what each holds."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH116, PTH118, PTH120

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.disk.blob_id import blob_begun
from reconciler.load.disk.listed import facts_of, is_entered, is_read, leads_to, manifests_below
from reconciler.load.disk.stat_index import Digests, Files, StatIndex
from reconciler.load.place import Bounds
from reconciler.load.sets.members import ManifestSet, Members, known_set, set_of

_ALL, _SOME = "manifests", "some manifests"
_ID = pattern(rb"[0-9a-f]{64}")


@dataclass(frozen=True)
class OnDisk:
    """A set that was looked at, file by file.

    Args:
        set: what all of them hold.
        files: what the disk says of each.
        new: how many were read.
    """

    set: ManifestSet
    files: Files
    new: int = 0


def on_disk(top: str, bounds: Bounds, index: StatIndex, listed: Files | None = None) -> OnDisk:
    """The set of a folder.

    Args:
        top: absolute.
        bounds: what its files may reach.
        index: what is known of files.
        listed: what the disk says of them, where it was asked just now, and none is a link.

    Raises:
        OSError: a file cannot be read, or leads elsewhere.
    """
    files = list(manifests_below(top, "", lambda path: _link(path, bounds))) if listed is None else listed
    if known := index.whole(_ALL, files, _ID):
        return OnDisk(known_set(known, index.cache, lambda: _members(_ALL, top, files, index)[0]), files)
    members, read = _members(_ALL, top, files, index)
    found = set_of(members, index.cache)
    if read.safe:
        index.keep(_ALL, [(files, found.id)])
    return OnDisk(found, files, new=read.new)


def some_on_disk(top: str, names: Iterable[str], bounds: Bounds, index: StatIndex) -> tuple[Members, Files]:
    """What those of some files hold that are there and would be read, and what the disk says of each.

    Raises:
        OSError: one cannot be read, or leads elsewhere.
    """
    files = [(name, facts) for name in names if (facts := _named(top, name, bounds))]
    return _members(_SOME, top, files, index)[0], files


def is_manifest(name: str) -> bool:
    """Whether a file of this name below the folder would be read."""
    *folders, own = name.split("/")
    return is_read(own, at_top=not folders) and all(map(is_entered, folders))


def _link(path: str, bounds: Bounds) -> bytes:
    real = os.path.realpath(path)
    if not bounds.holds(real):
        raise OSError(errno.EPERM, "it leads outside of the repository", path)
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise OSError(errno.EINVAL, "it leads nowhere", path) from error
    return facts_of(found, real) if stat.S_ISREG(found.st_mode) else b""


def _named(top: str, name: str, bounds: Bounds) -> bytes:
    """The same of a file by its name; no link is followed on the way to it."""
    folder, path = os.path.dirname(name), os.path.join(top, name)
    if os.path.realpath(os.path.dirname(path)) != os.path.normpath(os.path.join(os.path.realpath(top), folder)):
        return b""
    with suppress(FileNotFoundError, NotADirectoryError):
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            return _link(path, bounds)
        return facts_of(found) if stat.S_ISREG(found.st_mode) else b""
    return b""


def _members(kind: str, top: str, files: Files, index: StatIndex) -> tuple[Members, Digests]:
    """What files hold, and how that is known."""
    found = index.digests(kind, {top: files}, blob_begun)[top]
    links = {name: leads_to(facts) for name, facts in files}
    return {name: f"{blob} {links[name]}" if links[name] else blob for name, blob in found.of.items()}, found
