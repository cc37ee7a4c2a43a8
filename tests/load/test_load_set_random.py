"""Whatever is done to a folder: a set's id is that of the bytes in it, however it was come by."""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.load.disk.blob_id import blob_id
from reconciler.load.disk.stat_index import SAFE_NS, StatIndex
from reconciler.load.folder import located
from reconciler.load.sets import by_git
from reconciler.load.sets import manifest_set as manifest_set_module
from reconciler.load.sets.manifest_set import manifest_set
from reconciler.load.sets.members import set_of
from reconciler.load.sets.on_disk import on_disk
from tests.git_here import git
from tests.waiting import until

HOUR_NS = 3600 * 10**9
SEED = int(os.environ.get("MLOPS_SEED", "7"))
Act = Callable[[random.Random], None]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.chdir(tmp_path)
    for number in range(24):
        Path(f"m/d{number % 4}").mkdir(parents=True, exist_ok=True)
        Path(f"m/d{number % 4}/f{number}.yml").write_text(f"{number:04}")
    Path(".gitignore").write_text(".mlops/\n*.ignored.yml\n")
    git("init", "-q", "-b", "main")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("commit", "-q", "--allow-empty", "-m", "two")
    return tmp_path


def files() -> list[Path]:
    return sorted(path for path in Path("m").rglob("*") if path.is_file() and not path.is_symlink())


def edit(chance: random.Random) -> None:
    """As many bytes in place of others, at a time that cannot tell that, or one that can."""
    path = chance.choice(files())
    before = path.stat()
    with path.open("r+") as file:
        file.write(f"{chance.randrange(10_000):04}")
    if chance.random() < 0.7:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(chance: random.Random) -> None:
    path = chance.choice(files())
    other = path.with_name("other")
    shutil.copy2(chance.choice(files()), other)
    other.rename(path)


def rename(chance: random.Random) -> None:
    path = chance.choice(files())
    path.rename(path.with_name(chance.choice(("r1.yml", "r2.ignored.yml", "r3.yaml", "r4.txt"))))


def swap(chance: random.Random) -> None:
    one, other = chance.sample(files(), 2)
    one.rename("m/between")
    other.rename(one)
    Path("m/between").rename(other)


def touch(chance: random.Random) -> None:
    os.utime(chance.choice(files()), ns=(0, time.time_ns() + chance.choice((-HOUR_NS, 0, HOUR_NS))))


def change_mode(chance: random.Random) -> None:
    chance.choice(files()).chmod(chance.choice((0o600, 0o644, 0o755)))


def add(chance: random.Random) -> None:
    path = Path(f"m/d{chance.randrange(5)}/n{chance.randrange(9)}{chance.choice(('.yml', '.ignored.yml', '.YAML'))}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{chance.randrange(10_000):04}")


def take_away(chance: random.Random) -> None:
    chance.choice(files()).unlink()


def link(chance: random.Random) -> None:
    path = Path(f"m/link{chance.randrange(2)}.yml")
    path.unlink(missing_ok=True)
    path.symlink_to(os.path.relpath(chance.choice(files()), "m"))


def commit(_: random.Random) -> None:
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", "next")


def check_out(chance: random.Random) -> None:
    git("checkout", "-q", "--force", "--detach", chance.choice(("main", "main~1", "main@{1}", "HEAD")))


def restore(_: random.Random) -> None:
    git("checkout", "-q", "--", "m")


def refresh(_: random.Random) -> None:
    git("status", "--porcelain")


ACTS: tuple[Act, ...] = (
    *(edit, edit, edit, replace, rename, swap, touch, change_mode, add, add, take_away),
    *(link, commit, check_out, restore, refresh),
)


def ways() -> Iterator[str]:
    """The id of the set, however it is come by; also while the clock has gone back."""
    cache = Path.cwd() / ".mlops" / "cache"
    for behind_ns in (0, HOUR_NS, 0):
        index = StatIndex(cache, now=lambda behind_ns=behind_ns: time.time_ns() - behind_ns)  # type: ignore[misc]
        for found in (manifest_set("m", index, worth_bytes=0), manifest_set("m", index, git=False)):
            assert found
            yield found.id


def read() -> str:
    """The id by every byte."""
    held = {}
    for here in located("m").files:
        real = f" {os.path.realpath(here.path)}" if Path(here.path).is_symlink() else ""
        held[here.relative] = blob_id(Path(here.path).read_bytes()) + real
    return set_of(held, None).id


def is_old() -> bool:
    return all(time.time_ns() - path.lstat().st_ctime_ns > SAFE_NS for path in Path("m").rglob("*"))


def test_an_id_is_that_of_the_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch):
    chance, walked, done = random.Random(SEED), list[str](), list[str]()
    for module in (manifest_set_module, by_git):
        monkeypatch.setattr(module, "on_disk", lambda top, *rest: walked.append(top) or on_disk(top, *rest))
    for _ in range(3):
        until(is_old)
        for act in chance.choices(ACTS, k=10):
            with suppress(subprocess.CalledProcessError, IndexError, ValueError):
                act(chance)
            done.append(act.__name__)
            expected = read()
            assert {*ways()} == {expected}, f"MLOPS_SEED={SEED}: {' '.join(done)}"
    assert len(walked) < 5 * len(done)  # of six ways a step, git was believed in at least one
