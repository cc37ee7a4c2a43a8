"""All that a plan hangs on which is known at a glance, in one keyed digest; see `glance`."""

# Paths are text here, and what makes values convenient takes longer to load than all that is done.
# ruff: noqa: PTH109, PTH112, PTH113, PTH116, PTH120

import hashlib
import os
import stat

from reconciler.load.caching.tool import version
from reconciler.load.disk.listed import content_below, descriptions_in, facts_of, is_no_content, key_of, latest
from reconciler.load.disk.roots import git_root

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reconciler.load.disk.stat_index import Files

MOST_FILES = 2_500
"""So many files of a folder are looked at one by one."""

# What the shell tells of itself, and nobody else reads.
_OF_SHELLS = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})
_MOST_BYTES = 1 << 20
_LOCK = 2  # which of the record's files it is
_RECORD, _PLACES = 5, 11  # where in the texts of a scene the files of its record end, and its places begin


class UnfitError(Exception):
    """Something is there that no glance can tell."""


class Scene:
    """Where all lies that a plan hangs on; paths are absolute.

    Args:
        record: the files of the record, as `record.sqlite.files_of` has them.
        live: the file of the target.
        top: the folder of manifests.
        base: the same, links resolved.
        root: of the repository, links resolved; empty outside git.
        files: the id of the set of manifests, where they are too many to be looked at one by one; else empty.
        named: the folder of manifests that `mlops.yaml` names, whichever is asked for.
        places: to what the manifests lead, each behind a sign: `+` for what is there, `-` for what is not.
    """

    def __init__(self, record: "Iterable[str]", *ones: str, places: "Iterable[str]") -> None:
        self.record, self.places = tuple(record), tuple(places)
        self.live, self.top, self.base, self.root, self.files, self.named = ones

    @classmethod
    def of(cls, texts: "Sequence[str]") -> "Scene":
        """The scene that has these texts."""
        return cls(texts[:_RECORD], *texts[_RECORD:_PLACES], places=texts[_PLACES:])

    def texts(self) -> "tuple[str, ...]":
        """All that it says, for `of`."""
        return (*self.record, self.live, self.top, self.base, self.root, self.files, self.named, *self.places)


def sealed(
    scene: Scene,
    told: "tuple[object, ...]",
    environ: "Mapping[str, str]",
    listed: "Callable[[], Files]",
    *,
    before_ns: int,
) -> "Iterator[str]":
    """The digest of all but manifests and what they lead to, and then of these as well, for who wants to know.

    Args:
        scene: where all lies.
        told: what else there is to say, the path of `mlops.yaml` first.
        environ: of this process.
        listed: tells the manifests.
        before_ns: what is not older is not believed.

    Raises:
        UnfitError: something is there, or is not, that cannot be told so.
        OSError: something is not there.
    """
    seal, settings = hashlib.blake2b(key=_key(scene.record[0]), digest_size=32), str(told[0])
    kept = {name: value for name, value in environ.items() if name not in _OF_SHELLS}
    seal.update(told_apart((told, os.getcwd(), version(), sorted(kept.items()), vars(scene))))
    needed = (settings, scene.live, *scene.record[:2])
    for path in (*needed, *scene.record[2:]):
        seal.update(told_apart((path, _looks(path, before_ns, needed=path in needed))))
    _refuse_held(scene.record[_LOCK])
    seal.update(told_apart((_digest(settings), _digest(scene.live), *_reach(settings, scene.named))))
    yield seal.hexdigest()
    root = git_root(scene.top)
    if (os.path.realpath(scene.top), os.path.realpath(root) if root else "") != (scene.base, scene.root):
        raise UnfitError(scene.top)
    if not scene.files:
        seal.update(told_apart(_believed(listed(), before_ns)))
    for place in scene.places:
        lying = _believed(_lying(place[1:]), before_ns, needed=place[0] == "+")
        seal.update(told_apart((place, os.path.realpath(place[1:]), lying)))
    yield seal.hexdigest()


def told_apart(value: object) -> bytes:
    """A value as bytes, their number in front, so that no two rows of values are the same bytes."""
    told = repr(value).encode("utf-8", "surrogateescape")
    return b"%d %b" % (len(told), told)


def _key(path: str) -> bytes:
    """The key of the record's secrets."""
    with open(path, "rb", opener=_without_waiting) as file:
        key = bytes.fromhex(file.read(_MOST_BYTES).decode("ascii"))
    if len(key) != 32:
        raise UnfitError(path)
    return key


def _looks(path: str, before_ns: int, *, needed: bool) -> str:
    """What the disk says of a file that is none but itself, if it is there."""
    found = os.lstat(path) if needed or os.path.lexists(path) else None
    if found and (not stat.S_ISREG(found.st_mode) or os.path.realpath(path) != path):
        raise UnfitError(path)
    return _believed([(str(found.st_dev), facts_of(found))] if found else [], before_ns, needed=found is not None)


def _reach(settings: str, named: str) -> "tuple[str, str]":
    """Where the folder leads that `mlops.yaml` names, and out of which repository it must not."""
    return os.path.realpath(named), git_root(os.path.realpath(os.path.dirname(settings)))


def _refuse_held(lock: str) -> None:
    """See that nobody is at work: whoever holds the lock may have left its file as it was, as `flock` does.

    Raises:
        OSError: somebody does.
    """
    import fcntl  # noqa: PLC0415 - Windows has none

    if os.path.lexists(lock):
        with open(lock, "rb", buffering=0, opener=_without_waiting) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _lying(place: str) -> "Files":
    """What the disk says of all that lies at a place: of more than counts there, so that no rule of that is asked."""
    if os.path.isdir(place):
        lying = content_below(place, lambda name, _: is_no_content(name))
        content = few((name, _of_entry(entry)) for name, entry in lying)
        return [("", facts_of(os.lstat(place))), *content, *few(descriptions_in(place))]
    if os.path.isfile(place):
        return [("", facts_of(os.lstat(place))), ("", facts_of(os.stat(place)))]
    if os.path.lexists(place):
        raise UnfitError(place)
    return []


def few(files: "Iterator[tuple[str, bytes]]") -> "Files":
    """What is not too much to be looked at one by one.

    Raises:
        UnfitError: it is.
    """
    found = []
    for each in files:
        found.append(each)
        if len(found) > MOST_FILES:
            raise UnfitError(each[0])
    return found


def _of_entry(entry: "os.DirEntry[str]") -> bytes:
    return no_link(entry.path) if entry.is_symlink() else facts_of(entry.stat())


def no_link(path: str) -> bytes:
    """Of where a link leads a glance knows nothing.

    Raises:
        UnfitError: it is one.
    """
    raise UnfitError(path)


def _believed(files: "Files", before_ns: int, *, needed: bool = True) -> str:
    """The digest of files of which the disk is believed, and that are there if they are needed."""
    if bool(files) != needed or latest(files) >= before_ns:
        raise UnfitError
    return key_of("glance", files)


def folders_of(scene: Scene) -> "Iterator[tuple[str, bytes]]":
    """What the disk says of all folders in which anything counts."""
    pending = [
        *([] if scene.files else [scene.top]),
        *(place[1:] for place in scene.places if os.path.isdir(place[1:])),
    ]
    while pending:
        folder = pending.pop()
        yield folder, facts_of(os.stat(folder))
        with os.scandir(folder) as entries:
            pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def _digest(path: str) -> str:
    """The digest of what a file holds."""
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UnfitError(path)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
