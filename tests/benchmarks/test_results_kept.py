"""Results are kept section by section, and shown with what could not be measured beside what was."""

import json
from pathlib import Path

import pytest
from beside import LIMIT_S, foreseen, too_much
from measuring import Cost
from results import by_size, comparison, keep
from table import Absent, Failed, Point, Row


def point(name: str, size: int, cpu: float) -> Row:
    return Row(f"{name}, {size}", cpu, "s CPU", point=Point(name, "1.2", "a | file", size, Cost(cpu, 2 * cpu, 40), 5))


ROWS = [
    *(point("mlops", size, cpu) for size, cpu in ((100, 0.1), (1000, 0.12))),
    point("slow", 100, 70),
    Absent("slow, 1,000", "not run: 100 took 70 s CPU", "slow", 1000),
    Absent("gone", "no such\npackage", "gone"),
]


def test_what_was_measured_before_of_another_section_stays(tmp_path: Path):
    keep("start", [Row("first", 1, "s"), Failed("start", "broken")], tmp_path)
    keep("beside", ROWS, tmp_path)
    keep("start", [Row("second", 2, "s", 1, "peer: 3", 0.5, "note")], tmp_path)
    assert [*json.loads((tmp_path / "results.json").read_text())] == ["start", "beside"]
    page = (tmp_path / "README.md").read_text()
    assert "| second | ≤ 1 | 2.000 s | **no** | peer: 3 | 0.50 | note |" in page
    assert "first" not in page
    assert "**0.12**, 0.24, 40 MB" in page
    assert "mlops" in (tmp_path / "beside.svg").read_text()


def test_what_failed_is_shown_as_absent(tmp_path: Path):
    keep("start", [Failed("start", "RuntimeError: broken")], tmp_path)
    assert "| start |  | absent |  |  |  | failed: RuntimeError: broken |" in (tmp_path / "README.md").read_text()
    assert not (tmp_path / "beside.svg").exists()


def test_machine_and_commit_are_told_of_each_section(tmp_path: Path):
    keep("start", [Row("first", 1, "s")], tmp_path, quick=True)
    told = json.loads((tmp_path / "results.json").read_text())["start"]["facts"]
    assert set(told) == {"processor", "cores", "memory", "system", "python", "git", "commit", "date", "runs"}
    assert all(told[name] for name in told if name not in ("git", "commit"))  # an archive is no checkout
    page = (tmp_path / "README.md").read_text()
    assert f"commit {told['commit']}, few runs" in page
    assert f"{told['cores']} cores" in page


def test_programs_stand_beside_each_other_with_what_was_not_run_and_why():
    assert [*comparison(ROWS)] == [
        "| | 100 | 1,000 | one of its resources |",
        "|---|---:|---:|---|",
        "| mlops 1.2 | **0.10**, 0.20, 40 MB | **0.12**, 0.24, 40 MB | a \\| file |",
        "| slow 1.2 | **70**, 140, 40 MB | not run: 100 took 70 s CPU | a \\| file |",
        "| gone | | | absent: no such package |",
    ]


def test_lines_are_of_what_was_measured_alone():
    assert by_size(ROWS) == {"mlops": {100: 0.1, 1000: 0.12}, "slow": {100: 70}}


@pytest.mark.parametrize(
    ("seen", "size", "expected"),
    [
        ({}, 1000, 0),
        ({100: 3.0}, 1000, 30),
        ({100: 3.0, 1000: 12.0}, 10_000, 102),
        ({100: 3.0, 1000: 3.0}, 10_000, 3),
    ],
)
def test_growth_goes_on_as_it_did(seen: dict[int, float], size: int, expected: float):
    assert foreseen(seen, size) == pytest.approx(expected)


def test_a_size_is_not_tried_that_would_take_too_long_and_it_is_said_why():
    assert too_much({100: LIMIT_S / 10}, {}, 1000) == ""
    assert too_much({100: 70.0}, {}, 1000) == "not run: 100 took 70 s CPU"
    assert too_much({100: 1.0}, {100: 50.0}, 1000) == "not run: to have 100 as they should be took 50 s"
    assert too_much({}, {}, 1000) == ""
