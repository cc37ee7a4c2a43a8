"""A plan at a glance: where all that the last one hung on looks as it did, what that said is said again.

It is `git status` in front of everything, of a few modules that load fast. What it knows is kept by `glances` of the
plainest case alone: a text that says that nothing is to be done, nobody at work, a memory target with a file, a record
in a file. What all that hangs on is in one keyed digest:

    what                                    how
    the words, the current folder           as they are
    the environment                         as it is, but for what each shell sets anew; some of it forbids a glance
    the tool, and packages beside it        `load.tool`
    which mlops.yaml counts, and policies   looked for as ever; where there are policies there is no glance
    mlops.yaml                              its bytes
    that git tracks nothing of `.mlops`     asked as ever
    the record, its key, and its lock       what the disk says of the files
    the live side                           the bytes of the target's file
    the manifests                           what the disk says of each; there is no glance where one is a link
    very many of them                       the set that they are, as every look has it (`load.manifest_set`)
    what they lead to                       what the disk says of all that lies there, and no link

What the disk says is believed as in `load.stat_index`: of what lay there safely before the plan began that is kept,
and has no time to come. The digest is keyed with the record's key, as values of the environment are secret. What was
seen of the manifests is left to the ordinary way, where something else than before was seen.
"""

# Paths are text here, and what makes values convenient takes longer to load than all that is done.
# ruff: noqa: PTH109, PTH112, PTH113, PTH116, PTH118, PTH120

import hashlib
import os
import stat
import time
from contextvars import ContextVar

from reconciler.load.listed import (
    ALWAYS,
    SAFE_NS,
    content_below,
    descriptions_in,
    facts_of,
    key_of,
    latest,
    manifests_below,
)
from reconciler.load.private import may_be_tracked
from reconciler.load.roots import git_root, settings_above
from reconciler.load.tool import version

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reconciler.load.set_members import ManifestSet
    from reconciler.load.stat_index import Files

    Said = tuple[str, str]

