"""Promises held against requests: what counts, what is left, how fast it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_made import NOON, request

from reconciler.operate.slo import Report, report, verdict

DAY_S = 86400.0


def promised(requests, *, oldest: float | None = NOON - 40 * DAY_S, **slo) -> Report:
    return report({"window": 30 * DAY_S, **slo}, requests, now=NOON, oldest=oldest)


def availability(requests, percent: float = 99.0):
    [objective] = promised(requests, availability=percent).objectives
    return objective


def bad(count: int, **fields):
    return [request(status=503, **fields) for _ in range(count)]


def good(count: int, **fields):
    return [request(**fields) for _ in range(count)]


@pytest.mark.parametrize("status", [408, 424, 429, 500, 502, 503, 504])
def test_what_the_serving_side_failed_is_bad(status: int):
    assert verdict(request(status=status)) is False


@pytest.mark.parametrize("status", [0, 400, 401, 403, 404, 405, 413, 415])
def test_what_the_client_got_wrong_or_did_not_wait_for_counts_as_neither(status: int):
    assert verdict(request(status=status)) is None


@pytest.mark.parametrize(
    ("model_status", "judged"), [(500, False), (429, False), (408, False), (400, None), (415, None)]
)
def test_a_model_that_fails_is_bad_and_one_that_refuses_its_input_is_neither(model_status: int, judged: bool | None):
    assert verdict(request(status=424, model_status=model_status)) is judged


def test_without_requests_the_budget_is_untouched():
    objective = availability([])
    assert (objective.total, objective.achieved, objective.budget_left, objective.burn_rate) == (0, None, 100, 0)
    assert not objective.spent


def test_the_budget_left_is_the_share_of_the_allowed_failures_that_have_not_happened():
    objective = availability(good(995) + bad(5))
    assert (objective.good, objective.total) == (995, 1000)
    assert objective.achieved == pytest.approx(99.5)
    assert objective.budget_left == pytest.approx(50)


@pytest.mark.parametrize(("percent", "requests"), [(99.9, 1000), (99.99, 10_000), (99.8, 500)])
def test_a_budget_is_spent_by_the_last_failure_that_it_allows(percent: float, requests: int):
    assert availability(good(requests - 1) + bad(1), percent).spent
    assert not availability(good(requests) + bad(1), percent).spent


def test_more_failures_than_allowed_leave_less_than_nothing():
    assert availability(good(97) + bad(3)).budget_left == pytest.approx(-200)


def test_what_counts_as_neither_changes_no_budget():
    assert availability(good(99) + bad(1) + [request(status=401)] * 1000) == availability(good(99) + bad(1))


def test_requests_before_the_window_are_forgiven():
    objective = availability(good(10) + bad(10, ended=NOON - 31 * DAY_S))
    assert (objective.good, objective.total) == (10, 10)


def test_the_burn_rate_is_that_of_the_last_hour():
    long_ago = bad(50, ended=NOON - DAY_S) + good(50, ended=NOON - DAY_S)
    assert availability(long_ago + good(98) + bad(2)).burn_rate == pytest.approx(2)
    assert availability(long_ago).burn_rate == 0


def test_a_promise_of_latency_is_kept_by_the_good_requests_in_time():
    requests = good(19, duration_ms=200) + good(1, duration_ms=201) + bad(5, duration_ms=5000)
    [objective] = promised(requests, latency={"percentile": 95, "ms": 200}).objectives
    assert (objective.name, objective.good, objective.total) == ("latency P95 <= 200 ms", 19, 20)
    assert objective.budget_left == 0


def test_each_promise_is_an_objective_of_its_own():
    found = promised(good(1), availability=99.9, latency={"percentile": 95, "ms": 200})
    assert [each.name for each in found.objectives] == ["availability", "latency P95 <= 200 ms"]


def test_a_report_says_how_far_the_logs_reach():
    assert promised([], availability=99, oldest=NOON - 3600).covered_s == 3600
    assert promised([], availability=99, oldest=NOON - 40 * DAY_S).covered_s == 30 * DAY_S
    assert promised([], availability=99, oldest=None).covered_s == 0


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([50.0, 90.0, 99.0, 99.9, 99.99]))
def test_a_budget_is_spent_if_and_only_if_as_many_failed_as_may(kept: int, failed: int, percent: float):
    objective = availability(good(kept) + bad(failed), percent)
    # In whole numbers: percent has two digits behind the point.
    assert objective.spent == (failed > 0 and failed * 10_000 >= (kept + failed) * round(10_000 - percent * 100))
