"""What `mlops` keeps in `.mlops` is this machine's own: a repository that brings it along is refused."""

import mmap
import os
from pathlib import Path

from reconciler.errors import RefusedError
from reconciler.load.place import git_root

_FOLDER = ".mlops"


def refuse_tracked(root: str) -> None:
    """Trust no record and no cache that came with the repository: whoever wrote them decides what a plan says.

    Args:
        root: the folder of `mlops.yaml`, which may lie below the one that git knows.

    Raises:
        RefusedError: git tracks something of it.
    """
    if not _may_be_tracked(index_of(Path(git_root(root) or root, ".git"))):
        return
    from reconciler.load.git import Unanswered, answer  # noqa: PLC0415 - only a repository that may bring it along

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


def index_of(git: Path) -> Path:
    """Git's index; of a worktree it lies where the file `.git` says."""
    if not git.is_file():
        return git / "index"
    place = git.read_text("utf-8", "replace").partition("gitdir:")[2].strip()
    return git.parent / place / "index"


def _may_be_tracked(index: Path) -> bool:
    """Whether the name stands in git's index; to ask git itself would double the time of a small plan."""
    try:
        with index.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return held.find(_FOLDER.encode()) >= 0
    except (OSError, ValueError):
        return False
