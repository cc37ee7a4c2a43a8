"""All bad inputs in one folder: every problem of every file comes in one run, sorted, with exit code 1."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.pipeline import Wish, validate

MLOPS = str(Path(sys.executable).with_name("mlops"))
CASES = Path(__file__).parents[1] / "cases"
# What is said of files among themselves is another where they are more.
TOGETHER = re.compile(r"E-(DUP-.*|REF|TRAFFIC-REF|KIND)|W-REF")
LINE = re.compile(r"(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<code>[EW]-[A-Z-]+): (?P<message>.+)")


def expected() -> list[tuple[str, int, int, str]]:
    """What each case alone is told, at its place among all."""
    found = []
    for file in sorted(CASES.glob("*/expected.txt")):
        for line in file.read_text("utf-8").splitlines():
            match = LINE.fullmatch(line)
            assert match, line
            if not TOGETHER.fullmatch(match["code"]):
                place = (f"{file.parent.name}/{match['file']}", int(match["line"]), int(match["column"]))
                found.append((*place, match["code"]))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every case, its names made its own by letters of the same number."""
    (tmp_path / ".git").mkdir()
    shutil.copytree(CASES, tmp_path / "tests/cases")
    for number, case in enumerate(sorted((tmp_path / "tests/cases").iterdir())):
        for file in case.rglob("*.yml"):
            file.write_bytes(re.sub(rb"\b([Ii])ris", rb"\g<1>%03d" % number, file.read_bytes()))
    monkeypatch.chdir(tmp_path / "tests/cases")
    return tmp_path / "tests/cases"


def test_every_problem_of_every_file_comes_in_one_answer_and_in_order(folder: Path):
    _, problems = validate(Wish((".",)), None)
    assert list(problems) == sorted(problems)
    told = {(problem.file, problem.line, problem.column, problem.code) for problem in problems}
    assert [place for place in expected() if place not in told] == []
    assert len(told) >= 100


def test_the_command_says_them_all_and_ends_with_1_and_touches_nothing(folder: Path):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = subprocess.run([MLOPS, "validate", "."], check=False, capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert [line for line in lines[:-1] if not LINE.fullmatch(line)] == []
    assert re.fullmatch(r"\d+ resources: \d+ errors, \d+ warnings", lines[-1])
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