CACHE = ".mlops/cache"
# What the shell tells of itself, and nobody else reads.
_OF_SHELLS = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})
# What asks for more than a plan, or for another one, or says where else secrets lie.
_FORBIDDING, _ALLOWED = ("MLOPS_", "_MLOPS_", "OTEL_"), "MLOPS_SECRET_"
# What makes no difference to a plan that finds nothing to do, and says so.
_NO_MATTER = frozenset({"--detailed-exitcode", "--blame", "--no-blame", "--cache", "--refresh", "--format=text"})
_MOST_BYTES, MOST_FILES, _CHUNK = 1 << 20, 2_500, 1 << 20
_RECORD, _ONES = 5, 10
_LEFT: "ContextVar[tuple[str, bool, Files | ManifestSet] | None]" = ContextVar("left", default=None)


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
        places: to what the manifests lead, each behind a sign: `+` for what is there, `-` for what is not.
    """

    def __init__(self, record: "Iterable[str]", *ones: str, places: "Iterable[str]") -> None:
        self.record, self.places = tuple(record), tuple(places)
        self.live, self.top, self.base, self.root, self.files = ones


def glance(
    words: "Sequence[str]",
    environ: "Mapping[str, str]" = os.environ,
    now: "Callable[[], int]" = time.time_ns,
    *,
    leave: bool = False,
) -> "Said | None":
    """What a plan says that is asked for in these words; None where that cannot be told at a glance.

    Args:
        words: behind the command's own.
        environ: of this process.
        now: nanoseconds since 1970.
        leave: whether this process makes that plan at once, if it is to be made, so that what is seen may be left.
    """
    try:
        asked = asked_by(words)
        settings = settings_in(environ) if asked else ""
        if not settings:
            return None
        whole, part, answer, aside, *lying = (
            _read(place_of(settings, asked)).decode("utf-8", "surrogateescape").split("\0")
        )
        scene = Scene(lying[:_RECORD], *lying[_RECORD:_ONES], places=lying[_ONES:])
        seen = _Seen(scene, git=bool(asked[2]), leave=leave)
        seals = sealed(scene, (settings, asked, answer, aside), environ, seen.listed, before_ns=now())
        known = next(seals) == part and (not scene.files or seen.set_id(settings, now) == scene.files)
        known = known and next(seals) == whole
    except (OSError, ValueError, UnfitError):
        return None
    return (answer, aside) if known else None


def keep(
    scene: Scene,
    settings: str,
    asked: "Sequence[str | None]",
    said: "Said",
    *,
    environ: "Mapping[str, str]",
    began_ns: int,
) -> None:
    """Keep what a plan said.

    Args:
        scene: where all lies that it hangs on.
        settings: the `mlops.yaml` that counted.
        asked: what it was asked for.
        said: by it, and by its warnings.
        environ: in which it ran.
        began_ns: when it began; what is not safely older may have changed meanwhile.
    """
    before_ns = began_ns - SAFE_NS
    try:
        if settings_in(environ) != settings:
            return
        part, whole = sealed(scene, (settings, asked, *said), environ, _Seen(scene).listed, before_ns=before_ns)
        # What is gone leaves no trace but in its folder.
        _believed(list(_folders(scene)), before_ns)
        ones = (scene.live, scene.top, scene.base, scene.root, scene.files)
        texts = "\0".join((whole, part, *said, *scene.record, *ones, *scene.places))
        _write(place_of(settings, asked), texts.encode("utf-8", "surrogateescape"))
    except (OSError, ValueError, UnfitError):
        return  # The next plan goes the ordinary way.


def left_over(top: str, *, git: bool) -> "Files | ManifestSet | None":
    """What this process saw of a folder of manifests just now; for once.

    Args:
        top: absolute.
        git: whether git may be asked.
    """
    left = _LEFT.get()
    _LEFT.set(None)
    return left[2] if left and left[:2] == (top, git) else None


class _Seen:
    """What is seen of the manifests.

    Args:
        scene: where they lie.
        git: whether git may be asked.
        leave: whether it is left to a look of this process.
    """

    def __init__(self, scene: Scene, *, git: bool = False, leave: bool = False) -> None:
        self._top, self._git, self._leave = scene.top, git, leave

    def listed(self) -> "Files":
        """All of them; too many are none to look at one by one."""
        files = list[tuple[str, bytes]]()
        for each in manifests_below(self._top, "", _of_link):
            files.append(each)
            if len(files) > MOST_FILES:
                raise UnfitError(self._top)
        self._left(files)
        return files

    def set_id(self, settings: str, now: "Callable[[], int]") -> str:
        """The id of the set that they are."""
        from pathlib import Path  # noqa: PLC0415 - who has very many

        from reconciler.load.manifest_set import manifest_set  # noqa: PLC0415 - as above
        from reconciler.load.stat_index import StatIndex  # noqa: PLC0415 - as above

        found = manifest_set(self._top, StatIndex(Path(os.path.dirname(settings), CACHE), now), git=self._git)
        if found is None:
            raise UnfitError(self._top)
        self._left(found)
        return found.id

    def _left(self, found: "Files | ManifestSet") -> None:
        if self._leave:
            _LEFT.set((self._top, self._git, found))


def asked_by(words: "Sequence[str]") -> "Sequence[str | None]":
    """The target and the path that words ask for, None where none is named, and whether git may be asked.

    Nothing where they ask for more.
    """
    target, path, git, left = None, None, "git", iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word in ("-t", "--target") or (equals and name == "--target"):
            target = value if equals else next(left, "-")
        elif not word.startswith("-") and path is None:
            path = word
        elif word in ("--git", "--no-git"):
            git = "git" if word == "--git" else ""
        elif word not in _NO_MATTER:
            return ()
    return () if (target or "").startswith("-") else (target, path, git)


def settings_in(environ: "Mapping[str, str]") -> str:
    """The `mlops.yaml` that counts in the current folder; empty where no glance may be had."""
    if os.name != "posix" or any(name.startswith(_FORBIDDING) and not name.startswith(_ALLOWED) for name in environ):
        return ""  # On Windows the disk tells no time that cannot be set by hand.
    settings = settings_above(os.getcwd())
    root = os.path.dirname(settings)
    return "" if not root or os.path.lexists(os.path.join(root, "policies")) or may_be_tracked(root) else settings


def place_of(settings: str, asked: "Sequence[str | None]") -> str:
    """The file in which a glance is kept; there are as many as such names, and no more."""
    name = hashlib.sha256(_bytes((os.getcwd(), *asked))).hexdigest()[:2]
    return os.path.join(os.path.dirname(settings), CACHE, f"glance-{name}")


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
    seal.update(_bytes((told, os.getcwd(), version(), sorted(kept.items()), vars(scene))))
    needed = (settings, scene.live, *scene.record[:2])
    for path in (*needed, *scene.record[2:]):
        seal.update(_bytes((path, _looks(path, before_ns, needed=path in needed))))
    seal.update(_bytes((_digest(settings), _digest(scene.live))))
    yield seal.hexdigest()
    root = git_root(scene.top)
    if (os.path.realpath(scene.top), os.path.realpath(root) if root else "") != (scene.base, scene.root):
        raise UnfitError(scene.top)
    if not scene.files:
        seal.update(_bytes(_believed(listed(), before_ns)))
    for place in scene.places:
        lying = _believed(_lying(place[1:]), before_ns, needed=place[0] == "+")
        seal.update(_bytes((place, os.path.realpath(place[1:]), lying)))
    yield seal.hexdigest()


def _bytes(value: object) -> bytes:
    """A value as bytes of which no two are alike, one behind the other."""
    told = repr(value).encode("utf-8", "surrogateescape")
    return b"%d %b" % (len(told), told)


def _key(path: str) -> bytes:
    """The key of the record's secrets."""
    with open(path, "rb", opener=_without_waiting) as file:
        key = bytes.fromhex(file.read(_CHUNK).decode("ascii"))
    if len(key) != 32:
        raise UnfitError(path)
    return key


