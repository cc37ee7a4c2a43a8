"""The YAML files of a folder are known by what they hold, and none is opened whose content is known.

A set has an id: equal ids, equal files under equal names. What it says is what `load.folder` would find and read.
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH100, PTH112

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from reconciler.load.cached_rows import keep_rows, read_rows
from reconciler.load.folder import bounds_of, is_entered, is_read
from reconciler.load.place import Bounds
from reconciler.load.stat_index import StatIndex, facts_of, leads_to, packed, unpacked

_KIND = "manifests"
Members = Mapping[str, str]
"""Names below the folder, each with git's id of what the file holds; of a link, with where it leads behind that."""


@dataclass(frozen=True)
class ManifestSet:
    """The YAML files of one folder.

    Args:
        id: equal ids, byte-equal files under equal names.
        told: gives what each file holds.
        cache: where earlier sets are kept.
    """

    id: str
    told: Callable[[], Members] = field(repr=False, compare=False)
    cache: Path | None = field(repr=False, compare=False)

    def blobs(self) -> dict[str, str]:
        """Git's id of what each file holds, by its name below the folder."""
        return {name: blob.partition(" ")[0] for name, blob in self.told().items()}

    def differing(self, earlier: str) -> dict[str, str] | None:
        """The files that differ from those of an earlier set, as `blobs`; gone ones are empty.

        Args:
            earlier: its id.

        Returns:
            None where it is not kept any more.
        """
        before, now = _kept(self.cache, earlier), self.told()
        if before is None:
            return None
        new = {name: blob.partition(" ")[0] for name, blob in now.items() if before.get(name) != blob}
        return {**dict.fromkeys(before.keys() - now.keys(), ""), **new}


def manifest_set(path: str, index: StatIndex, *, start: str = "") -> ManifestSet | None:
    """The files of a PATH; None where it is no folder, or something about it is for a real load to say.

    Args:
        path: as for `load.folder.located`.
        index: what is known of files.
        start: the folder where the user stands, if that is not the current one.
    """
    top = os.path.abspath(path)
    if not os.path.isdir(top):
        return None
    try:
        return _by_stat(top, bounds_of(path, top, start), index)
    except OSError:
        return None


def _by_stat(top: str, bounds: Bounds, index: StatIndex) -> ManifestSet:
    files = list(_looked_at(top, "", bounds))
    if known := index.whole(_KIND, files):
        return ManifestSet(known, lambda: _kept(index.cache, known) or _read(top, files, index)[0], index.cache)
    members, safe = _read(top, files, index)
    found = _set_of(members, index.cache)
    if safe:
        index.keep(_KIND, [(files, found.id)])
    return found


def _looked_at(folder: str, prefix: str, bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    """The files that `load.folder` would find, each with what the disk says of it."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            if is_entered(name):
                yield from _looked_at(entry.path, f"{prefix}{name}/", bounds)
        elif is_read(name, at_top=not prefix) and (facts := _facts(entry, bounds)):
            yield prefix + name, facts


def _facts(entry: os.DirEntry[str], bounds: Bounds) -> bytes:
    """What the disk says of a file; nothing of what is no file, or a link to none."""
    if not entry.is_symlink():
        return facts_of(entry.stat()) if entry.is_file() else b""
    real = os.path.realpath(entry.path)
    if not bounds.holds(real):
        raise OSError(errno.EPERM, "it leads outside of the repository", entry.path)
    return facts_of(entry.stat(), real) if entry.is_file() else b""


def _read(top: str, files: list[tuple[str, bytes]], index: StatIndex) -> tuple[Members, bool]:
    """What files hold, and whether that may be believed the next time."""
    found, safe = index.digests(_KIND, top, files, _blob_of)
    links = {name: leads_to(facts) for name, facts in files}
    return {name: f"{blob} {links[name]}" if links[name] else blob for name, blob in found.items()}, safe


def _blob_of(file: IO[bytes]) -> str:
    """Git's id of what a file holds, however large it is."""
    begun = hashlib.sha1(b"blob %d\0" % os.fstat(file.fileno()).st_size, usedforsecurity=False)
    return hashlib.file_digest(file, lambda: begun).hexdigest()  # type: ignore[arg-type]


def _set_of(members: Members, cache: Path | None) -> ManifestSet:
    """The set of these files, kept, so that later ones can be told apart from it."""
    lines = packed((os.fsencode(name), os.fsencode(members[name])) for name in sorted(members))
    found = _id(members)
    keep_rows(cache, "members", {found: lines})
    return ManifestSet(found, lambda: members, cache)


def _id(members: Members) -> str:
    text = "\0".join(f"{name}\0{members[name]}" for name in sorted(members))
    return hashlib.sha256(os.fsencode(text)).hexdigest()


def _kept(cache: Path | None, found: str) -> Members | None:
    """The files of an earlier set."""
    row = read_rows(cache, "members", [found]).get(found)
    if row is None:
        return None
    names, blobs = unpacked(row, 2)
    return dict(zip(map(os.fsdecode, names), map(os.fsdecode, blobs), strict=True))
