"""What `mlops` keeps in `.mlops` is this machine's own: a repository that brings it along is refused."""

import mmap
import os
from pathlib import Path

from reconciler.errors import RefusedError
from reconciler.load.place import git_root

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
    """Whether the name is in git's index, seen or not; to ask git itself would double the time of a small plan."""
    try:
        with index.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            return held.find(_FOLDER.encode()) >= 0 or held[4:8] not in _WHOLE_NAMES or _is_split(index)
    except (OSError, ValueError):
        return False


def _is_split(index: Path) -> bool:
    """Whether some of the names may stand in a file that git's index shares with earlier ones."""
    return any(name.startswith("sharedindex.") for name in os.listdir(index.parent))  # noqa: PTH208 - as text
