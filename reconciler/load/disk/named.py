"""What manifests name, by what the disk says of it: whether a load would find there what it found before."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH112, PTH113, PTH118

import errno
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.core.contents import digest_of_files
from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.disk.digest import CONTENT, facts_at, links_of, sha256_begun
from reconciler.load.disk.listed import descriptions_in, facts_of, leads_to
from reconciler.load.disk.stat_index import Files, StatIndex
from reconciler.load.place import Bounds, inside

_KIND, _FORM = "named", pattern(rb"sha256:[0-9a-f]{64} [0-9a-f]{64}")


@dataclass(frozen=True)
class Seen:
    """What lies at a path.

    Args:
        content: its digest, as of `load.disk.digest`.
        everything: the digest of all that a load sees of it: its content, links, descriptions, and where it is.
    """

    content: str
    everything: str


@dataclass(frozen=True)
class _Look:
    """What the disk says of a path: of the content's files, of descriptions that are no content, and of links."""

    content: Files
    beside: Files
    links: Files

    def all(self) -> Files:
        return [*self.content, *self.beside, *self.links]


def seen_at(paths: Iterable[str], index: StatIndex, bounds: Bounds) -> dict[str, Seen]:
    """What lies at some paths, folders and files; of those where nothing lies, nothing.

    Args:
        paths: absolute.
        index: what is known of files; none is read that looks as it did when it was read.
        bounds: what may be reached; no link is followed that leads elsewhere.

    Raises:
        OSError: something cannot be read, or leads elsewhere.
    """
    looks = {path: _look(path, bounds) for path in paths if os.path.isdir(path) or os.path.isfile(path)}
    known = index.wholes(_KIND, {path: look.all() for path, look in looks.items()}, _FORM)
    new = {path: look for path, look in looks.items() if path not in known}
    digests = index.digests(CONTENT, {path: [*look.content, *look.beside] for path, look in new.items()}, sha256_begun)
    told = {path: _told(path, look, digests[path].of) for path, look in new.items()}
    index.keep(_KIND, [(look.all(), told[path]) for path, look in new.items() if digests[path].safe])
    answers = {**known, **told}
    return {path: Seen(*answers[path].split(" ")) for path in looks}


def _look(path: str, bounds: Bounds) -> _Look:
    own = _link(path, "", os.path.realpath(path), bounds)
    if not os.path.isdir(path):
        return _Look(facts_at(Path(path)), [], [own])
    # Before what is behind them is looked at.
    links = [own, *(_link(path, name, real, bounds) for name, real in links_of(Path(path)))]
    content = facts_at(Path(path))
    names = {name for name, _ in content}
    return _Look(content, [file for file in descriptions_in(path) if file[0] not in names], links)


def _link(folder: str, name: str, real: str, bounds: Bounds) -> tuple[str, bytes]:
    """What the disk says of a link, and where it leads."""
    if not bounds.holds(real) and not (name and inside(real, os.path.realpath(folder))):
        raise OSError(errno.EPERM, "it leads outside of the repository", real)
    return name, facts_of(os.lstat(os.path.join(folder, name) if name else folder), real)


def _told(path: str, look: _Look, digests: Mapping[str, str]) -> str:
    """Both digests of what lies at a path."""
    content = digest_of_files((name, digests[name]) for name, _ in look.content)
    beside = [(name, digests[name]) for name, _ in look.beside]
    links = [(name, leads_to(facts)) for name, facts in look.links]
    everything = repr((os.path.isdir(path), content, beside, links)).encode("utf-8", "surrogateescape")
    return f"{content} {hashlib.sha256(everything).hexdigest()}"
