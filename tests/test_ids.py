"""Every fault and every bad input has a test that carries its id, and every promise of README a test that exists."""

import re
from pathlib import Path

import pytest

from tests.ids import NOT_COVERED, ROWS, by_id, names_of_tests

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
PROMISES = README.partition("## What we promise")[2].partition("\n## ")[0]
PROOFS = re.findall(r"`(tests/[^`]+)`", PROMISES)


@pytest.mark.parametrize("row", [row for row in ROWS if row not in NOT_COVERED])
def test_a_row_has_a_test_of_its_id(row: str):
    assert by_id().get(row), f"no test carries {row} in its name"


def test_what_is_said_to_be_not_covered_is_not():
    assert not set(NOT_COVERED) & set(by_id())


def test_every_promise_names_a_test():
    rows = [line for line in PROMISES.partition("Not covered")[0].splitlines() if line.startswith("| ")][1:]
    promises = [line for line in rows if not line.startswith("| **")]
    assert len(promises) >= 10
    assert [line for line in promises if "`tests/" not in line] == []


@pytest.mark.parametrize("proof", PROOFS)
def test_the_test_that_proves_a_promise_exists(proof: str):
    assert proof in names_of_tests()
