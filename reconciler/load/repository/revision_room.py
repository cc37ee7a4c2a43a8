"""How many trees of revisions stay laid out: the few that were used last, and all that a run may be reading."""

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

_MOST = 8
# No run is expected to read what it laid out for longer.
_READ_S = 24 * 3600.0
_UNFINISHED, _GOING = ".new-", ".old-"


def used(tree: Path) -> None:
    """A tree is the one that was used last; from now on nobody takes it away for a day."""
    with suppress(OSError), _locked(tree.parent, shared=True):
        os.utime(tree)


def begun(tree: Path) -> Path:
    """A new folder in which a tree is written, before it gets its name.

    Raises:
        OSError: it cannot be made.
    """
    tree.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=tree, prefix=_UNFINISHED))


@cache
def for_a_while() -> Path:
    """A folder for trees that goes away with this process, for a checkout that takes no writes.

    Raises:
        OSError: it cannot be made.
    """
    made = Path(tempfile.mkdtemp(prefix="mlops-revisions-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def room_for_more(place: Path, *, most: int = _MOST, now: float | None = None) -> None:
    """Take away the trees that were not used for longest, and what runs that were killed left behind.

    One that is used at the same moment either stays, or is gone as a whole before it is looked at, and laid out anew.

    Args:
        place: the folder of all trees.
        most: how many stay, unless more were used within a day.
        now: seconds since 1970; by default the clock's.
    """
    now_s = time.time() if now is None else now
    with suppress(OSError):
        trees = [each for each in place.iterdir() if not each.name.startswith(_GOING)]
        for tree in sorted(trees, key=_used_s, reverse=True)[most:]:
            _take_away(tree, now_s)
        for left in (*place.glob(f"{_GOING}*"), *place.glob(f"*/{_UNFINISHED}*")):
            if _is_old(left, now_s):
                shutil.rmtree(left, ignore_errors=True)


def _take_away(tree: Path, now_s: float) -> None:
    with _locked(tree.parent, shared=False):
        if not (tree.is_dir() and _is_old(tree, now_s)):
            return
        going = tempfile.mkdtemp(dir=tree.parent, prefix=_GOING)
        tree.rename(Path(going, tree.name))
    shutil.rmtree(going, ignore_errors=True)


def _is_old(path: Path, now_s: float) -> bool:
    """Whether nothing was done with it within a day; times of a clock that was ahead say nothing."""
    return abs(now_s - _used_s(path)) > _READ_S


def _used_s(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0  # It has just gone.


if sys.platform == "win32":

    @contextmanager
    def _locked(folder: Path, *, shared: bool) -> Iterator[None]:  # noqa: ARG001 - as below
        """A folder has no lock there; one that is being read cannot be moved away."""
        yield
else:
    import fcntl

    @contextmanager
    def _locked(folder: Path, *, shared: bool) -> Iterator[None]:
        """Raises OSError where the folder is not there, or its disk knows no locks."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
