"""REV:PATH: the tree of a git revision is laid out once in `.mlops/cache/revisions`, and read like any folder."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH109, PTH118

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from reconciler.core.problem import Problem
from reconciler.errors import ManifestError
from reconciler.load.place import git_root

_PLACE = ".mlops/cache/revisions"


def laid_out(revision: str, path: str) -> str:
    """The folder that holds the whole tree of a revision; `path` must be in it.

    Raises:
        ManifestError: there is no repository, no such revision, or no such path in it.
    """
    import git  # noqa: PLC0415  # 0.1 s, and only revisions need it

    asked = f"{revision}:{path}"
    root = git_root(os.getcwd())
    if not root:
        raise _refused(asked, f"{asked} is not there, and no revision either: this is not a git repository")
    try:
        with git.Repo(root) as repository:
            tree = repository.commit(revision).tree
            folder = Path(root, _PLACE, tree.hexsha, Path(root).name)
            if not folder.exists():
                _lay_out(tree, folder)
    except (git.GitError, git.exc.ODBError, ValueError, IndexError) as error:
        raise _refused(asked, f"{revision!r} is no revision of this repository; {_first_line(error)}") from error
    inner = os.path.normpath(os.path.join(folder, path))
    if not inner.startswith(str(folder)) or not os.path.lexists(inner):
        raise _refused(asked, f"revision {revision} holds no {path}; paths count from the repository's root")
    return str(folder)


def _lay_out(tree: Any, folder: Path) -> None:
    """Write the files of a tree; the folder appears only when it is whole, so that two runs may do so at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        for blob in tree.traverse(predicate=lambda item, _depth: item.type == "blob"):
            _write(blob, temporary / blob.path)
        if not folder.exists():
            _rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _rename(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.exists():
            raise


def _write(blob: Any, file: Path) -> None:
    """One file as git holds it, without filters; a link stays a link."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if blob.mode == blob.link_mode:
        file.symlink_to(os.fsdecode(blob.data_stream.read()))
        return
    with file.open("wb") as target:
        blob.stream_data(target)
    file.chmod(0o755 if blob.mode == blob.executable_mode else 0o644)


def _refused(asked: str, message: str) -> ManifestError:
    return ManifestError([Problem(asked, 1, 1, "E-PATH", message)])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
