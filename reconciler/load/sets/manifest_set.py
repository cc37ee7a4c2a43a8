"""The YAML files of a folder are known by what they hold, and none is opened whose content is known.

In a large checkout git says which files changed since all of them were looked at; elsewhere, and where git cannot be
believed, the disk is asked of each file whether it looks as it did.
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH100, PTH112, PTH116

import os

from reconciler.load.disk.roots import git_root, index_of
from reconciler.load.disk.stat_index import Files, StatIndex
from reconciler.load.folder import bounds_of
from reconciler.load.sets.members import ManifestSet
from reconciler.load.sets.on_disk import on_disk

_WORTH_BYTES = 1 << 18  # of git's index: two processes cost as much as to ask the disk of 2,500 files


def manifest_set(
    path: str,
    index: StatIndex,
    *,
    start: str = "",
    git: bool = True,
    worth_bytes: int = _WORTH_BYTES,
    listed: Files | None = None,
) -> ManifestSet | None:
    """The files of a PATH; None where it is no folder, or something about it is for a real load to say.

    Args:
        path: as for `load.folder.located`.
        index: what is known of files.
        start: the folder where the user stands, if that is not the current one.
        git: whether git may be asked.
        worth_bytes: from which size on of its index it is.
        listed: what the disk says of all of them, where it was asked just now; None for asking.
    """
    top = os.path.abspath(path)
    if not os.path.isdir(top):
        return None
    bounds = bounds_of(path, top, start)
    try:
        if listed is None and git and index.cache and is_worth_git(os.path.realpath(top), worth_bytes):
            from reconciler.load.sets.by_git import set_by_git  # noqa: PLC0415 - only a large checkout is worth it

            if found := set_by_git(top, bounds, index):
                return found
        return on_disk(top, bounds, index, listed).set
    except OSError:
        return None


def is_worth_git(folder: str, worth_bytes: int = _WORTH_BYTES) -> bool:
    """Whether a folder, links resolved, is in a checkout so large that git is asked what changed in it."""
    return _index_bytes(folder) >= worth_bytes


def _index_bytes(folder: str) -> int:
    """The size of the index of the checkout that a folder is in; nothing where there is none."""
    root = git_root(folder)
    try:
        return os.stat(index_of(root)).st_size if root else 0
    except OSError:
        return 0
