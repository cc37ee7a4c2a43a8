"""REV:PATH: the tree of a git revision is laid out once in `.mlops/cache/revisions`, and read like any folder."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH109, PTH118

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from reconciler.core.problem import Problem
from reconciler.errors import ManifestError
from reconciler.load.git import Unanswered, answer, blobs
from reconciler.load.place import git_root
from reconciler.load.private import refuse_tracked

_PLACE = ".mlops/cache/revisions"
_LINK, _EXECUTABLE = "120000", "100755"


def laid_out(revision: str, path: str, *, start: str = "") -> str:
    """The folder that holds the whole tree of a revision; `path` must be in it.

    Args:
        revision: as git names it.
        path: from the repository's root.
        start: a folder of the repository; by default the current one.

    Raises:
        ManifestError: there is no repository, no such revision, or no such path in it.
    """
    asked = f"{revision}:{path}"
    root = git_root(start or os.getcwd())
    if not root:
        raise _refused(asked, f"{asked} is not there, and no revision either: this is not a git repository")
    refuse_tracked(root)
    try:
        tree = _tree(root, revision)
        folder = Path(root, _PLACE, tree, Path(root).name)
        if not folder.exists():
            _lay_out(root, tree, folder)
    except Unanswered as error:
        raise _refused(asked, f"{revision!r} is no revision of this repository; {error}") from error
    inner = os.path.normpath(os.path.join(folder, path))
    if not (inner + os.sep).startswith(str(folder) + os.sep) or not os.path.lexists(inner):
        raise _refused(asked, f"revision {revision} holds no {path}; paths count from the repository's root")
    return str(folder)


def _tree(root: str, revision: str) -> str:
    """The id of a revision's tree; what git would take for an option is no revision."""
    if revision.startswith("-"):
        raise Unanswered("a revision does not begin with a dash")
    return answer(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{tree}}").decode("ascii").strip()


@dataclass(frozen=True)
class _File:
    """A file of a tree: its mode as git writes it, the id of its content, and its path."""

    mode: str
    blob: str
    path: str


def _lay_out(root: str, tree: str, folder: Path) -> None:
    """Write the files of a tree; the folder appears only when it is whole, so that two runs may do so at once."""
    files = list(_files(answer(root, "ls-tree", "-r", "-z", "--full-tree", tree)))
    _refuse_crooked(files)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        with blobs(root) as copy:
            # Links come last, so that nothing is written through one.
            for file in sorted(files, key=lambda file: file.mode == _LINK):
                _write(file, temporary / file.path, copy)
        if not folder.exists():
            _rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _files(listed: bytes) -> Iterator[_File]:
    """The files of a listing; a submodule is another repository, and is left out."""
    for line in os.fsdecode(listed).split("\0"):
        facts, _, path = line.partition("\t")
        mode, kind, blob = facts.split(" ") if facts else ("", "", "")
        if kind == "blob":
            yield _File(mode, blob, path)


def _refuse_crooked(files: list[_File]) -> None:
    """Let no path in that leads out of the folder, or through another one: git itself never makes such a tree."""
    paths = [file.path for file in files]
    folders = {"/".join(parts[:end]) for path in paths for parts in [path.split("/")] for end in range(1, len(parts))}
    for path in paths:
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
            raise Unanswered(f"its tree has a file {path!r}, which no checkout may have")
    if len(set(paths)) < len(paths) or not folders.isdisjoint(paths):
        raise Unanswered("its tree has two things of one name")


def _rename(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _write(file: _File, place: Path, copy: Callable[[str, IO[bytes]], None]) -> None:
    """One file as git holds it, without filters; a link stays a link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == _LINK:
        target = io.BytesIO()
        copy(file.blob, target)
        place.symlink_to(os.fsdecode(target.getvalue()))
        return
    with place.open("xb") as stream:
        copy(file.blob, stream)
    place.chmod(0o755 if file.mode == _EXECUTABLE else 0o644)


def _refused(asked: str, message: str) -> ManifestError:
    return ManifestError([Problem(asked, 1, 1, "E-GIT", message)])
