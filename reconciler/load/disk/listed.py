"""What lies in a folder by what the disk says of each file, without opening any: manifests, and content.

Light, as a plan that is known at a glance does little else; see `stat_index` for when what the disk says is believed.
"""

# Paths are text here: as Path objects those of 1,000 files cost 20 ms.
# ruff: noqa: PTH113, PTH116, PTH118

import errno
import hashlib
import os
import struct

from reconciler.load.disk.roots import CONFIG

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reconciler.load.disk.ignore import Ignored
    from reconciler.load.disk.stat_index import Files

SAFE_NS = 2_000_000_000  # the coarsest clock of a file system that is in use
NOT_ENTERED = frozenset({"node_modules", "__pycache__"})
DESCRIPTION = "MLmodel"
"""The file by which an MLflow model is known, in its folder or in one of it."""

_NO_CONTENT = frozenset({"__pycache__", ".git", ".mlops", ".DS_Store"})

_FACTS = struct.Struct("<qqqQI")
_MOST_LINKS = 1000


def facts_of(found: os.stat_result, real: str = "") -> bytes:
    """What the disk says of a file, packed; `real` is where a link leads."""
    times = found.st_mtime_ns, found.st_ctime_ns
    try:
        facts = _FACTS.pack(found.st_size, *times, found.st_ino, found.st_mode)
    except struct.error:  # Disks can tell of times before 1678 and after 2262.
        facts = _FACTS.pack(found.st_size, *map(_in_bounds, times), found.st_ino, found.st_mode)
    return facts + os.fsencode(real) if real else facts


def _in_bounds(time_ns: int) -> int:
    """The nearest time that fits 64 bits; one so late is to come, and so nothing is believed of it."""
    return max(-(1 << 63), min(time_ns, (1 << 63) - 1))


def alone(facts: bytes) -> bytes:
    """The same without where a link leads."""
    return facts[: _FACTS.size]


def leads_to(facts: bytes) -> str:
    """Where a link leads, of which these are the facts; empty for a file."""
    return os.fsdecode(facts[_FACTS.size :])


def numbers_of(facts: bytes) -> tuple[int, int, int, int]:
    """Size, time of change, time of the inode's change, and inode."""
    size, content_ns, inode_ns, inode, _ = _FACTS.unpack_from(facts)
    return size, content_ns, inode_ns, inode


def latest(files: "Files") -> int:
    """The latest of all times that the disk says of files."""
    return max((max(_FACTS.unpack_from(facts)[1:3]) for _, facts in files), default=0)


def key_of(kind: str, files: "Files") -> str:
    """The digest of all that the disk says of files."""
    digest = hashlib.sha256(kind.encode())
    digest.update(b"\0" + os.fsencode("\0".join([name for name, _ in files])) + b"\0\0")
    digest.update(b"".join([b"%d %b" % (len(facts), facts) for _, facts in files]))
    return digest.hexdigest()


def is_entered(name: str) -> bool:
    """Whether a folder of this name may hold manifests."""
    return not name.startswith(".") and name not in NOT_ENTERED


def is_read(name: str, *, at_top: bool) -> bool:
    """Whether a file of this name is one to read.

    Args:
        name: without its folder.
        at_top: whether that is the folder which is loaded, where our own settings lie.
    """
    return name.lower().endswith((".yml", ".yaml")) and not name.startswith(".") and not (at_top and name == CONFIG)


def is_no_content(name: str) -> bool:
    """Whether a file or folder counts in no folder, whatever is said there of what to leave out.

    Args:
        name: from that folder.
    """
    return name.rpartition("/")[2] in _NO_CONTENT


def manifests_below(folder: str, prefix: str, of_link: "Callable[[str], bytes]") -> "Iterator[tuple[str, bytes]]":
    """The manifests of a folder, in one order, each with what the disk says of it.

    Args:
        folder: absolute.
        prefix: of the names, as the folder lies below the one that is loaded.
        of_link: what there is to say of a link by its path; nothing of one to what is no file.

    Raises:
        OSError: the disk cannot say.
    """
    with os.scandir(folder) as entries:
        found = sorted(entries, key=_own_name)
    for entry in found:
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            if is_entered(name):
                yield from manifests_below(entry.path, f"{prefix}{name}/", of_link)
        elif is_read(name, at_top=not prefix) and (facts := _facts(entry, of_link)):
            yield prefix + name, facts


def content_below(folder: str, ignored: "Ignored") -> "Iterator[tuple[str, os.DirEntry[str]]]":
    """The files and links of a folder that count; a link is told before it is followed.

    Raises:
        OSError: the disk cannot say, or more links are to be followed than anybody means.
    """
    return _below(folder, "", ignored, (os.path.realpath(folder),), iter(range(_MOST_LINKS)))


def descriptions_in(folder: str) -> "Iterator[tuple[str, bytes]]":
    """The files by which an MLflow model is known, which its content may leave out."""
    with os.scandir(folder) as entries:
        inner = sorted(f"{entry.name}/{DESCRIPTION}" for entry in entries if entry.is_dir())
    for name in (DESCRIPTION, *inner):
        if os.path.isfile(path := os.path.join(folder, name)):
            yield name, facts_of(os.stat(path))


def _facts(entry: "os.DirEntry[str]", of_link: "Callable[[str], bytes]") -> bytes:
    """What the disk says of a file; nothing of what is no file, or a link to what is none."""
    if entry.is_symlink():
        return of_link(entry.path)
    return facts_of(entry.stat()) if entry.is_file() else b""


def _own_name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _below(
    folder: str, prefix: str, ignored: "Ignored", seen: tuple[str, ...], links: "Iterator[int]"
) -> "Iterator[tuple[str, os.DirEntry[str]]]":
    with os.scandir(folder) as entries:
        found = sorted(entries, key=_own_name)
    for entry in found:
        name, is_folder = prefix + entry.name, entry.is_dir()
        if ignored(name, is_folder):
            continue
        if not is_folder or entry.is_symlink():
            yield name, entry
        # A link to a folder that holds it would never end.
        if is_folder and (real := _real(entry, links)) not in seen:
            yield from _below(entry.path, f"{name}/", ignored, (*seen, real), links)


def _real(entry: "os.DirEntry[str]", links: "Iterator[int]") -> str:
    """Where a folder is; a dozen folders that link to each other would be entered a billion times."""
    if not entry.is_symlink():
        return entry.path
    if next(links, None) is None:
        raise OSError(errno.ELOOP, f"more than {_MOST_LINKS} links to folders are to be followed")
    return os.path.realpath(entry.path)
