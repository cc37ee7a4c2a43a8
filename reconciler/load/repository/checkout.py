"""What git says of a folder of a checkout: which files are not as its index has them, and how the index has them.

Git compares times by the second, and a file by what filters and line endings make of it. So it is believed only of
files that were as the index has them, to the nanosecond and the byte, when all of them were looked at; and only where
there are no attributes.
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH118, PTH120

import os
import re
from collections.abc import Iterable, Iterator, Set
from pathlib import Path
from typing import NamedTuple

from reconciler.frozen import dataclass
from reconciler.late import pattern
from reconciler.load.disk.listed import NOT_ENTERED, is_entered
from reconciler.load.disk.roots import git_root, index_of
from reconciler.load.repository.direct import Direct
from reconciler.load.repository.git import Unanswered
from reconciler.load.repository.index_parts import IndexParts, index_parts, is_in

_PATIENCE_S = 60.0
_CHECKSUM_BYTES = 20
_ATTRIBUTES = ".gitattributes"
# What a load does not enter or read, git neither; of what git is told to ignore it is asked all the same.
_LEFT_OUT = tuple(word for name in sorted(NOT_ENTERED) for word in ("-x", f"{name}/"))
_CHANGED = ("ls-files", "-z", "-m", "-o", "-x", ".*", *_LEFT_OUT, "-x", f"!{_ATTRIBUTES}")
_RECORDED = ("ls-files", "-z", "-s", "-v", "--debug")
_SETTINGS = {
    "core.autocrlf": "false",
    "core.checkStat": "default",
    "core.fileMode": "false",
    "core.ignoreCase": "false",
    "core.trustctime": "true",
}
_ENTRY = pattern(
    rb"(\S) (\d{6}) ([0-9a-f]+) (\d)\t([^\0]+)\0"
    rb"  ctime: (\d+):(\d+)\n  mtime: (\d+):(\d+)\n  dev: \d+\tino: (\d+)\n  uid: \d+\tgid: \d+\n"
    rb"  size: (\d+)\tflags: [0-9a-f]+\n"
)
_SUBMODULE = b"160000"
_SECOND_NS = 10**9
_WORD = 0xFFFFFFFF  # the index keeps as much of a number


class Recorded(NamedTuple):
    """A file as git's index has it.

    Args:
        blob: git's id of the content; empty where git does not look whether it changed.
        facts: size, both times, and inode, in the order and form of the index.
    """

    blob: str
    facts: tuple[int, int, int, int]

    def is_of(self, blob: str, found: tuple[int, int, int, int]) -> bool:
        """Whether a file of this content, of which the disk says this, is the one."""
        size, content_ns, inode_ns, inode = found
        return self.blob == blob and self.facts == (size & _WORD, content_ns, inode_ns, inode & _WORD)


@dataclass(frozen=True)
class Checkout:
    """A folder in a checkout.

    Args:
        root: of the repository, links resolved.
        below: the folder, from there; empty for the root itself.
        index: the file of git's index.
    """

    root: str
    below: str
    index: str

    def state(self) -> str:
        """What changes with the index; empty where that cannot be told."""
        try:
            with Path(self.index).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(-_CHECKSUM_BYTES, os.SEEK_END)
                checksum = file.read()
        except OSError:
            return ""
        return f"{size} {checksum.hex()} {self.root}\0{self.below}" if any(checksum) else ""

    def is_plain(self) -> bool:
        """Whether git looks into the folder, with no attributes above it by which it takes other bytes for the same."""
        parts = Path(self.below).parts
        if not all(map(is_entered, parts)):
            return False
        folders = [os.path.join(self.root, *parts[:depth]) for depth in range(len(parts) + 1)]
        private = os.path.dirname(self.index)
        shared = os.path.join(private, _line_of(os.path.join(private, "commondir")))
        places = [os.path.join(each, "info", "attributes") for each in (private, shared)]
        return not any(map(os.path.lexists, [*places, *(os.path.join(each, _ATTRIBUTES) for each in folders)]))

    def changed(self) -> list[str] | None:
        """The files that are not as the index has them, and those that it has not; None where that is not the whole.

        Raises:
            Unanswered: git cannot say it.
        """
        said = self._git().compared(*_CHANGED, *self._here(), settings=_SETTINGS)
        names = [name for name in os.fsdecode(said).split("\0") if name]
        # A repository in this one, attributes, or a link through which git sees files that are not here.
        if any(name.endswith(("/", _ATTRIBUTES)) or self._is_folder_behind_link(name) for name in names):
            return None
        return [name[self._cut() :] for name in names]

    def index_parts(self) -> IndexParts | None:
        """What the index says of files; None where two of them may be one.

        Raises:
            Unanswered: git cannot say it.
        """
        said = self._git().compared(*_RECORDED, *self._here(), settings=_SETTINGS)
        return None if self._ignores_case() else index_parts(said)

    def recorded(self, said: bytes) -> dict[str, Recorded] | None:
        """Files as the index has them; None where it does not say all of what is in the folder.

        Args:
            said: of them, in `index_parts`.
        """
        found, end = dict[str, Recorded](), 0
        for entry in _ENTRY.finditer(said):
            if entry.start() != end or entry[2] == _SUBMODULE or entry[5].endswith(_ATTRIBUTES.encode()):
                return None
            found[os.fsdecode(entry[5])[self._cut() :]] = _recorded(entry)
            end = entry.end()
        return found if end == len(said) else None

    def in_parts(self, names: Iterable[str], parts: Set[int]) -> Iterator[str]:
        """Those of some files that are in some parts of the index."""
        above = os.fsencode(f"{self.below}/" if self.below else "")
        return (name for name in names if is_in(above + os.fsencode(name), parts))

    def _ignores_case(self) -> bool:
        try:
            return self._git().told("config", "--type=bool", "core.ignoreCase").strip() == b"true"
        except Unanswered as error:
            if str(error):
                raise
            return False  # it is not set

    def _is_folder_behind_link(self, name: str) -> bool:
        path = Path(self.root, name)
        return path.is_symlink() and path.is_dir()

    def _here(self) -> tuple[str, ...]:
        return ("--", f":(literal){self.below}") if self.below else ()

    def _cut(self) -> int:
        return len(self.below) + 1 if self.below else 0

    def _git(self) -> Direct:
        return Direct(self.root, patience_s=_PATIENCE_S)


def checkout_at(folder: str) -> Checkout:
    """The checkout that a folder, links resolved, is in."""
    root = git_root(folder)
    return Checkout(root, "" if folder == root else os.path.relpath(folder, root), index_of(root))


def _recorded(entry: re.Match[bytes]) -> Recorded:
    tag, _, blob, _, _, inode_s, inode_ns, content_s, content_ns, inode, size = entry.groups()
    content, changed = int(content_s) * _SECOND_NS + int(content_ns), int(inode_s) * _SECOND_NS + int(inode_ns)
    return Recorded(blob.decode() if tag == b"H" else "", (int(size), content, changed, int(inode)))


def _line_of(file: str) -> str:
    """The one line of a file; empty where there is none."""
    try:
        return Path(file).read_text("utf-8", "surrogateescape").strip()
    except OSError:
        return ""
