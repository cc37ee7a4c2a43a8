"""Whether what is about to be applied is what a commit says: what is not, by name."""

# Paths are text here, as in all of `load`.
# ruff: noqa: PTH100, PTH114, PTH118

import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from reconciler.core.manifest import Content
from reconciler.load.disk.digest import content_files
from reconciler.load.disk.roots import git_root
from reconciler.load.place import inside, shown
from reconciler.load.repository.direct import Direct
from reconciler.load.repository.git import Unanswered

_PATIENCE_S = 60.0
_REVISIONS = os.path.join(".mlops", "cache", "revisions")
_STATUS = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all")


def unclean(folder: Path, *, files: Iterable[str], contents: Iterable[Content], paths: Iterable[str]) -> Iterator[str]:
    """What of a run is in no commit, or not as the checkout's commit has it; what comes of a revision is in one.

    Args:
        folder: a folder of the repository.
        files: what was read.
        contents: what the files point at.
        paths: what was loaded: what is missing there would be deleted.
    """
    found = git_root(str(folder.absolute()))
    if not found:
        yield f"{shown(str(folder.absolute()))} is in no git repository"
        return
    root = os.path.realpath(found)
    named = [os.path.abspath(path) for path in (*files, *_files_of(contents))]
    applied = {*map(os.path.realpath, named), *(link for path in named for link in _links(path))}
    mine = {path for path in applied if not inside(path, os.path.join(root, _REVISIONS))}
    try:
        git = Direct(root, patience_s=_PATIENCE_S)
        yield from _unclean(git, root, mine, [os.path.realpath(path) for path in paths])
    except Unanswered as error:
        yield f"git cannot say what the commit has: {error}"


def _files_of(contents: Iterable[Content]) -> Iterator[str]:
    for content in contents:
        if content.is_folder:
            yield from (str(path) for _, path in content_files(content.location))
        else:
            yield str(content.location)


def _links(path: str) -> Iterator[str]:
    """The links on the way to a file: where one leads is a part of what is applied."""
    for link in (path, *map(str, Path(path).parents)):
        if os.path.islink(link):
            folder, name = os.path.split(link)
            yield os.path.join(os.path.realpath(folder), name)
            yield from _links(os.path.join(os.path.realpath(folder), Path(link).readlink()))


def _unclean(git: Direct, root: str, applied: Collection[str], paths: Collection[str]) -> Iterator[str]:
    known, unseen = _known(git), _unseen(git)
    changed = {os.path.join(root, entry[3:]): entry[:2] for entry in _entries(git.told(*_STATUS, unfiltered=True))}
    for path in sorted(applied):
        name = os.path.relpath(path, root)
        if not inside(path, root):
            # Links on the way to the repository lead to all of it, whichever commit it is at.
            yield from () if os.path.islink(path) else (f"{path} is not in the repository",)
        elif path in changed:
            yield f"{shown(path)} differs from the commit"
        elif name not in known:
            yield f"{shown(path)} is in no commit"
        elif name in unseen:
            yield f"{shown(path)} is marked so that git does not look whether it changed"
    for path in sorted(changed.keys() - applied):
        if "D" in changed[path] and any(inside(path, each) for each in paths):
            yield f"{shown(path)} is deleted, and the commit has it"


def _known(git: Direct) -> set[str]:
    """The files that the commit has; none before the first one."""
    try:
        commit = git.told("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode("ascii").strip()
    except Unanswered as error:
        if str(error):
            raise
        return set()
    listed = _entries(git.told("ls-tree", "-r", "-z", "--full-tree", commit))
    return {path for facts, _, path in (entry.partition("\t") for entry in listed) if " blob " in facts}


def _unseen(git: Direct) -> set[str]:
    """The files that git is told to take for unchanged: small letters for one way, S for the other."""
    return {entry[2:] for entry in _entries(git.told("ls-files", "-v", "-z")) if entry[0].islower() or entry[0] in "S"}


def _entries(said: bytes) -> list[str]:
    return [entry for entry in os.fsdecode(said).split("\0") if entry]
