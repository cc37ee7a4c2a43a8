"""How many instances there should be: recorded traces, and what holds of every trace."""

import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.operate.autoscale import Decision, Memory, Sample, decided, horizon_of
from reconciler.operate.schedules import in_force, is_on

TRACES = Path(__file__).with_name("traces")
CPU = "CpuUtilizationPercentage"


def rule(**fields: Any) -> dict[str, Any]:
    return {"metric": CPU, "aggregation": "average", "for": 60.0, "cooldown": 60.0, **fields}


UP = rule(above=70, change=1)
DOWN = rule(below=25, change=-1)


def policy(*rules: dict[str, Any], minimum: int = 1, maximum: int = 5, **fields: Any) -> dict[str, Any]:
    base = {"minimum": minimum, "maximum": maximum, "interval": 10.0, "rules": list(rules), "schedules": []}
    return {"autoscale": {**base, **fields}}


def steady(value: float, *, until: float = 100.0, metric: str = CPU) -> Memory:
    """Ten samples of one value, ten seconds apart."""
    return Memory(tuple(Sample(until - 10 * back, {metric: value}) for back in range(9, -1, -1)))


def replayed(name: str) -> tuple[list[int], list[int]]:
    """The counts of a trace as they were recorded, and as they are decided now."""
    head, *lines = [json.loads(line) for line in (TRACES / f"{name}.jsonl").read_text().splitlines()]
    count, memory, expected, found = head["count"], Memory(), [], []
    for line in lines:
        now, wanted = line.pop("at"), line.pop("count")
        memory = memory.with_sample(Sample(now, line), keep_s=horizon_of(head["spec"]))
        decision = decided(head["spec"], memory, count, now)
        if decision.count != count:
            memory = Memory(memory.samples, now)
        count = decision.count
        expected.append(wanted)
        found.append(count)
    return expected, found


@pytest.mark.parametrize("name", sorted(path.stem for path in TRACES.glob("*.jsonl")))
def test_a_recorded_trace_is_decided_as_it_was(name: str):
    expected, found = replayed(name)
    assert found == expected


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("ramp", [1, 2, 3, 2, 1]),
        ("swings", [2]),
        ("flapping", [2]),
        ("no-data", [3]),
        ("schedule", [4, 2, 3]),
        ("clock-back", [1, 2, 3, 4]),
        ("utilization", [1, 2, 3, 4, 2, 1]),
    ],
)
def test_a_trace_goes_the_way_that_its_load_asks_for(name: str, counts: list[int]):
    _, found = replayed(name)
    assert [found[0], *(now for before, now in pairwise(found) if now != before)] == counts


def test_a_decision_says_why():
    assert decided(policy(UP), steady(83.25), 1, 100.0) == Decision(
        2, "CpuUtilizationPercentage 83.25 above 70 for 60 s"
    )


def test_of_several_rules_that_ask_for_more_the_one_that_asks_for_most_counts():
    assert decided(policy(UP, rule(above=80, change=3)), steady(90), 1, 100.0).count == 4


def test_a_rule_may_name_the_number():
    assert decided(policy(rule(above=80, to=4)), steady(90), 2, 100.0).count == 4


def test_fewer_are_made_only_where_every_rule_that_could_asks_for_fewer():
    idle = rule(metric="RequestsPerMinute", below=10, change=-1)
    both = Memory(tuple(Sample(each.at, {CPU: 5.0, "RequestsPerMinute": 60.0}) for each in steady(5).samples))
    assert decided(policy(DOWN, idle), both, 3, 100.0).count == 3
    assert decided(policy(DOWN), both, 3, 100.0).count == 2


def test_of_several_rules_that_ask_for_fewer_the_one_that_asks_for_least_fewer_counts():
    assert decided(policy(rule(below=25, change=-3), DOWN), steady(5), 5, 100.0).count == 4


def test_a_step_down_is_not_taken_if_a_step_up_would_follow():
    spec = policy(UP, rule(below=50, change=-1))
    assert decided(spec, steady(40), 2, 100.0).count == 2
    assert decided(spec, steady(30), 2, 100.0).count == 1


@pytest.mark.parametrize(("aggregation", "count"), [("average", 1), ("minimum", 1), ("maximum", 2)])
def test_a_window_is_aggregated_as_the_rule_says(aggregation: str, count: int):
    calm, peak = steady(50).samples, Sample(70.0, {CPU: 99.0})
    memory = Memory(tuple(peak if each.at == 70 else each for each in calm))
    assert decided(policy(rule(above=90, change=1, aggregation=aggregation)), memory, 1, 100.0).count == count


def test_a_window_that_was_not_observed_from_its_begin_on_decides_nothing():
    young = Memory(steady(99).samples[-4:])
    assert decided(policy(UP), young, 1, 100.0).count == 1
    assert decided(policy(UP), steady(99), 1, 200.0).count == 1


def test_the_cool_down_is_the_rules_own():
    acted = Memory(steady(90).samples, acted=50.0)
    assert decided(policy(UP), acted, 1, 100.0).count == 1
    assert decided(policy(rule(above=70, change=1, cooldown=50.0)), acted, 1, 100.0).count == 2


