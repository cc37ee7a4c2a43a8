"""Whether a folder holds what a tree of git holds: the same files, links and modes, the same bytes, nothing else."""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH114, PTH115, PTH118

import os
import stat
from collections.abc import Collection, Iterator

from reconciler.frozen import dataclass
from reconciler.load.disk.blob_id import DIGITS, blob_begun, blob_id
from reconciler.load.disk.listed import facts_of
from reconciler.load.disk.stat_index import StatIndex

LINK, EXECUTABLE = "120000", "100755"
_KIND = "git's"


@dataclass(frozen=True)
class TreeFile:
    """A file of a tree: its mode as git writes it, the id of its content, and its path."""

    mode: str
    blob: str
    path: str


def is_as_git_has_it(folder: str, files: Collection[TreeFile], index: StatIndex) -> bool:
    """Whether the files of a tree lie in a folder as git has them, and nothing beside them.

    Args:
        folder: where they were laid out.
        files: as git lists them.
        index: what is known of files; none is read that looks as it did when it was read.
    """
    try:
        there = dict(_below(folder, ""))
        if os.path.islink(folder) or _folders(files) != {name for name, found in there.items() if _is_folder(found)}:
            return False
        held = {name: found for name, found in there.items() if not _is_folder(found)}
        if {file.path: file.mode for file in files} != {name: _mode(found) for name, found in held.items()}:
            return False
        return _ids(folder, held, files, index) == {file.path: file.blob for file in files}
    except OSError:
        return False


def _below(folder: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """All that is in a folder, by relative name; no link is followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            found = entry.stat(follow_symlinks=False)
            yield prefix + entry.name, found
            if _is_folder(found):
                yield from _below(entry.path, f"{prefix}{entry.name}/")


def _folders(files: Collection[TreeFile]) -> set[str]:
    parts = (file.path.split("/") for file in files)
    return {"/".join(each[:end]) for each in parts for end in range(1, len(each))}


def _is_folder(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode)


def _mode(found: os.stat_result) -> str:
    """The mode as git has it; empty for what git has none for."""
    if stat.S_ISLNK(found.st_mode):
        return LINK
    if not stat.S_ISREG(found.st_mode):
        return ""
    return EXECUTABLE if found.st_mode & stat.S_IXUSR else "100644"


def _ids(folder: str, held: dict[str, os.stat_result], files: Collection[TreeFile], index: StatIndex) -> dict[str, str]:
    """Git's id of what is there, by relative name.

    Raises:
        OSError: a file cannot be read.
    """
    digits = max((len(file.blob) for file in files), default=DIGITS)
    links = [file.path for file in files if file.mode == LINK]
    plain = sorted((name, facts_of(found)) for name, found in held.items() if stat.S_ISREG(found.st_mode))
    return {
        **index.digests(_KIND, {folder: plain}, lambda size: blob_begun(size, digits))[folder].of,
        **{name: blob_id(os.fsencode(os.readlink(os.path.join(folder, name))), digits) for name in links},
    }
