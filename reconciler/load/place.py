"""Where a file is: on this machine, in the set that is loaded, and as the user would write it."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH109, PTH120

import os

from reconciler.core.problem import Problem
from reconciler.frozen import dataclass


@dataclass(frozen=True)
class Here:
    """One file, or a part of it.

    Args:
        path: absolute path on this machine.
        relative: the path below the loaded folder, with `/`; it goes into the tree digest.
        shown: the path as the user would write it.
    """

    path: str
    relative: str
    shown: str

    def problem(self, line: int, column: int, code: str, message: str) -> Problem:
        """A problem at a place in this file."""
        return Problem(self.shown, line, column, code, message)


@dataclass(frozen=True)
class Bounds:
    """What a path of a manifest may reach, and how places are shown.

    Args:
        base: the loaded folder, absolute, links resolved.
        root: the repository's root, links resolved; empty outside git, where only links are held inside `base`.
        shown_root: how the root is shown; set for a revision, whose files lie somewhere in a cache.
        relative: whether the PATH was given relative to the current folder, as places are then shown.
        beyond: paths, links resolved, that may be read although they lie elsewhere.
        free: whether paths are those of a command's options: they may lie anywhere, and be written in any form. What
            they name holds itself alone, so that no link leads out of it.
        start: the folder where the user stands, if that is not the current one.
    """

    base: str
    root: str = ""
    shown_root: str | None = None
    relative: bool = False
    beyond: tuple[str, ...] = ()
    free: bool = False
    start: str = ""

    def shown(self, path: str) -> str:
        """A path as the user would write it."""
        if self.shown_root is None:
            return os.path.relpath(path) if self.relative else shown(path)
        return self.shown_root + os.path.relpath(path, self.root).replace(os.sep, "/")

    def holds(self, path: str) -> bool:
        """Whether a path, links resolved, may be read."""
        if self.free:
            return False
        roots = (*self.beyond, *((self.root,) if self.root else (self.base, _working_folder(self.start))))
        return any(inside(path, root) and not private_part(path, root) for root in roots)


def private_part(path: str, folder: str) -> str:
    """The folder of git's or of mlops itself that a path below `folder` goes through; empty when through none.

    Keys, tokens and settings lie there; what lies there is no content of the repository.
    """
    parts = os.path.relpath(path, folder).replace(os.sep, "/").split("/")
    return next((part for part in parts if part.lower() in (".git", ".mlops")), "")


def inside(path: str, folder: str) -> bool:
    """Whether an absolute path is a folder or lies below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def below(path: str, folder: str) -> str:
    """An absolute path in its normal form that is inside a folder, from there."""
    return path[len(folder.rstrip(os.sep)) + 1 :] or "."


def shown(path: str) -> str:
    """An absolute path relative to the current folder when below it, else as it is."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path != here and inside(path, here) else path


def _working_folder(start: str) -> str:
    here = os.path.realpath(start or ".")
    return here if os.path.dirname(here) != here else here + "\0"  # the top of a machine bounds nothing
