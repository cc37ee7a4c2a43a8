"""What may happen to a repository between two questions: whatever people, editors, git, and disks do."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from reconciler import wanted
from reconciler.core.address import Address
from reconciler.errors import MlopsError, StateError
from reconciler.providers.memory import MemoryProvider
from reconciler.record.sqlite import SqliteStore
from reconciler.record.store import Intent, Store
from tests.differential.twin_repository import SECRET, VARIANTS, Twin, apply

Act = Callable[[Twin, str, int], None]

_DAY_NS = 24 * 3600 * 10**9
_RECORDED = ("deployment/credit/blue", "deployment/credit/green", "endpoint/credit", "model/risk:1", "endpoint/wine")
_QUESTIONS: Sequence[tuple[str, ...]] = (
    *((),) * 12,  # what is asked again and again is what is remembered
    ("--no-refresh",),
    ("--minimal-refresh",),
    ("--set", "deployment/credit/blue.instance_count=2"),
    ("--set", "deployment/credit/blue.instance_count=1"),
    ("--only", "endpoint/credit"),
    ("--var", "A=1"),
    ("manifests",),
    ("./manifests/credit", "--max-delete", "100"),
    ("manifests/credit/blue.yml",),
    ("HEAD:manifests",),
    ("--no-blame",),
)


@dataclass(frozen=True)
class Move:
    """Something that happens, to a file where it is about one, and what is asked then."""

    act: str
    file: str
    number: int
    asked: tuple[str, ...] = ()

    def __call__(self, twin: Twin) -> None:
        """Have it happen, and ask."""
        ACTS[self.act](twin, self.file, self.number)
        twin.compare(*self.asked)


def write(twin: Twin, name: str, number: int) -> None:
    """Another text."""
    twin.put(name, VARIANTS[name][number % len(VARIANTS[name])])


def waver(twin: Twin, name: str, number: int) -> None:
    """Another text for no longer than somebody plans, and then the one before."""
    if not twin.is_file(name):
        return
    held, real = (twin.folder / name).read_text(), wanted.load_all

    def load(*args: Any, **options: Any) -> Any:
        write(twin, name, number)
        try:
            return real(*args, **options)
        finally:
            twin.put(name, held)

    with mock.patch.object(wanted, "load_all", load):
        twin.ask("plan")


def put_back(twin: Twin, name: str, _number: int) -> None:
    """The text of the beginning."""
    twin.put(name, VARIANTS[name][0])


def write_unseen(twin: Twin, name: str, number: int) -> None:
    """Another text of the same size with the times of the one before, in its place or over it."""
    file = twin.folder / name
    if not twin.is_file(name):
        return
    before, held = file.stat(), file.read_text()
    others = [text for text in VARIANTS[name] if text != held and len(text) == len(held)]
    if others:
        written = file if number % 2 else file.with_name("written")
        written.write_text(others[0])
        written.chmod(before.st_mode)
        os.utime(written, ns=(before.st_atime_ns, before.st_mtime_ns))
        written.replace(file)


def touch(twin: Twin, name: str, number: int) -> None:
    """The same text at another time: now, in the past, in the future."""
    if twin.is_file(name):
        at = (time.time_ns(), 10**18, 2 * 10**18)[number % 3] + number
        os.utime(twin.folder / name, ns=(at, at))


def change_mode(twin: Twin, name: str, number: int) -> None:
    """Other rights."""
    if twin.is_file(name):
        (twin.folder / name).chmod((0o644, 0o755, 0o600)[number % 3])


def remove(twin: Twin, name: str, number: int) -> None:
    """No such file, or no such folder."""
    file = twin.folder / name
    if number % 3 or file.parent == twin.folder:
        file.unlink(missing_ok=True)
    elif file.parent.is_symlink():
        file.parent.unlink()
    else:
        shutil.rmtree(file.parent, ignore_errors=True)


def rename(twin: Twin, name: str, number: int) -> None:
    """Another name for a file, of a manifest or not, or for its folder."""
    file = twin.folder / name
    to = (file.with_name("renamed.yml"), file.with_suffix(".bak"), twin.folder / "manifests" / "wine" / file.name)
    if number % 4 == 3 and file.parent != twin.folder and file.parent.exists():
        moved = twin.folder / ("moved" if file.parent.name == "manifests" else "manifests/moved")
        shutil.rmtree(moved, ignore_errors=True)
        file.parent.rename(moved)
    elif twin.is_file(name):
        to[number % 3].parent.mkdir(exist_ok=True, parents=True)
        file.rename(to[number % 3])


def exchange(twin: Twin, name: str, number: int) -> None:
    """Two files change names, and keep their inodes and times."""
    other = sorted(VARIANTS)[number % len(VARIANTS)]
    one, two = twin.folder / name, twin.folder / other
    if name != other and twin.is_file(name) and twin.is_file(other):
        aside = one.with_name("aside")
        one.rename(aside)
        two.rename(one)
        aside.rename(two)


def link(twin: Twin, name: str, number: int) -> None:
    """A link in a file's place: to it where it has gone, to another text, out of the repository, to nothing."""
    file, shared = twin.folder / name, twin.folder / "shared"
    if not twin.is_file(name):
        return
    shared.mkdir(exist_ok=True)
    target = (shared / file.name, shared / f"other-{file.name}", Path("/etc/hostname"), shared / "nothing")[number % 4]
    if number % 4 < 2:
        target.write_text(VARIANTS[name][number % 4])
    file.unlink()
    file.symlink_to(target)


