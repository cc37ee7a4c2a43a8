"""The rows of faults (F01 to F40) and bad inputs (B01 to B60), and which tests carry the id of each in their name."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
ROWS = (*(f"F{number:02}" for number in range(1, 41)), *(f"B{number:02}" for number in range(1, 61)))
NOT_COVERED: Mapping[str, str] = {
    "F34": "object store: a conflict on every write; no record is kept in an object store so far",
}
"""Rows without a test of their own, and why; nothing else may be missing."""

PARTLY_COVERED: Mapping[str, str] = {
    "F29": "object store: takeover of a killed run's lock within its time to live; files and PostgreSQL have tests",
}

_FUNCTION = re.compile(r"^ *def (test_\w+)\(", re.MULTILINE)
_ID = re.compile(r"(?<![a-z0-9])([fb]\d\d)(?![0-9])", re.IGNORECASE)


@cache
def by_id() -> dict[str, list[str]]:
    """The names of tests and of folders of `tests/cases`, by each id that they carry."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in (*sorted(names_of_tests()), *_cases()):
        for row in _ID.findall(name.rpartition("::")[2].rpartition("/")[2].replace("_", " ")):
            found[row.upper()].append(name)
    return dict(found)


def not_covered() -> Iterator[str]:
    """One row for each id, or part of one, that no test carries."""
    yield "| row | what is not covered |"
    yield "|---|---|"
    missing = {row: NOT_COVERED.get(row, "no test carries this id") for row in ROWS if row not in by_id()}
    for row, why in sorted((missing | PARTLY_COVERED).items()):
        yield f"| {row} | {why} |"


@cache
def names_of_tests() -> frozenset[str]:
    """Every test function as `tests/FILE.py::NAME`."""
    found = ((file, _FUNCTION.findall(file.read_text(encoding="utf-8"))) for file in sorted(TESTS.rglob("test_*.py")))
    return frozenset(f"tests/{file.relative_to(TESTS)}::{name}" for file, names in found for name in names)


def _cases() -> Iterator[str]:
    yield from (f"tests/cases/{folder.name}" for folder in sorted((TESTS / "cases").iterdir()) if folder.is_dir())