def test_bounds_are_kept_at_once_and_without_a_metric():
    assert decided(policy(UP, minimum=3), Memory(acted=99.0), 1, 100.0) == Decision(3, "minimum 3")
    assert decided(policy(UP, maximum=3), Memory(acted=99.0), 5, 100.0) == Decision(3, "maximum 3")


WEEKLY = {"days": ["friday"], "from": "22:00", "to": "06:00", "timezone": "UTC"}
ONCE = {"start": "2026-12-24T18:00", "end": "2026-12-26T00:00", "timezone": "Europe/Berlin"}
MORNING = {"days": ["sunday"], "from": "02:30", "to": "04:00", "timezone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("schedule", "utc", "on"),
    [
        (WEEKLY, "2026-03-06T21:59", False),
        (WEEKLY, "2026-03-06T22:00", True),
        (WEEKLY, "2026-03-07T05:59", True),  # Friday's night goes on into Saturday
        (WEEKLY, "2026-03-07T06:00", False),
        (WEEKLY, "2026-03-06T03:00", False),  # Thursday's night has none
        (ONCE, "2026-12-24T16:59", False),
        (ONCE, "2026-12-24T17:00", True),
        (ONCE, "2026-12-25T22:59", True),
        (ONCE, "2026-12-25T23:00", False),
        (MORNING, "2026-03-29T00:59", False),  # 01:59, and then the clocks go to 03:00
        (MORNING, "2026-03-29T01:00", True),
        (MORNING, "2026-03-29T02:00", False),
        (MORNING, "2026-10-25T00:30", True),  # 02:30 for the first time
        (MORNING, "2026-10-25T01:00", False),  # 02:00 again
        (MORNING, "2026-10-25T01:30", True),
    ],
)
def test_a_schedule_follows_the_clocks_on_the_walls_of_its_time_zone(schedule: Any, utc: str, on: bool):
    assert is_on(schedule, datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp()) is on


def test_a_fixed_date_goes_before_what_comes_back_every_week():
    now = datetime(2026, 12, 25, 23, 0, tzinfo=UTC).timestamp() - 3600
    weekly = {**WEEKLY, "from": "00:00", "to": "24:00", "name": "fridays", "minimum": 1, "maximum": 1}
    once = {**ONCE, "name": "holidays", "minimum": 2, "maximum": 2}
    spec = policy(UP, schedules=[weekly, once])["autoscale"]
    assert in_force(spec, now)["name"] == "holidays"
    assert in_force({**spec, "schedules": [weekly]}, now)["name"] == "fridays"
    assert in_force(spec, now + 30 * 86400)["name"] == ""


def test_a_schedule_has_the_rules_of_the_policy_unless_it_has_its_own():
    now = datetime(2026, 3, 6, 23, 0, tzinfo=UTC).timestamp()
    night = {**WEEKLY, "name": "night", "minimum": 1, "maximum": 2}
    assert in_force(policy(UP, schedules=[night])["autoscale"], now)["rules"] == [UP]
    assert in_force(policy(UP, schedules=[{**night, "rules": []}])["autoscale"], now)["rules"] == []


values = st.one_of(st.none(), st.floats(min_value=0, max_value=200))
rules = st.builds(
    lambda side, limit, change, window, cooldown: rule(
        **{side: limit}, change=change, **{"for": window}, cooldown=cooldown
    ),
    st.sampled_from(["above", "below"]),
    st.integers(min_value=0, max_value=150),
    st.integers(min_value=-3, max_value=3).filter(bool),
    st.sampled_from([10.0, 30.0, 60.0]),
    st.sampled_from([10.0, 45.0]),
)


@given(
    st.lists(rules, max_size=4),
    st.integers(min_value=1, max_value=4),
    st.integers(min_value=0, max_value=4),
    st.lists(values, max_size=40),
)
def test_whatever_the_load_the_number_stays_inside_its_bounds_and_rules_cool_down(
    chosen: list[dict[str, Any]], low: int, more: int, load: list[float | None]
):
    spec = policy(*chosen, minimum=low, maximum=low + more)
    count, memory, acts = low, Memory(), []
    for place, value in enumerate(load):
        now = 10.0 * place
        memory = memory.with_sample(Sample(now, {} if value is None else {CPU: value}), keep_s=horizon_of(spec))
        decision = decided(spec, memory, count, now)
        assert low <= decision.count <= low + more
        assert (decision.count == count) == (not decision.reason)
        if decision.count != count:
            acts.append(now)
            memory = Memory(memory.samples, now)
        count = decision.count
    shortest = min((each["cooldown"] for each in chosen), default=0.0)
    assert all(later - earlier >= shortest for earlier, later in pairwise(acts))


@given(st.lists(rules, max_size=4), st.integers(min_value=1, max_value=5))
def test_without_data_nothing_changes(chosen: list[dict[str, Any]], count: int):
    empty = Memory(tuple(Sample(10.0 * place, {}) for place in range(11)))
    assert decided(policy(*chosen), empty, count, 100.0) == Decision(count)