def _looks(path: str, before_ns: int, *, needed: bool) -> str:
    """What the disk says of a file that is none but itself, if it is there."""
    found = os.lstat(path) if needed or os.path.lexists(path) else None
    if found and (not stat.S_ISREG(found.st_mode) or os.path.realpath(path) != path):
        raise UnfitError(path)
    return _believed([(str(found.st_dev), facts_of(found))] if found else [], before_ns, needed=found is not None)


def _lying(place: str) -> "Files":
    """What the disk says of all that lies at a place: of more than counts there, so that no rule of that is asked."""
    if os.path.isdir(place):
        found = [("", facts_of(os.lstat(place)))]
        found += [(name, _of_entry(entry)) for name, entry in content_below(place, _never_counts)]
        return found + list(descriptions_in(place))
    if os.path.isfile(place):
        return [("", facts_of(os.lstat(place))), ("", facts_of(os.stat(place)))]
    if os.path.lexists(place):
        raise UnfitError(place)
    return []


def _never_counts(name: str, _folder: bool) -> bool:  # noqa: FBT001 - as `content_below` asks
    return name.rpartition("/")[2] in ALWAYS


def _of_entry(entry: "os.DirEntry[str]") -> bytes:
    return _of_link(entry.path) if entry.is_symlink() else facts_of(entry.stat())


def _of_link(path: str) -> bytes:
    raise UnfitError(path)


def _believed(files: "Files", before_ns: int, *, needed: bool = True) -> str:
    """The digest of files of which the disk is believed, and that are not too many, and there if they are needed."""
    if len(files) > MOST_FILES or bool(files) != needed or latest(files) >= before_ns:
        raise UnfitError
    return key_of("glance", files)


def _folders(scene: Scene) -> "Iterator[tuple[str, bytes]]":
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
        if len(pending) > MOST_FILES:
            raise UnfitError(folder)


def _digest(path: str) -> str:
    """The digest of what a file holds."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UnfitError(path)
        while part := file.read(_CHUNK):
            digest.update(part)
    return digest.hexdigest()


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0, opener=_own) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UnfitError(path)
        return file.read(_MOST_BYTES)


def _write(path: str, data: bytes) -> None:
    """Over what is there, as a glance that is written in part is none; for its owner alone."""
    if len(data) < _MOST_BYTES:
        with open(path, "wb", opener=_own) as file:
            file.write(data)


def _own(path: str, flags: int) -> int:
    """Open a file of the cache: nothing is read or written through a link."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
