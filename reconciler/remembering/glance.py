"""A plan at a glance: where all that the last one hung on looks as it did, what that said is said again.

It is `git status` in front of everything, of a few modules that load fast. The plans that it knows are kept for it by
`keeping`, of the plainest case alone: a text that says that nothing is to be done, nobody at work, a memory target with
a file, a record in a file. What all that hangs on is in one keyed digest:

    what                                    how
    the words, the current folder           as they are
    the environment                         as it is, but for what each shell sets anew; some of it forbids a glance
    the tool, and packages beside it        `load.caching.tool`
    which mlops.yaml counts, and policies   looked for as ever; where there are policies there is no glance
    mlops.yaml                              its bytes, and where the folder leads that it names
    that git tracks nothing of `.mlops`     asked as ever
    the record, its key, and its lock       what the disk says of the files
    that nobody holds that lock             asked as ever
    the live side                           the bytes of the target's file
    the manifests                           what the disk says of each; there is no glance where one is a link
    very many of them                       the set that they are, as every look has it (`load.sets.manifest_set`)
    what they lead to                       what the disk says of all that lies there, and no link

What the disk says is believed as in `load.disk.stat_index`: of what had lain there safely before the plan began, with
no time in the future. The digest is keyed with the record's key, as values of the environment are secret. What was seen
of the manifests is left to the ordinary way, where something else than before was seen.
"""

# Paths are text here, and what makes values convenient takes longer to load than all that is done.
# ruff: noqa: PTH109, PTH118, PTH120

import hashlib
import os
import stat
import time
from contextvars import ContextVar

from reconciler.load.disk.listed import SAFE_NS, latest, manifests_below
from reconciler.load.disk.roots import settings_above
from reconciler.load.repository.private import may_be_tracked
from reconciler.remembering.scene import Scene, UnfitError, few, folders_of, no_link, sealed, told_apart

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reconciler.load.disk.stat_index import Files
    from reconciler.load.sets.members import ManifestSet

    Said = tuple[str, str]

CACHE = ".mlops/cache"
# What asks for more than a plan, or for another one, or says where else secrets lie.
_FORBIDDING, _ALLOWED = ("MLOPS_", "_MLOPS_", "OTEL_"), "MLOPS_SECRET_"
# What makes no difference to a plan that finds nothing to do, and says so.
_NO_MATTER = frozenset({"--detailed-exitcode", "--blame", "--no-blame", "--cache", "--refresh", "--format=text"})
_MOST_BYTES = 1 << 20
# What was seen goes to the look of the same run; the words of the command are read anew in between.
_HANDED_ON: "ContextVar[tuple[str, bool, Files | ManifestSet] | None]" = ContextVar("handed_on", default=None)


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
        asked = _asked_by(words)
        settings = _settings_in(environ) if asked else ""
        if not settings:
            return None
        whole, part, answer, aside, *lying = (
            _read(place_of(settings, asked)).decode("utf-8", "surrogateescape").split("\0")
        )
        scene = Scene.of(lying)
        seen = _Seen(scene, git=bool(asked[2]), leave=leave)
        seals = sealed(scene, (settings, asked, answer, aside), environ, seen.listed, before_ns=now())
        known = next(seals) == part and (not scene.files or seen.set_id(settings, now) == scene.files)
        known = known and next(seals) == whole
    except (OSError, ValueError, RecursionError, UnfitError):
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
    is_as_seen: "Callable[[Files], bool]",
) -> None:
    """Keep what a plan said.

    Args:
        scene: where all lies that it hangs on.
        settings: the `mlops.yaml` that counted.
        asked: what it was asked for.
        said: by it, and by its warnings.
        environ: in which it ran.
        began_ns: when it began; what is not safely older may have changed meanwhile.
        is_as_seen: whether these manifests, and all else that lies there, are what it was made of; no time of theirs
            tells that a folder above them was exchanged for another.
    """
    before_ns, files = began_ns - SAFE_NS, list[tuple[str, bytes]]()

    def listed() -> "Files":
        files.extend(_Seen(scene).listed())
        return files

    try:
        if _settings_in(environ) != settings:
            return
        part, whole = sealed(scene, (settings, asked, *said), environ, listed, before_ns=before_ns)
        # What is gone leaves no trace but in its folder.
        if latest(few(folders_of(scene))) < before_ns and is_as_seen(files):
            texts = "\0".join((whole, part, *said, *scene.texts()))
            _write(place_of(settings, asked), texts.encode("utf-8", "surrogateescape"))
    except (OSError, ValueError, RecursionError, UnfitError):
        return  # The next plan goes the ordinary way.


def left_over(top: str, *, git: bool) -> "Files | ManifestSet | None":
    """What this process saw of a folder of manifests just now; for once.

    Args:
        top: absolute.
        git: whether git may be asked.
    """
    left = _HANDED_ON.get()
    _HANDED_ON.set(None)
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
        files = few(manifests_below(self._top, "", no_link))
        self._left(files)
        return files

    def set_id(self, settings: str, now: "Callable[[], int]") -> str:
        """The id of the set that they are."""
        from pathlib import Path  # noqa: PLC0415 - who has very many

        from reconciler.load.disk.stat_index import StatIndex  # noqa: PLC0415 - as above
        from reconciler.load.sets.manifest_set import manifest_set  # noqa: PLC0415 - as above

        found = manifest_set(self._top, StatIndex(Path(os.path.dirname(settings), CACHE), now), git=self._git)
        if found is None:
            raise UnfitError(self._top)
        self._left(found)
        return found.id

    def _left(self, found: "Files | ManifestSet") -> None:
        if self._leave:
            _HANDED_ON.set((self._top, self._git, found))


def _asked_by(words: "Sequence[str]") -> "Sequence[str | None]":
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


def _settings_in(environ: "Mapping[str, str]") -> str:
    """The `mlops.yaml` that counts in the current folder; empty where no glance may be had."""
    if os.name != "posix" or any(name.startswith(_FORBIDDING) and not name.startswith(_ALLOWED) for name in environ):
        return ""  # On Windows the disk tells no time that cannot be set by hand.
    settings = settings_above(os.getcwd())
    root = os.path.dirname(settings)
    return "" if not root or os.path.lexists(os.path.join(root, "policies")) or may_be_tracked(root) else settings


def place_of(settings: str, asked: "Sequence[str | None]") -> str:
    """The file in which a glance is kept; there are as many as such names, and no more."""
    name = hashlib.sha256(told_apart((os.getcwd(), *asked))).hexdigest()[:2]
    return os.path.join(os.path.dirname(settings), CACHE, f"glance-{name}")


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
    """Open a file of the cache, as `record.files.open_regular`, which loads `pathlib`; through no link."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
