"""The commit that a folder is at, for the record of a run; git is asked only when a run is written down."""

# Paths are text here, as in all of `load`.
# ruff: noqa: PTH100, PTH110, PTH118

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reconciler.core.problem import Problem
from reconciler.frozen import dataclass
from reconciler.load.disk.roots import git_root
from reconciler.load.place import inside, shown
from reconciler.load.repository.authors import authors
from reconciler.load.repository.direct import Direct
from reconciler.load.repository.git import Unanswered, status

_PATIENCE_S = 60.0
# Of a service that runs jobs: what says that it is it, which commit it names, and its branch; a pull request's first.
_SERVICES = (
    ("GITHUB_ACTIONS", "GITHUB_SHA", ("GITHUB_HEAD_REF", "GITHUB_REF")),
    ("GITLAB_CI", "CI_COMMIT_SHA", ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH")),
    ("TF_BUILD", "BUILD_SOURCEVERSION", ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH")),
)
_HEADS = "refs/heads/"


@dataclass(frozen=True)
class CommitFacts:
    """Where a checkout stands; all empty outside of git and before the first commit.

    Args:
        tree: git's id of the commit's tree.
        branch: of a detached head, what the CI service says; empty where it says nothing of this commit.
        author: foreign text.
        dirty: whether files differ from the commit, untracked ones included.
    """

    commit: str = ""
    tree: str = ""
    branch: str = ""
    author: str = ""
    dirty: bool = False


def commit_facts(folder: Path, paths: Iterable[str] = (), environ: Mapping[str, str] = os.environ) -> CommitFacts:
    """Read the facts of what is taken from the repository that holds a folder.

    Args:
        folder: the folder.
        paths: what is taken; all of it from one revision when every path is `REV:PATH` of that, else the checkout.
        environ: where a CI service says what it runs.
    """
    root = git_root(str(folder.absolute()))
    if not root:
        return CommitFacts()
    revisions = {"" if os.path.exists(folder / path) else path.partition(":")[0] for path in paths}
    try:
        git = Direct(root, patience_s=_PATIENCE_S)
        if len(revisions) == 1 and "" not in revisions:
            return _facts(git, revisions.pop())
        found = _facts(git, "HEAD")
        branch = _branch(git) or branch_said(found.commit, environ)
        return replace(found, branch=branch, dirty=bool(revisions - {""} or status(root)))
    except Unanswered:
        return CommitFacts()


def commit_named(folder: Path, revision: str) -> str:
    """The id of a commit of the repository that holds the folder; empty where there is none of that name."""
    root = git_root(str(folder.absolute()))
    if not root or revision.startswith("-"):
        return ""
    try:
        return _told(Direct(root, patience_s=_PATIENCE_S), f"{revision}^{{commit}}")
    except Unanswered:
        return ""


def in_git(folder: Path, path: str) -> str:
    """A path of a folder as git's revisions have it, from the repository's root; empty where it lies outside."""
    root = git_root(str(folder.absolute()))
    found = os.path.relpath(os.path.join(os.path.realpath(folder), path), os.path.realpath(root)) if root else ".."
    return "" if found == ".." or found.startswith("../") else found


def _facts(git: Direct, revision: str) -> CommitFacts:
    """What a revision says of itself; of a tree alone no more than its id."""
    tree = _told(git, f"{revision}^{{tree}}")
    try:
        commit = _told(git, f"{revision}^{{commit}}")
    except Unanswered:
        return CommitFacts(tree=tree)
    return CommitFacts(commit, tree, author=authors(git, [commit])[commit].blame.author)


def _told(git: Direct, revision: str) -> str:
    return git.told("rev-parse", "--verify", "--end-of-options", revision).decode("ascii").strip()


def _branch(git: Direct) -> str:
    try:
        return git.told("symbolic-ref", "--quiet", "--short", "HEAD").decode("utf-8", "replace").strip()
    except Unanswered:
        return ""  # a detached head


def branch_said(commit: str, environ: Mapping[str, str]) -> str:
    """The branch that a CI service says it runs a commit of; it checks out commits, not branches."""
    for service, named, branches in _SERVICES:
        if environ.get(service, "").lower() == "true" and environ.get(named) == commit:
            said = (environ.get(name, "") for name in branches)
            return next((name.removeprefix(_HEADS) for name in said if name and _is_branch(name)), "")
    return ""


def _is_branch(name: str) -> bool:
    """Whether it is a branch's name, in full or in short, and not that of a tag or a pull request."""
    return name.startswith(_HEADS) or not name.startswith("refs/")


def differing(folder: Path, paths: Iterable[str], environ: Mapping[str, str]) -> Iterator[Problem]:
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
