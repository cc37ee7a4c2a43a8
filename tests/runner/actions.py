"""The actions of GitHub's own that our workflows use, played on local repositories and folders.

Each is known by its full commit, as it is pinned; inputs that are not played are refused.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


class ActionError(Exception):
    """An action failed, and its step with it."""


@dataclass(frozen=True)
class Place:
    """Where an action works.

    Args:
        workspace: the folder of the job.
        artifacts: what this run has uploaded, by name.
        remote: gives the bare repository of a name; raises where the token may not read it.
        repository, ref: what is checked out where nothing else is said.
        token: what the checkout may leave behind.
        git: the environment of git.
    """

    workspace: Path
    artifacts: Path
    remote: Callable[[str], Path]
    repository: str
    ref: str
    token: str
    git: Mapping[str, str]


def checkout(place: Place, given: Mapping[str, str]) -> None:
    """Fetch one commit, or all of its history with `fetch-depth: 0`, into a folder of the workspace."""
    _only(given, "repository", "ref", "path", "persist-credentials", "fetch-depth", "clean")
    repository = given.get("repository") or place.repository
    folder = _inside(place.workspace, given.get("path", "."))
    remote = place.remote(repository)
    ref = given.get("ref") or (place.ref if repository == place.repository else "HEAD")
    if (folder / ".git").is_dir():
        if given.get("clean", "true") == "true":
            _git(place, folder, "clean", "-ffdx")
            _git(place, folder, "reset", "--hard", "-q")
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _git(place, folder, "init", "-q", "-b", "main")
        _git(place, folder, "remote", "add", "origin", f"https://github.example/{repository}")
    depth = given.get("fetch-depth", "1")
    deep = [] if depth == "0" else [f"--depth={depth}"]
    _git(place, folder, "fetch", "-q", "--no-tags", "--prune", *deep, f"file://{remote}", f"+{ref}:refs/runner/head")
    branch = ref.removeprefix("refs/heads/")
    if branch != ref:
        _git(place, folder, "checkout", "-q", "--force", "-B", branch, "refs/runner/head")
    else:
        _git(place, folder, "checkout", "-q", "--force", "--detach", "refs/runner/head")
    if given.get("persist-credentials", "true") == "true":
        _git(place, folder, "config", "http.https://github.example/.extraheader", f"AUTHORIZATION: {place.token}")


def upload_artifact(place: Place, given: Mapping[str, str]) -> None:
    """Keep files for the other jobs of the run; a name is taken once, and hidden files stay behind."""
    _only(given, "name", "path", "if-no-files-found", "retention-days")
    folder = place.artifacts / given["name"]
    if folder.exists():
        raise ActionError(f"an artifact with the name {given['name']} already exists in this run")
    wanted = [place.workspace / line for line in given["path"].split()]
    files = [file for path in wanted if path.exists() for file in _files(path)]
    if not files:
        if given.get("if-no-files-found", "warn") == "error":
            raise ActionError(f"no files were found with the path {given['path']}")
        return
    root = Path(os.path.commonpath([file.parent for file in files]))
    for file in files:
        kept = folder / file.relative_to(root)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, kept)


def download_artifact(place: Place, given: Mapping[str, str]) -> None:
    """Lay down what another job of this run has uploaded."""
    _only(given, "name", "path")
    folder = place.artifacts / given["name"]
    if not folder.is_dir():
        raise ActionError(f"artifact not found for name: {given['name']}")
    # Other than a checkout, it may be laid down anywhere.
    shutil.copytree(folder, place.workspace / given.get("path", "."), dirs_exist_ok=True)


ACTIONS: Mapping[str, Callable[[Place, Mapping[str, str]], None]] = {
    "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683": checkout,
    "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02": upload_artifact,
    "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093": download_artifact,
}


def _only(given: Mapping[str, str], *names: str) -> None:
    if unknown := set(given) - set(names):
        raise ActionError(f"inputs that this runner does not play: {', '.join(sorted(unknown))}")


def _inside(workspace: Path, path: str) -> Path:
    folder = (workspace / path).resolve()
    if not folder.is_relative_to(workspace.resolve()):
        raise ActionError(f"{path} is not under {workspace}")
    return folder


def _files(path: Path) -> list[Path]:
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [
        file
        for file in found
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path.parent).parts)
    ]


def _git(place: Place, folder: Path, *words: str) -> None:
    done = subprocess.run(
        ["git", *words], cwd=folder, env=dict(place.git), check=False, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise ActionError(f"git {words[0]}: {done.stderr.strip()}")
