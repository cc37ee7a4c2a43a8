"""What the enumeration of crashes found, tried once however many processes run the tests."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 900.0


@dataclass(frozen=True)
class Found:
    """A case: the names of the points, the wish, what was recovered, what was wrong, and what tries it again."""

    at: tuple[str, ...]
    wish: str
    recovered: tuple[str, ...]
    wrong: tuple[str, ...]
    repeat: str


@dataclass(frozen=True)
class Enumerated:
    """Every case, from a seed, with the names of the points of the run that was killed first."""

    seed: int
    points: tuple[str, ...]
    cases: tuple[Found, ...]

    def of(self, *moments: str, wish: str = "", kills: int = 1) -> Sequence[Found]:
        """The cases whose last kill was at a point of one of these names' beginnings."""
        found = [case for case in self.cases if len(case.at) == kills and case.at[-1].startswith(moments)]
        return [case for case in found if wish in ("", case.wish)]


def enumerated(shared: Path) -> Enumerated:
    """Try all, or wait for another process of these tests to have tried it.

    Args:
        shared: a folder of all of them.
    """
    result = shared / "enumerated.json"
    with (shared / "enumerated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not result.exists():
            fresh = result.with_suffix(".new")
            fresh.write_text(_tried())
            fresh.rename(result)
    held = json.loads(result.read_text())
    lists = ("at", "recovered", "wrong")
    cases = (
        Found(**{name: tuple(case[name]) for name in lists}, wish=case["wish"], repeat=case["repeat"])
        for case in held["cases"]
    )
    return Enumerated(held["seed"], tuple(held["points"]), tuple(cases))


def _tried() -> str:
    # A measured run would write a file of measurements in each of thousands of processes.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    argv = [sys.executable, "-m", "tests.faults.enumeration"]
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.stdout, done.stderr
    return done.stdout
