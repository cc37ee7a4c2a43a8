"""The commit that a folder is at, for the record of a run; git is asked only when a run is written down."""

from dataclasses import dataclass
from pathlib import Path

from reconciler.load.git import Unanswered, answer, status
from reconciler.load.place import git_root


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
    root = git_root(str(folder.absolute()))
    if not root:
        return CommitFacts()
    try:
        commit = _text(answer(root, "rev-parse", "--verify", "--end-of-options", "HEAD^{commit}"))
        headers = _text(answer(root, "cat-file", "commit", commit)).partition("\n\n")[0].splitlines()
        dirty = bool(status(root))
    except Unanswered:
        return CommitFacts()
    tree, author = (_header(headers, name) for name in ("tree", "author"))
    return CommitFacts(commit, tree, _branch(root), author.rpartition(" <")[0], dirty)


def _branch(root: str) -> str:
    try:
        return _text(answer(root, "symbolic-ref", "--quiet", "--short", "HEAD"))
    except Unanswered:
        return ""  # a detached head


def _header(lines: list[str], name: str) -> str:
    return next((line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")), "")


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace").strip()
