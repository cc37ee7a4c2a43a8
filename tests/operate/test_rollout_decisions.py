"""When a roll-out goes on, holds, or goes back."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.rollout import Gates, Rollout
from reconciler.operate.progress import Observed, Tally, decided
from reconciler.operate.traffic import Request

GATES = Gates(error_rate=0.1, p95_ms=200, min_requests=20)
WAY = Rollout("op", {"blue": 100}, {"green": 100}, (5, 25, 100), 60.0, GATES, since=1000.0)
FINE = Observed(100, 0, 50.0)
FAILING = Observed(100, 11, 50.0)
SLOW = Observed(100, 0, 200.5)
FEW = Observed(19, 19, 9999.0)


def request(*, status: int = 200, time: float = 1001.0, duration_ms: float = 10.0, **fields: Any) -> Request:
    usual = {"endpoint": "credit", "deployment": "green", "instance": "i", "method": "POST", "reason": ""}
    measures = {"model_status": None, "request_bytes": 0, "response_bytes": 0}
    return Request(**{**usual, **measures, "status": status, "time": time, "duration_ms": duration_ms, **fields})


@pytest.mark.parametrize(
    ("seen", "now", "percent", "held", "returned"),
    [
        (FINE, 1059.9, 5, "", ""),
        (FINE, 1060.0, 25, "", ""),
        (FEW, 1059.9, 5, "", ""),
        (FEW, 1060.0, 5, "fewer than 20 requests to judge by", ""),
        (FAILING, 1001.0, 5, "", "at 5 %, error_rate above 0.1: 11 of 100 requests failed"),
        (FAILING, 1060.0, 5, "", "at 5 %, error_rate above 0.1: 11 of 100 requests failed"),
        (SLOW, 1060.0, 5, "", "at 5 %, p95_ms above 200: 201 ms in 100 requests"),
        (Observed(20, 2, 200.0), 1060.0, 25, "", ""),
    ],
)
def test_a_step_ends_as_its_gates_say(seen: Observed, now: float, percent: int, held: str, returned: str):
    found = decided(WAY, seen, now)
    assert (found.percent, found.held, found.returned) == (percent, held, returned)


@pytest.mark.parametrize("seen", [Observed(lost=("green",)), Observed(100, 0, 50.0, lost=("green",))])
def test_f15_an_instance_that_is_lost_leads_the_traffic_back_or_holds_it_without_any_gate(seen: Observed):
    way = replace(WAY, gates=Gates())
    returned = decided(way, seen, 1001.0)
    assert (returned.returned, returned.traffic) == ("at 5 %, instances lost: green", {"blue": 100})
    assert decided(replace(way, returns=False), seen, 1001.0).held == "instances lost"


def test_the_next_step_begins_now():
    assert decided(WAY, FINE, 1100.0) == replace(WAY, place=1, since=1100.0)


def test_after_the_last_step_all_of_the_traffic_is_there():
    found = decided(replace(WAY, place=1), FINE, 1100.0)
    assert (found.done, found.traffic) == (True, {"green": 100})


def test_what_returned_has_the_old_traffic():
    found = decided(WAY, FAILING, 1100.0)
    assert (found.unfinished, found.traffic) == (False, {"blue": 100})


def test_with_hold_a_gate_that_is_not_kept_holds_until_it_is():
    way = replace(WAY, returns=False)
    held = decided(way, FAILING, 1100.0)
    assert (held.percent, held.held, held.returned) == (5, "error_rate above 0.1", "")
    assert decided(held, Observed(200, 12, 50.0), 1200.0) is not held
    assert decided(held, FAILING, 1200.0) is held
    assert decided(held, FINE, 1200.0) == replace(way, place=1, since=1200.0)


def test_without_gates_time_alone_counts():
    way = replace(WAY, gates=Gates())
    assert decided(way, Observed(), 1060.0).percent == 25


def test_a_gate_without_a_least_number_waits_for_a_request():
    way = replace(WAY, gates=Gates(error_rate=0.0))
    assert decided(way, Observed(1, 1, 1.0), 1001.0).returned


def test_a_clock_that_was_set_back_begins_the_step_anew():
    assert decided(WAY, FINE, 400.0) == replace(WAY, since=400.0)


def test_requests_of_the_receiving_deployment_since_the_step_began_are_counted():
    tally = Tally("credit", WAY)
    tally.add(
        [
            request(),
            request(status=424, duration_ms=30.0),
            request(status=503),
            request(status=401),
            request(time=999.9, status=500),
            request(deployment="blue", status=500),
            request(endpoint="other", status=500),
        ]
    )
    assert tally.observed() == Observed(3, 2, 30.0)


def test_the_percentile_is_that_of_all_requests_however_they_came():
    tally = Tally("credit", WAY)
    for duration in range(1, 101):
        tally.add([request(duration_ms=float(duration))])
    assert tally.observed() == Observed(100, 0, 95.0)


def test_nothing_was_seen_of_nothing():
    assert Tally("credit", WAY).observed() == Observed()
