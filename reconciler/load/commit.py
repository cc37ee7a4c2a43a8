"""The commit that a folder is at, for the record of a run; git is asked only when a run is written down."""

# Paths are text here, as in all of `load`.
# ruff: noqa: PTH100, PTH110, PTH118

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.problem import Problem
from reconciler.load.git import Unanswered, answer, status
from reconciler.load.place import git_root, inside, shown


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


def commit_named(folder: Path, revision: str) -> str:
    """The id of a commit of the repository that holds the folder; empty where there is none of that name."""
    root = git_root(str(folder.absolute()))
    if not root or revision.startswith("-"):
        return ""
    try:
        return _text(answer(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"))
    except Unanswered:
        return ""


def in_git(folder: Path, path: str) -> str:
    """A path of a folder as git's revisions have it, from the repository's root; empty where it lies outside."""
    root = git_root(str(folder.absolute()))
    found = os.path.relpath(os.path.join(os.path.realpath(folder), path), os.path.realpath(root)) if root else ".."
    return "" if found == ".." or found.startswith("../") else found


def in_no_commit(folder: Path, paths: Iterable[str], environ: Mapping[str, str]) -> Iterator[Problem]:
    """In CI, the files below some paths that differ from the commit: what is applied from them, no commit says."""
    root = git_root(str(folder.absolute()))
    if not root or environ.get("CI", "").lower() in ("", "0", "false"):
        return
    applied = [os.path.abspath(path) for path in paths if os.path.exists(path)]
    for changed in _changed(root):
        if any(inside(changed, path) or inside(path, changed) for path in applied):
            message = "differs from the commit, and this is CI; commit it, or keep what writes it out of the run"
            yield Problem(shown(changed), 1, 1, "W-GIT", message)


def _changed(root: str) -> list[str]:
    try:
        entries = os.fsdecode(status(root)).split("\0")
    except Unanswered:
        return []
    return [os.path.join(root, entry[3:].rstrip("/")) for entry in entries if entry]


def _branch(root: str) -> str:
    try:
        return _text(answer(root, "symbolic-ref", "--quiet", "--short", "HEAD"))
    except Unanswered:
        return ""  # a detached head


def _header(lines: list[str], name: str) -> str:
    return next((line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")), "")


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "replace").strip()
