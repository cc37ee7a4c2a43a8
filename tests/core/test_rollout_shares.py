"""Traffic on a part of its way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.rollout import begun, shares_at, spoken

NAMES = ("blue", "green", "red")
POLICY = {"steps": [5, 50, 100], "pause": 60.0, "gates": {}, "on_failure": "return"}


@st.composite
def traffic(draw: st.DrawFn) -> dict[str, int]:
    first = draw(st.integers(min_value=0, max_value=100))
    second = draw(st.integers(min_value=0, max_value=100 - first))
    shares = zip(NAMES, (first, second, 100 - first - second), strict=True)
    return {name: share for name, share in shares if share}


@pytest.mark.parametrize(
    ("before", "after", "percent", "shares"),
    [
        ({"blue": 100}, {"green": 100}, 5, {"blue": 95, "green": 5}),
        ({"blue": 100}, {"green": 100}, 100, {"green": 100}),
        ({"blue": 100}, {"blue": 90, "green": 10}, 5, {"blue": 99, "green": 1}),
        ({"blue": 90, "green": 10}, {"green": 100}, 50, {"blue": 45, "green": 55}),
        ({"blue": 50, "green": 50}, {"red": 100}, 5, {"blue": 47, "green": 48, "red": 5}),
    ],
)
def test_shares_lie_between_before_and_after(before, after, percent, shares):
    assert shares_at(before, after, percent) == shares


@given(traffic(), traffic(), st.integers(min_value=1, max_value=100))
def test_shares_sum_to_a_hundred_and_never_leave_the_way(before, after, percent):
    found = shares_at(before, after, percent)
    assert sum(found.values()) == 100
    for name in NAMES:
        low, high = sorted((before.get(name, 0), after.get(name, 0)))
        assert low <= found.get(name, 0) <= high


@given(traffic(), traffic(), st.integers(min_value=1, max_value=99))
def test_whoever_is_to_get_more_gets_some_more_from_the_first_step_on_and_never_less_later(before, after, percent):
    found, later = shares_at(before, after, percent), shares_at(before, after, percent + 1)
    for name in NAMES:
        if after.get(name, 0) > before.get(name, 0):
            assert before.get(name, 0) < found[name] <= later[name]


@given(traffic(), traffic())
def test_the_end_of_the_way_is_what_is_wanted(before, after):
    assert shares_at(before, after, 100) == after


@pytest.mark.parametrize(
    ("policy", "before", "after"),
    [
        (None, {"blue": 100}, {"green": 100}),
        (POLICY, {}, {"green": 100}),
        (POLICY, {"blue": 100}, {}),
        (POLICY, {"blue": 100}, {"blue": 100}),
        ({**POLICY, "steps": [100]}, {"blue": 100}, {"green": 100}),
    ],
)
def test_traffic_moves_at_once_without_a_policy_or_where_nobody_gets_more(policy, before, after):
    assert begun(policy, before, after, operation="op", now=0.0) is None


def test_a_rollout_begins_with_its_first_step():
    way = begun(POLICY, {"blue": 100}, {"green": 100}, operation="op", now=7.0)
    assert way is not None
    assert (way.percent, way.since, way.traffic, way.unfinished) == (5, 7.0, {"blue": 95, "green": 5}, True)
    assert way.at(2, 9.0).done
    assert str(way) == "roll-out at 5 % since 00:00:07, next step at 00:01:07 (UTC)"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.3, "0.3s"), (90.0, "90s"), (300.0, "5m"), (7200.0, "2h"), (86400.0, "1d")]
)
def test_a_duration_is_spoken_in_its_largest_whole_unit(seconds, text):
    assert spoken(seconds) == text
