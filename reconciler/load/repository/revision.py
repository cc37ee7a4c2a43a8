"""REV:PATH: the tree of a git revision is laid out once in `.mlops/cache/revisions`, and read like any folder.

Where that takes no writes it is laid out for this process alone, in a temporary folder. Whatever became of it since is
of no account: it is held against git's own tree each time. Few are kept (`revision_room.py`).
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH109, PTH118

import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from reconciler.core.problem import Problem
from reconciler.errors import ManifestError, MlopsError
from reconciler.load.disk.roots import git_root
from reconciler.load.disk.stat_index import StatIndex
from reconciler.load.repository.git import Unanswered, answer, blobs
from reconciler.load.repository.private import refuse_tracked
from reconciler.load.repository.revision_room import begun, for_a_while, room_for_more, used
from reconciler.load.repository.tree_on_disk import EXECUTABLE, LINK, TreeFile, is_as_git_has_it
from reconciler.record.files import STATE_FOLDER, private_folder

_CACHE = f"{STATE_FOLDER}/cache"
_PLACE = f"{_CACHE}/revisions"


def laid_out(revision: str, path: str, *, start: str = "", cached: bool = True) -> str:
    """The folder that holds the whole tree of a revision; `path` must be in it.

    Args:
        revision: as git names it.
        path: from the repository's root.
        start: a folder of the repository; by default the current one.
        cached: whether a file that looks as it did when it was read is believed to be as it was; else all are read.

    Raises:
        ManifestError: there is no repository, no such revision, or no such path in it.
        MlopsError: no disk takes its files.
    """
    asked = revision if path == "." else f"{revision}:{path}"
    root = git_root(start or os.getcwd())
    if not root:
        raise _refused(asked, f"{asked} is not there, and no revision either: this is not a git repository")
    refuse_tracked(root)
    try:
        tree = _tree(root, revision)
        files = list(_files(answer(root, "ls-tree", "-r", "-z", "--full-tree", tree)))
        index = StatIndex(Path(root, _CACHE) if cached else None)
        folder = _whole(root, tree, files, index)
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
    try:
        told = answer(root, "rev-parse", "--verify", "--end-of-options", f"{revision}^{{tree}}")
    except Unanswered as error:
        if "Needed a single revision" not in str(error):
            raise
        raise Unanswered("write a branch, a tag or a commit that is here, `git fetch` brings others") from error
    return told.decode("ascii").strip()


def _whole(root: str, tree: str, files: list[TreeFile], index: StatIndex) -> Path:
    """The folder with all files of a tree, which are laid out where they are not as git has them."""
    place, inner = Path(root, _PLACE), Path(tree, Path(root).name)
    used(place / tree)
    if is_as_git_has_it(str(place / inner), files, index):
        return place / inner
    try:
        private_folder(Path(root, STATE_FOLDER))
        _lay_out(root, files, place / inner, index)
    except OSError as error:
        return _elsewhere(root, inner, files, index, error)
    room_for_more(place)
    return place / inner


def _elsewhere(root: str, inner: Path, files: list[TreeFile], index: StatIndex, why: OSError) -> Path:
    try:
        folder = for_a_while() / inner
        if not is_as_git_has_it(str(folder), files, index):
            _lay_out(root, files, folder, index)
    except OSError as error:
        where = f"{Path(root, _PLACE)} ({why.strerror}), nor in a temporary folder ({error.strerror})"
        message = f"the files of a revision can be laid out neither in {where}; have TMPDIR name a folder with room"
        raise MlopsError(message) from error
    return folder


def _lay_out(root: str, files: list[TreeFile], folder: Path, index: StatIndex) -> None:
    """Write the files of a tree; the folder appears only when it is whole, so that two runs may do so at once."""
    _refuse_crooked(files)
    temporary = begun(folder.parent)
    try:
        with blobs(root) as copy:
            # Links come last, so that nothing is written through one.
            for file in sorted(files, key=lambda file: file.mode == LINK):
                _write(file, temporary / file.path, copy)
        try:
            temporary.rename(folder)
        except OSError:
            # Another run was as fast, and may be reading it; or what is there is what was found to be otherwise.
            if not is_as_git_has_it(str(folder), files, index):
                _put_in_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _files(listed: bytes) -> Iterator[TreeFile]:
    """The files of a listing; a submodule is another repository, and is left out."""
    for line in os.fsdecode(listed).split("\0"):
        facts, _, path = line.partition("\t")
        mode, kind, blob = facts.split(" ") if facts else ("", "", "")
        if kind == "blob":
            yield TreeFile(mode, blob, path)


def _refuse_crooked(files: list[TreeFile]) -> None:
    """Let no path in that leads out of the folder, or through another one: git itself never makes such a tree."""
    paths = [file.path for file in files]
    folders = {"/".join(parts[:end]) for path in paths for parts in [path.split("/")] for end in range(1, len(parts))}
    for path in paths:
        if any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
            raise Unanswered(f"its tree has a file {path!r}, which no checkout may have")
    if len(set(paths)) < len(paths) or not folders.isdisjoint(paths):
        raise Unanswered("its tree has two things of one name")


def _put_in_place(temporary: Path, folder: Path) -> None:
    """Have what was written stand in the place of whatever does."""
    aside = Path(f"{temporary}-old")
    try:
        folder.rename(aside)
        temporary.rename(folder)
    finally:
        if aside.is_dir() and not aside.is_symlink():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink(missing_ok=True)


def _write(file: TreeFile, place: Path, copy: Callable[[str, IO[bytes]], None]) -> None:
    """One file as git holds it, without filters; a link stays a link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == LINK:
        target = io.BytesIO()
        copy(file.blob, target)
        place.symlink_to(os.fsdecode(target.getvalue()))
        return
    with place.open("xb") as stream:
        copy(file.blob, stream)
    place.chmod(0o755 if file.mode == EXECUTABLE else 0o644)


def _refused(asked: str, message: str) -> ManifestError:
    return ManifestError([Problem(asked, 1, 1, "E-GIT", message)])
