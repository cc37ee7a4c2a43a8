"""What `mlops` keeps in `.mlops` is this machine's own: a repository that brings it along is refused."""

# Paths are text here, and errors loaded where there is one: a plan that is known at a glance asks this, too.
# ruff: noqa: PTH120, PTH123, PTH208

import mmap
import os

from reconciler.load.disk.roots import git_root, index_of

_FOLDER = ".mlops"
# Later versions of git's index keep of a name no more than how it differs from the one before.
_WHOLE_NAMES = (b"\0\0\0\2", b"\0\0\0\3")


def refuse_tracked(root: str) -> None:
    """Trust no record and no cache that came with the repository: whoever wrote them decides what a plan says.

    Args:
        root: the folder of `mlops.yaml`, which may lie below the one that git knows.

    Raises:
        RefusedError: git tracks something of it.
    """
    root = os.path.realpath(root)  # a link to a folder of a repository is in none itself
    if not may_be_tracked(root):
        return
    from reconciler.errors import RefusedError  # noqa: PLC0415 - only a repository that may bring it along
    from reconciler.load.repository.git import Unanswered, answer  # noqa: PLC0415 - as above

    try:
        tracked = answer(root, "ls-files", "-z", "--", _FOLDER)
    except Unanswered as error:
        raise RefusedError(f"git cannot say whether {_FOLDER} is tracked: {error}") from error
    if tracked:
        name = os.fsdecode(tracked.split(b"\0")[0])
        raise RefusedError(
            f"{name} came with the repository, and what is in {_FOLDER} is this machine's own; "
            f"`git rm -r --cached {_FOLDER}`, and remove the folder"
        )


def may_be_tracked(root: str) -> bool:
    """Whether the name is in git's index, seen or not; to ask git itself would double the time of a small plan.

    Args:
        root: links resolved.

    Raises:
        OSError: where the index lies cannot be read.
    """
    index = index_of(git_root(root) or root)
    try:
        with open(index, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return held.find(_FOLDER.encode()) >= 0 or held[4:8] not in _WHOLE_NAMES or _is_split(index)
    except (OSError, ValueError):
        return False


def _is_split(index: str) -> bool:
    """Whether some of the names may stand in a file that git's index shares with earlier ones."""
    return any(name.startswith("sharedindex.") for name in os.listdir(os.path.dirname(index)))
