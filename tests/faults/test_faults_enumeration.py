"""The enumeration itself: it finds a recovery that is broken, and a seed gives the same course of events each time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.spoiled import SPOILED

ROOT = Path(__file__).parents[2]


def told(*options: str, seed: int = 1) -> tuple[int, list[str]]:
    """What the program says of one course of events."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    argv = [sys.executable, "-m", "tests.faults.enumeration", *options]
    env = {**environ, "MLOPS_SEED": str(seed)}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    ("spoiled", "moment", "wrong"),
    [
        ("nobody looks", "after", "the next plan recovers"),
        ("what was found is forgotten", "after", "one effect too many: "),
        ("the intention is taken for the deed", "before", "one effect too few: "),
    ],
)
def test_a_broken_recovery_is_found(spoiled: str, moment: str, wrong: str):
    code, lines = told("--points", _of_a_call(moment), "--spoil", spoiled)
    assert code == 1
    assert any(line.startswith(wrong) for line in lines)
    assert lines[-1].startswith("MLOPS_SEED=1 python -m tests.faults.enumeration ")


def test_every_way_to_break_it_is_tried():
    assert len(SPOILED) == 3


def test_a_seed_gives_the_same_course_of_events_and_another_one_another():
    first, again, other = (told("--points", "40", "9", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first[1] != other[1]


def _of_a_call(moment: str) -> str:
    """The number of the first point of that moment of a creation."""
    _, lines = told("--points", "60")
    passed = [line.split(maxsplit=1) for line in lines[1:61]]
    return next(number for number, name in passed if name.startswith(f"{moment} call create "))
