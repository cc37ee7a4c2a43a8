"""The commit that a folder is at, for the record of a run; GitPython is imported only when a run is written down."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CommitFacts:
    """Where a checkout stands; all empty outside of git and before the first commit.

    Args:
        tree: git's id of the commit's tree.
        branch: empty on a detached head.
        dirty: whether files differ from the commit, untracked ones included.
    """

    commit: str = ""
    tree: str = ""
    branch: str = ""
    author: str = ""
    dirty: bool = False


def commit_facts(folder: Path) -> CommitFacts:
    """Read the facts of the repository that holds the folder."""
    try:
        from git import Repo  # noqa: PLC0415 - heavy, and a plan does not need it
        from git.exc import GitError  # noqa: PLC0415
    except ImportError:  # GitPython says so where there is no git
        return CommitFacts()
    try:
        repo = Repo(folder, search_parent_directories=True)
        head = repo.head.commit
        branch = "" if repo.head.is_detached else repo.active_branch.name
        dirty = repo.is_dirty(untracked_files=True)
    except (GitError, ValueError):
        return CommitFacts()
    return CommitFacts(head.hexsha, head.tree.hexsha, branch, str(head.author), dirty)
