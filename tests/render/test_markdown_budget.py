"""Markdown keeps to its budget, whatever it is of, and is whole: nothing is cut inside a table, a fence or a fold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.manifest import Source
from reconciler.core.plan import Action, FieldChange, Outcome, Plan, Result, Step
from reconciler.core.problem import Problem
from reconciler.core.state import Drift, DriftClass
from reconciler.render.markdown import apply_markdown, plan_markdown
from reconciler.render.markdown_findings import drift_markdown, problems_markdown
from reconciler.render.marker import Marker, marker_of
from tests.render.test_sinks import (
    BOUNDED,
    TEXTS,
    TOLD,
    Told,
    expect_our_own_structure_alone,
    markdown_of,
    outside_fences,
)

COMMENT = 65_536


def step(number: int) -> Step:
    fields = (FieldChange("tags.team", "a", "b | <b>", Source(f"manifests/e{number}/blue.yml", 7)),)
    address = Address("deployment", "blue", endpoint=f"endpoint-{number}")
    return Step(number, Action.ROLL_OUT, address, "tags changed", fields, {}, {})


def plan_of(count: int) -> Plan:
    return Plan("prod", "lineage", 1, "tree", tuple(step(number) for number in range(1, count + 1)))


def fits(said: str, budget: int) -> bool:
    """In whatever way characters are counted: bytes, those of UTF-16, or code points."""
    return max(len(said.encode()), len(said.encode("utf-16-le")) // 2, len(said)) <= budget


@BOUNDED
@given(TOLD, st.integers(0, 6000))
def test_markdown_of_anything_is_within_its_budget_whole_and_begins_with_its_marker(told: Told, budget: int):
    for said in markdown_of(told, budget):
        assert fits(said, budget)
        if said:
            expect_our_own_structure_alone(said)
            assert marker_of(said)
            assert said.count("<details>") == said.count("</details>")
            assert sum(1 for _ in re.finditer(r"^`{3,}(?:text)?$", said, re.MULTILINE)) % 2 == 0
            assert list(outside_fences(said))[-1] == ""


@pytest.mark.parametrize(
    ("steps", "level"),
    [
        (50, "<details><summary>50: roll_out"),
        (400, "One line a step: the fields do not fit here. `mlops plan` has them."),
        (5000, "Totals alone: the steps do not fit here. `mlops plan` has them."),
    ],
)
def test_a_plan_is_told_in_the_first_level_that_fits_which_says_what_it_leaves_out(steps: int, level: str):
    said = plan_markdown(plan_of(steps))
    assert fits(said, COMMENT)
    assert level in said
    assert f"Plan: {steps} to roll out" in said
    levels = (said.count("| `~` | roll_out |"), said.count("<details>"))
    assert levels == {50: (50, 50), 400: (400, 0), 5000: (0, 0)}[steps]


def test_totals_have_a_row_an_endpoint_as_many_as_fit_and_count_the_rest():
    said = plan_markdown(plan_of(5000), budget=4000)
    shown = said.count("| `endpoint-")
    assert shown > 20
    assert said.rstrip().endswith(f"Left out: {5000 - shown} more.")
    assert fits(said, 4000)


def test_a_summary_has_room_for_what_a_comment_leaves_out():
    plan = plan_of(2000)
    assert "<details>" in plan_markdown(plan, budget=1 << 20)
    assert "<details>" not in plan_markdown(plan)


def test_what_failed_is_told_before_what_succeeded_where_not_all_fits():
    plan = plan_of(3000)
    ends = {7: Result.FAILED, 2999: Result.UNKNOWN}
    outcomes = [Outcome(each, ends.get(each.id, Result.SUCCEEDED), "why", ("a line",)) for each in plan.steps]
    said = apply_markdown(plan, outcomes)
    assert re.findall(r"^\| (\d+) \|", said, re.MULTILINE) == ["7", "2999"]
    assert "Apply: 2998 succeeded, 1 failed, 1 unknown." in said


def test_drift_is_told_a_resource_a_line_where_its_fields_do_not_fit():
    fields = tuple(FieldChange(f"tags.t{number}", "a", "b") for number in range(50))
    drifts = [Drift(each.address, DriftClass.CHANGED, fields) for each in plan_of(200).steps]
    said = drift_markdown(drifts, recorded=200, target="prod")
    assert "One line a resource: the fields do not fit here." in said
    assert said.count("| changed | 50 |") == 200
    few = drift_markdown(drifts, recorded=200, target="prod", budget=2000)
    assert "Totals (200 changed)" in few
    assert fits(few, 2000)


def test_of_many_problems_as_many_are_told_as_fit():
    problems = [Problem("a.yml", line, 1, "E-FIELD", "x: unknown field") for line in range(1, 5000)]
    said = problems_markdown(problems, resources=1)
    assert fits(said, COMMENT)
    shown = said.count("| `E-FIELD` |")
    assert f"Left out: {4999 - shown} more." in said


@BOUNDED
@given(TEXTS, st.sampled_from(["", "ab" * 32]))
def test_a_marker_is_read_back_and_ends_nowhere_but_at_its_end(target: str, digest: str):
    marker = Marker("plan", target, digest)
    read = marker_of(f"{marker}\nrest")
    assert read is not None
    assert (read.key, read.digest) == (marker.key, digest)
    assert len(str(marker)) > 120 or read == marker
    assert str(marker).startswith(marker.key)
    assert str(marker).count("-->") == 1
    assert str(marker).isprintable()


def test_the_marker_of_one_target_is_not_the_begin_of_another_s():
    assert not str(Marker("plan", "prod-2")).startswith(Marker("plan", "prod").key)
    assert not str(Marker("drift", "prod")).startswith(Marker("plan", "prod").key)


def test_the_marker_of_a_long_name_is_short_and_the_same_each_time():
    long = Marker("plan", "é" * 500)
    assert len(str(long)) < 150
    assert marker_of(str(long)).key == long.key


def test_a_text_without_a_marker_has_none():
    assert marker_of("### mlops plan") is None
    assert marker_of(f"> {Marker('plan', 'prod')}") is None