def write_behind_links(twin: Twin, name: str, number: int) -> None:
    """Other texts where links lead."""
    for each in (Path(name).name, f"other-{Path(name).name}"):
        if (twin.folder / "shared" / each).exists():
            twin.put(f"shared/{each}", VARIANTS[name][number % len(VARIANTS[name])])


def link_folder(twin: Twin, name: str, _number: int) -> None:
    """A link in the place of a file's folder, to where that has gone."""
    folder, to = (twin.folder / name).parent, twin.folder / "elsewhere"
    if folder != twin.folder and folder.exists() and not folder.is_symlink() and not to.exists():
        folder.rename(to)
        folder.symlink_to(to)


def link_hard(twin: Twin, name: str, number: int) -> None:
    """Another name for the same inode."""
    other = twin.folder / sorted(VARIANTS)[number % len(VARIANTS)]
    if twin.is_file(name) and other != twin.folder / name:
        other.parent.mkdir(exist_ok=True, parents=True)
        other.unlink(missing_ok=True)
        os.link(twin.folder / name, other)


_GIT: Sequence[Sequence[str]] = (
    ("add .", "commit -m more"),
    ("add .",),
    ("stash -u",),
    ("stash pop",),
    ("checkout -f side",),
    ("checkout -f main",),
    ("add .", "commit -m more", "checkout side", "merge main"),
    ("reset --hard",),
    ("checkout -- .",),
    ("commit --amend -m other",),
    ("rm -r --cached manifests/credit",),
    ("update-index --index-version 4",),
    ("update-index --split-index",),
    ("rm --cached FILE",),
    ("gc -q",),
    ("config core.autocrlf true",),
    ("config core.fileMode false",),
    ("init manifests/credit",),
)


def use_git(twin: Twin, name: str, number: int) -> None:
    """A command of git's, where the repository is one."""
    if (twin.folder / ".git").exists():
        for words in _GIT[number % len(_GIT)]:
            twin.git(*words.replace("FILE", name).split())


def commit(twin: Twin, _name: str, _number: int) -> None:
    """All of it in a commit, where the repository is one of git's."""
    if (twin.folder / ".git").exists():
        twin.git("add", ".")
        twin.git("commit", "-m", "more")


def hide_from_git(twin: Twin, name: str, number: int) -> None:
    """Git is told not to look at a file any more, or to do so again."""
    if (twin.folder / ".git").exists():
        ways = ("--assume-unchanged", "--skip-worktree", "--no-assume-unchanged", "--no-skip-worktree")
        twin.git("update-index", ways[number % 4], name)


def lose_git(twin: Twin, _name: str, number: int) -> None:
    """No repository, no index, or an index of which git makes nothing."""
    git = twin.folder / ".git"
    if git.exists():
        (git.rename(twin.folder / ".mlops/git") if number % 3 == 0 else None)
        (git / "index").unlink(missing_ok=True) if number % 3 == 1 else None
        (git / "index").write_bytes(b"DIRC") if number % 3 == 2 else None
    elif (twin.folder / ".mlops/git").exists():
        (twin.folder / ".mlops/git").rename(git)


def set_secret(_twin: Twin, _name: str, number: int) -> None:
    """Another value of the variable that a manifest names, or none."""
    os.environ.pop(SECRET, None)
    if number % 3:
        os.environ[SECRET] = ("one", "two")[number % 3 - 1]


def bring_about(_twin: Twin, _name: str, _number: int) -> None:
    """What the files say, if they may."""
    try:
        apply()
    except MlopsError:
        return


def apply_a_part(twin: Twin, _name: str, number: int) -> None:
    """One address alone."""
    twin.ask("apply", "--auto-approve", "--no-blame", "--only", _RECORDED[number % len(_RECORDED)])


def forget_recorded(twin: Twin, _name: str, number: int) -> None:
    """An entry less in the record."""
    with _record(twin) as store:
        store.note(Address.parse(_RECORDED[number % len(_RECORDED)]), None)


def leave_open(twin: Twin, _name: str, number: int) -> None:
    """An operation without an end, or the end of it."""
    address = Address.parse(_RECORDED[number % len(_RECORDED)])
    with _record(twin) as store:
        if found := store.unfinished():
            store.abandon(found[0].operation, outcome="failed", message="", finished="2026-02-03T12:00:00Z")
            return
        with suppress(StateError):  # it was begun before
            store.intend(Intent(f"op-{number}", "run", 1, "update", address, {}, {}, number, "2026-02-03T12:00:00Z"))


