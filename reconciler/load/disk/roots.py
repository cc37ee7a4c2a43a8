"""Which folders a folder belongs to: that of git, and that of `mlops.yaml`; all paths are text."""

# As Path objects they cost more than all else that is done with them.
# ruff: noqa: PTH110, PTH113, PTH118, PTH120, PTH123

import os

CONFIG = "mlops.yaml"


def git_root(path: str) -> str:
    """The folder with `.git` that a path is in; empty outside git."""
    folder = path
    while not os.path.exists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return ""
        folder = parent
    return folder


def index_of(root: str) -> str:
    """The file of git's index of a folder with `.git`; of a worktree it lies where the file `.git` says.

    Raises:
        OSError: that file cannot be read.
    """
    git = os.path.join(root, ".git")
    if not os.path.isfile(git):
        return os.path.join(git, "index")
    with open(git, encoding="utf-8", errors="replace") as file:
        place = file.read().partition("gitdir:")[2].partition("\0")[0].strip()  # a NUL ends it for git as well
    return os.path.join(root, place, "index")


def settings_above(start: str) -> str:
    """`mlops.yaml` in a folder or above it, not above the repository; empty without one.

    Whatever has the name, it is not passed over.

    Args:
        start: absolute.
    """
    folder = start
    while not os.path.lexists(file := os.path.join(folder, CONFIG)):
        parent = os.path.dirname(folder)
        if parent == folder or os.path.exists(os.path.join(folder, ".git")):
            return ""
        folder = parent
    return file
