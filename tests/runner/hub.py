"""Repositories as GitHub has them: bare ones with branches, forks, pull requests and merges, made by git itself."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WHO = "Ana"


@dataclass(frozen=True)
class Environment:
    """Of a repository: whether somebody has to agree to its jobs, and what only they get."""

    reviewed: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Project:
    """A repository.

    Args:
        name: `owner/name`.
        bare: where git keeps it.
        fork: whether it is a fork of another.
    """

    name: str
    bare: Path
    fork: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    pulls: list["Pull"] = field(default_factory=list)

    def git(self, *words: str) -> str:
        """Ask git in the bare repository."""
        return git(self.bare, *words)

    def sha(self, ref: str = "refs/heads/main") -> str:
        """The commit that a name means."""
        return self.git("rev-parse", f"{ref}^{{commit}}")


@dataclass
class Pull:
    """A pull request of a branch of a repository, or of a fork of it."""

    number: int
    base: Project
    head: Project
    branch: str
    title: str
    user: str

    @property
    def own(self) -> bool:
        """Whether it comes from the repository itself."""
        return self.head is self.base

    def as_json(self) -> dict[str, Any]:
        """What events and the API tell of it."""
        return {
            "number": self.number,
            "title": self.title,
            "user": {"login": self.user},
            "head": {
                "ref": self.branch,
                "sha": self.base.sha(f"refs/pull/{self.number}/head"),
                "repo": {"full_name": self.head.name, "fork": self.head.fork},
            },
            "base": {"ref": "main", "sha": self.base.sha(), "repo": {"full_name": self.base.name}},
        }


@dataclass(frozen=True)
class Event:
    """What begins a run: its name, what is told of it, and the commit that it is of."""

    name: str
    payload: Mapping[str, Any]
    ref: str
    sha: str
    of_fork: bool = False


class Hub:
    """All the repositories of a test, below one folder; `numbered` gives a new pull request of somebody its number."""

    def __init__(self, folder: Path, numbered: Callable[[str], int]) -> None:
        self._folder, self.projects = folder, dict[str, Project]()
        self._numbered = numbered

    def create(self, name: str, *, fork_of: Project | None = None) -> Project:
        """An empty repository, or a copy of another."""
        bare = self._folder / f"{name}.git"
        bare.parent.mkdir(parents=True, exist_ok=True)
        words = ["clone", "-q", "--bare", str(fork_of.bare)] if fork_of else ["init", "-q", "--bare", "-b", "main"]
        git(bare.parent, *words, str(bare))
        # As GitHub does, where every commit that is reachable can be asked for.
        git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.projects[name] = Project(name, bare, fork=fork_of is not None)
        return self.projects[name]

    def pull(
        self, base: Project, branch: str, *, head: Project | None = None, title: str = "", user: str = WHO
    ) -> Pull:
        """Open a pull request."""
        pull = Pull(self._numbered(user), base, head or base, branch, title or branch, user)
        base.pulls.append(pull)
        return pull

    def pulled(self, pull: Pull, action: str = "opened") -> Event:
        """What is told of a pull request; its merge with main is made beforehand."""
        base = pull.base
        base.git(
            "fetch", "-q", "--no-tags", str(pull.head.bare), f"+refs/heads/{pull.branch}:refs/pull/{pull.number}/head"
        )
        base.git("update-ref", f"refs/pull/{pull.number}/merge", _merged(pull))
        payload = {
            "action": action, "number": pull.number, "pull_request": pull.as_json(),
            "repository": _told(base), "sender": {"login": pull.user},
        }  # fmt: skip
        ref = f"refs/pull/{pull.number}/merge"
        return Event("pull_request", payload, ref, base.sha(ref), of_fork=not pull.own)

    def merged(self, pull: Pull) -> Event:
        """Merge it into main, and tell of the push."""
        before = pull.base.sha()
        pull.base.git("update-ref", "refs/heads/main", _merged(pull))
        return self.pushed(pull.base, before)

    def pushed(self, project: Project, before: str = "0" * 40) -> Event:
        """What is told of a push to main."""
        payload = {
            "ref": "refs/heads/main", "before": before, "after": project.sha(),
            "repository": _told(project), "sender": {"login": WHO},
        }  # fmt: skip
        return Event("push", payload, "refs/heads/main", project.sha())

    def scheduled(self, project: Project) -> Event:
        """What is told when it is time."""
        payload = {"schedule": "17 * * * *", "repository": _told(project)}
        return Event("schedule", payload, "refs/heads/main", project.sha())


def clone(project: Project, folder: Path) -> Path:
    """Somebody's working copy."""
    git(folder.parent, "clone", "-q", str(project.bare), str(folder))
    return folder


def commit(folder: Path, message: str, *, branch: str = "", author: str = f"{WHO} <ana@example.org>") -> None:
    """Commit all that is in a working copy, on a branch that is made where there is none, and push it."""
    if branch and git(folder, "branch", "--show-current") != branch:
        git(folder, "checkout", "-q", "-b", branch)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "--allow-empty", "-m", message, f"--author={author}")
    git(folder, "push", "-q", "origin", "HEAD")


def pull_main(folder: Path) -> None:
    """Bring a working copy to what main is."""
    git(folder, "fetch", "-q", "origin")
    git(folder, "checkout", "-q", "-B", "main", "origin/main")


def git(folder: Path, *words: str) -> str:
    """Run git as somebody with a name and no settings."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env=git_environment(), check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


def git_environment() -> dict[str, str]:
    """The environment of whoever has a name and no settings."""
    named = {
        f"GIT_{role}_{what}": of
        for role in ("AUTHOR", "COMMITTER")
        for what, of in (("NAME", WHO), ("EMAIL", "ana@example.org"))
    }
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    return {"PATH": os.environ["PATH"], **named, **quiet}


def _merged(pull: Pull) -> str:
    """The commit that merges a pull request into main as it is."""
    main, head = pull.base.sha(), pull.base.sha(f"refs/pull/{pull.number}/head")
    tree = pull.base.git("merge-tree", "--write-tree", main, head).splitlines()[0]
    message = f"Merge pull request #{pull.number} from {pull.branch}\n\n{pull.title}"
    return pull.base.git("commit-tree", tree, "-p", main, "-p", head, "-m", message)


def _told(project: Project) -> dict[str, Any]:
    return {"full_name": project.name, "default_branch": "main", "fork": project.fork}