@contextmanager
def _record(twin: Twin) -> Iterator[Store]:
    """The record, whatever the settings say, to be written."""
    with closing(SqliteStore(twin.folder / ".mlops/state.db", "dev")) as store, store.lock({}, timeout_s=0):
        yield store


def edit_live(twin: Twin, _name: str, number: int) -> None:
    """An object changed behind everybody's back, as it then is or as it was."""
    provider = MemoryProvider(twin.folder / "live.jsonl")
    try:
        provider.edit(Address.parse("endpoint/credit"), description=("a", "b", "c")[number % 3])
    except KeyError:
        return  # it is not there
    finally:
        provider.close()


def meddle_with_live(twin: Twin, _name: str, number: int) -> None:
    """The file of what is live: less of it, in another order, older, or gone."""
    live, kept = twin.folder / "live.jsonl", twin.reports / "live.kept"
    if not live.exists():
        if kept.exists():
            shutil.copy(kept, live)
        return
    lines = live.read_text().splitlines(keepends=True)
    if number % 4 == 0:
        live.write_text("".join(lines[:-1]))
    elif number % 4 == 1:
        shutil.copy(live, kept)
    elif number % 4 == 2 and kept.exists():
        shutil.copy(kept, live)
    elif number % 4 == 3:
        shutil.copy(live, kept)
        live.unlink()


def set_clock(twin: Twin, _name: str, number: int) -> None:
    """Another time, by which the index goes: right, a day ago, in a day."""
    twin.clock.ahead_ns = (0, -_DAY_NS, _DAY_NS)[number % 3]


def spoil_cache(twin: Twin, _name: str, number: int) -> None:
    """The files of the cache: gone, cut off, empty, with a byte that is another, or no database."""
    if number % 6 == 0:
        shutil.rmtree(twin.cache, ignore_errors=True)
    for file in sorted(twin.cache.glob("*.db")):
        held = bytearray(file.read_bytes())
        if number % 6 == 1:
            file.write_bytes(held[: len(held) // 2])
        elif number % 6 == 2:
            file.write_bytes(b"")
        elif number % 6 == 3 and held:
            held[number * 7919 % len(held)] ^= 0xFF
            file.write_bytes(held)
        elif number % 6 == 4:
            file.write_bytes(b"x" * len(held))
        elif number % 6 == 5 and len(held) > 8192:
            file.write_bytes(held[:4096] + bytes(4096) + held[8192:])


def put_cache_by(twin: Twin, _name: str, _number: int) -> None:
    """A copy of the cache, for later."""
    if twin.cache.exists():
        shelf = twin.reports / f"shelf-{len(twin.shelf)}"
        shutil.copytree(twin.cache, shelf)
        twin.shelf.append(shelf)


def bring_cache_back(twin: Twin, _name: str, number: int) -> None:
    """A cache of earlier."""
    if twin.shelf:
        shutil.rmtree(twin.cache, ignore_errors=True)
        shutil.copytree(twin.shelf[number % len(twin.shelf)], twin.cache)


def wait(twin: Twin, _name: str, _number: int) -> None:
    """Time passes."""
    twin.moment()


def ask_what_drifted(twin: Twin, _name: str, _number: int) -> None:
    """The other command that compares with what is live."""
    twin.compare_drift()


def validate(twin: Twin, _name: str, _number: int) -> None:
    """The command that looks at the files alone."""
    twin.compare_validation()


_ALL: Iterable[Act] = (
    write, put_back, write_unseen, touch, change_mode, remove, rename, exchange, link, write_behind_links, link_folder,
    link_hard, use_git, commit, hide_from_git, lose_git, set_secret, bring_about, apply_a_part, forget_recorded,
    leave_open, edit_live, meddle_with_live, set_clock, spoil_cache, put_cache_by, bring_cache_back, wait,
    ask_what_drifted, validate, waver,
)  # fmt: skip
ACTS: dict[str, Act] = {act.__name__: act for act in _ALL}
_OFTEN = (
    *("write", "put_back", "put_back", "write_unseen", "bring_about", "bring_about", "use_git", "use_git", "wait"),
    *("ask_what_drifted", "ask_what_drifted", "write", "write", "write", "waver", "edit_live", "forget_recorded"),
)


def moves(acts: Iterable[str] = (*ACTS, *_OFTEN), *, most: int = 12) -> st.SearchStrategy[list[Move]]:
    """Sequences of moves, of these kinds."""
    return st.lists(
        st.builds(
            Move,
            st.sampled_from(list(acts)),
            st.sampled_from(sorted(VARIANTS)),
            st.integers(0, 59),
            st.sampled_from(_QUESTIONS),
        ),
        min_size=1,
        max_size=most,
    )
