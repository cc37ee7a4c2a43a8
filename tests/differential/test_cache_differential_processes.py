"""The same of the command line itself: processes that are killed while they write the cache, and two at once."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.differential.twin_repository import OTHER, SECRET, write_first
from tests.waiting import until

MLOPS = str(Path(sys.executable).with_name("mlops"))
PATIENCE_S = 120.0
CHANGES = 2


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """So many files that it takes a while to write down what was learnt of them."""
    write_first(tmp_path / "repository", in_git=True)
    for number in range(400):
        file = tmp_path / "repository/manifests" / f"wine-{number}.yml"
        file.write_text(f"{OTHER.strip()}-{number}\n")
    return tmp_path / "repository"


def environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS_")}
    return {**kept, SECRET: "one"}


def started(repository: Path, *words: str, to: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    argv = [MLOPS, "plan", "--format", "json", "--detailed-exitcode", "--no-blame", *words]
    return subprocess.Popen(argv, cwd=repository, env=environ(), stdin=subprocess.DEVNULL, stdout=to, stderr=to)


def ended(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


def sizes(cache: Path) -> list[tuple[str, int]]:
    """The files of the cache, which show that one is being written."""
    return [(file.name, file.stat().st_size) for file in sorted(cache.glob("*.db"))]


def test_runs_that_are_killed_while_they_write_the_cache_leave_no_lie_behind(repository: Path) -> None:
    cache, killed = repository / ".mlops/cache", 0
    for _ in range(3):
        # Nobody reads what it says, and a full pipe would keep it from its end.
        before, process = sizes(cache), started(repository, to=subprocess.DEVNULL)
        until(partial(has_moved_on, process, cache, before), patience_s=PATIENCE_S)
        process.send_signal(signal.SIGKILL)
        killed += ended(process)[0] == -signal.SIGKILL
    assert killed
    truth = ended(started(repository, "--no-cache"))
    assert truth[0] == CHANGES
    assert ended(started(repository)) == truth
    assert ended(started(repository)) == truth


def has_moved_on(process: "subprocess.Popen[bytes]", cache: Path, before: list[tuple[str, int]]) -> bool:
    return sizes(cache) != before or process.poll() is not None


def test_two_runs_at_once_that_both_learn_answer_as_one_alone(repository: Path) -> None:
    both = [started(repository), started(repository)]
    answers = {ended(process) for process in both}
    assert answers == {ended(started(repository, "--no-cache"))}
