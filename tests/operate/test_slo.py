"""Promises held against requests: what counts, what is left, how fast it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_made import NOON, request

from reconciler.operate.minutes import limit_of, minutes
from reconciler.operate.slo import Report, report
from reconciler.operate.verdicts import verdict

DAY_S = 86400.0


def promised(requests, *, since: float = NOON - 2 * DAY_S, **slo) -> Report:
    """A promise over 30 days, held against requests that are known from a time on."""
    policy = {"window": 30 * DAY_S, **slo}
    known = minutes("credit", requests, limit_ms=limit_of(policy), since=since, until=NOON + 1)
    return report(policy, list(known), now=NOON)


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


def test_a_200_that_came_from_no_deployment_counts_as_neither():
    assert verdict(request(deployment="")) is None
    assert verdict(request(deployment="", status=429)) is False


@pytest.mark.parametrize("flags", ["UC", "UPE", "UR", "LR", "SI", "UMSDR", "UC,UMSDR"])
def test_an_answer_that_was_cut_off_is_bad_although_it_began_well(flags: str):
    assert verdict(request(reason=flags)) is False


@pytest.mark.parametrize("flags", ["DC", "DPE", "DR", "DC,UC"])
def test_an_answer_that_the_client_did_not_wait_for_counts_as_neither(flags: str):
    assert verdict(request(reason=flags)) is None


def test_an_answer_that_another_try_gave_is_good():
    assert verdict(request(reason="URX")) is True


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
    requests = good(10) + bad(10, ended=NOON - 31 * DAY_S)
    [objective] = promised(requests, since=NOON - 40 * DAY_S, availability=99).objectives
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


def test_an_objective_says_how_much_of_its_window_is_known():
    covered = [promised([], availability=99, since=NOON - days * DAY_S).objectives[0].covered_s for days in (1, 30, 40)]
    assert covered == [DAY_S, 30 * DAY_S, 30 * DAY_S]
    [nothing] = report({"window": DAY_S, "availability": 99}, [], now=NOON).objectives
    assert nothing.covered_s == 0


def test_minutes_of_another_latency_count_for_availability_alone():
    slo = {"window": DAY_S, "availability": 99, "latency": {"percentile": 95, "ms": 200}}
    before = minutes("credit", good(3, ended=NOON - 90), limit_ms=100.0, since=NOON - 120, until=NOON - 60)
    since = minutes("credit", good(2, ended=NOON - 30), limit_ms=200.0, since=NOON - 60, until=NOON)
    available, in_time = report(slo, [*before, *since], now=NOON).objectives
    assert (available.total, available.covered_s) == (5, 120)
    assert (in_time.total, in_time.covered_s) == (2, 60)


@given(st.integers(0, 500), st.integers(0, 500), st.sampled_from([50.0, 90.0, 99.0, 99.9, 99.99]))
def test_a_budget_is_spent_if_and_only_if_as_many_failed_as_may(kept: int, failed: int, percent: float):
    objective = availability(good(kept) + bad(failed), percent)
    # In whole numbers: percent has two digits behind the point.
    assert objective.spent == (failed > 0 and failed * 10_000 >= (kept + failed) * round(10_000 - percent * 100))
