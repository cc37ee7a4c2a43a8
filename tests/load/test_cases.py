"""Each folder of tests/cases is wrong in one way; `expected.txt` is what the user is told.

By hand: `cd tests/cases/B04-duplicate-key && mlops validate .`
"""

from pathlib import Path

import pytest

from reconciler.pipeline import Wish, validate

CASES = sorted(folder for folder in (Path(__file__).parents[1] / "cases").iterdir() if folder.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_told_in_these_words(case: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(case)
    named = case / "path.txt"
    _, problems = validate(Wish((named.read_text().strip() if named.exists() else ".",)), None)
    told = "".join(f"{problem}\n" for problem in problems)
    assert told == (case / "expected.txt").read_text(encoding="utf-8")
