"""Where the files lie that places are in: in which folder of the repository, as checked out or of a revision."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH110, PTH118, PTH120

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence, Set
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from reconciler.core.manifest import Source
from reconciler.load.disk.roots import git_root
from reconciler.load.overrides import SET
from reconciler.load.place import inside


class PlacedFile(NamedTuple):
    """Places in one file of a repository; no dataclass, as a large plan has ten thousand.

    Args:
        file: as it is shown.
        sources: the places.
        folder: where the repository's files lie.
        path: of the file, from there.
        revision: whose files they are; empty for those of the checkout.
    """

    file: str
    sources: Set[Source]
    folder: str
    path: str
    revision: str = ""


def places(sources: Iterable[Source], root: str, paths: Collection[str]) -> Iterator[PlacedFile]:
    """The places in files of a repository, as checked out or of a revision, file by file.

    Those in a repository inside of it are left out.
    """
    lying = _Lying(root, [path.partition(":")[0] for path in paths if not os.path.exists(path)])
    by_file: dict[str, set[Source]] = defaultdict(set)
    for file, some in groupby(sources, key=attrgetter("file")):
        by_file[file].update(some)
    for file, every in by_file.items():
        if found := lying.of(file):
            yield PlacedFile(file, every, *found)


class _Folder(NamedTuple):
    """A folder of files.

    Args:
        path: of it on this machine, links resolved, up to the names of its files.
        below: the same from the repository's root.
        is_ours: whether it is a folder of the repository.
    """

    path: str
    below: str
    is_ours: bool


class _Lying:
    """Where files lie that places are in."""

    def __init__(self, root: str, revisions: Sequence[str]) -> None:
        self._root, self._top, self._revisions = root, os.path.realpath(root), revisions
        self._folder, self._laid_out = cache(self._folder_of), cache(self._tree)
        self._real: Callable[[str], str] = cache(os.path.realpath)
        self._root_of = cache(git_root)

    def of(self, file: str) -> tuple[str, ...]:
        """The folder of the repository's files, the path from there, and the revision; nothing where it is not in it.

        Args:
            file: as it is shown.
        """
        folder, name = self._parted(file)
        mode = _mode(folder.path + name)
        if stat.S_ISLNK(mode):
            folder, name = self._parted(os.path.realpath(folder.path + name))
            mode = _mode(folder.path + name)
        if file != SET and stat.S_ISREG(mode):
            return (self._top, folder.below + name) if folder.is_ours else ()
        revision = next((each for each in self._revisions if file.startswith(f"{each}:")), "")
        return self._of_revision(file, revision) if revision else ()

    def _parted(self, file: str) -> tuple[_Folder, str]:
        head, end, name = file.rpartition(os.sep)
        return self._folder(head + end), name

    def _folder_of(self, folder: str) -> _Folder:
        """A folder as it is shown."""
        path = self._real_of(folder)
        start = os.path.join(path, "")
        is_ours = inside(path, self._top) and self._holder(path) == self._top
        return _Folder(start, start[len(os.path.join(self._top, "")) :] if is_ours else "", is_ours)

    def _real_of(self, folder: str) -> str:
        """The same, links resolved; those of what it is in but once for all that is in there."""
        head, end, name = folder.rstrip(os.sep).rpartition(os.sep)
        if name in ("", os.curdir, os.pardir):
            return self._real(folder)
        path = os.path.join(self._real(head + end), name)
        return self._real(path) if stat.S_ISLNK(_mode(path)) else path

    def _holder(self, folder: str) -> str:
        """The repository that a folder, links resolved, is in."""
        return folder if os.path.exists(os.path.join(folder, ".git")) else self._root_of(os.path.dirname(folder))

    def _of_revision(self, file: str, revision: str) -> tuple[str, str, str]:
        folder = self._laid_out(revision)
        path = os.path.realpath(os.path.join(folder, file.removeprefix(f"{revision}:")))
        return folder, os.path.relpath(path, folder), revision

    def _tree(self, revision: str) -> str:
        from reconciler.load.repository.revision import laid_out  # noqa: PLC0415  # only files of a revision need it

        return os.path.realpath(laid_out(revision, "", start=self._root))


def _mode(path: str) -> int:
    """What lies at a path; 0 where nothing does."""
    try:
        return os.lstat(path).st_mode
    except (OSError, ValueError):
        return 0
