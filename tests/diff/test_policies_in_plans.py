"""Policies in plans and drift: what an autoscaler or a roll-out did is neither undone nor a reason to worry."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.address import Address
from reconciler.core.state import DriftClass
from reconciler.diff import changes, corrections, drifts, fold
from reconciler.order import order
from reconciler.preflight import Guards, refusals
from tests.builders import blue, endpoint, green, live, outline, recorded

ENDPOINT, BLUE = Address("endpoint", "credit"), Address("deployment", "blue", endpoint="credit")
TARGET_UTILIZATION = {"scale_settings": {"type": "target_utilization", "min_instances": 1, "max_instances": 5}}
WEEKEND = {"name": "weekend", "days": ["sunday"], "from": "00:00", "to": "24:00", "minimum": 1, "maximum": 2}
ROLLOUT = {"steps": [5, 25, 100], "pause": 300.0, "gates": {}, "on_failure": "return"}


def autoscale(minimum: int = 1, maximum: int = 5, **fields: Any) -> dict[str, Any]:
    base = {"minimum": minimum, "maximum": maximum, "interval": 30.0, "rules": [], "schedules": []}
    return {"autoscale": {**base, **fields}}


def moved(item, **fields):
    return replace(item, spec={**item.spec, **fields})


def planned(wanted, state, alive=None) -> str:
    folded = fold(state, alive) if alive is not None else state
    wanted = sorted(wanted, key=lambda each: each.address)
    return outline(order(changes(wanted, folded, recorded=state)))


@pytest.mark.parametrize("scaled", [TARGET_UTILIZATION, autoscale()])
def test_a_plan_leaves_the_number_to_the_autoscaler(scaled):
    state = recorded(endpoint(), blue(**scaled))
    front, back = live(endpoint(), blue(**scaled))
    alive = [front, moved(back, instance_count=4)]
    assert planned([endpoint(), blue(**scaled)], state, alive) == ""
    assert planned([endpoint(), blue(instance_count=3, **scaled)], state, alive) == ""


@pytest.mark.parametrize("scaled", [TARGET_UTILIZATION, autoscale()])
def test_what_an_autoscaler_did_inside_its_bounds_is_expected_drift(scaled):
    state = recorded(blue(**scaled))
    (item,) = live(blue(**scaled))
    (drift,) = drifts(state, [moved(item, instance_count=5)])
    assert (drift.kind, drift.note) == (DriftClass.EXPECTED, "autoscaled between 1 and 5")
    (drift,) = drifts(state, [moved(item, instance_count=6)])
    assert drift.kind is DriftClass.CHANGED


def test_the_bounds_of_schedules_count_at_any_time():
    scaled = autoscale(minimum=3, schedules=[WEEKEND])
    state = recorded(blue(instance_count=3, **scaled))
    (item,) = live(blue(**scaled))
    (drift,) = drifts(state, [moved(item, instance_count=1)])
    assert drift.kind is DriftClass.EXPECTED


def test_a_number_outside_the_bounds_is_brought_to_the_nearest_inside():
    scaled = autoscale(minimum=2, maximum=3)
    state = recorded(endpoint(), blue(instance_count=2, **scaled))
    front, back = live(endpoint(), blue(**scaled))
    (change,) = changes(
        [blue(**scaled), endpoint()], fold(state, [front, moved(back, instance_count=7)]), recorded=state
    )
    assert [(field.path, field.before, field.after) for field in change.fields] == [("instance_count", 7, 3)]


def test_another_step_says_nothing_of_the_number():
    scaled = autoscale()
    state = recorded(blue(**scaled), endpoint())
    (step,) = order(changes([blue(description="new", **scaled), endpoint()], state))
    assert (step.action, "instance_count" in (step.before or {}), "instance_count" in (step.after or {})) == (
        "roll_out",
        False,
        False,
    )


def test_a_changed_autoscaler_is_a_scale():
    state = recorded(endpoint(), blue(**autoscale()))
    assert planned([endpoint(), blue(**autoscale(maximum=6))], state) == (
        "[] -> #1 ~ scale deployment/credit/blue (autoscale changed)\n"
    )


def test_without_the_autoscaler_the_number_is_gits_again():
    state = recorded(endpoint(), blue(**autoscale()))
    front, back = live(endpoint(), blue(**autoscale()))
    (change,) = changes([blue(), endpoint()], fold(state, [front, moved(back, instance_count=4)]), recorded=state)
    assert ("instance_count", 4, 1) in [(field.path, field.before, field.after) for field in change.fields]


def test_a_deployment_is_made_inside_the_bounds():
    (change,) = changes([blue(**autoscale(minimum=2))], recorded())
    assert change.after is not None
    assert change.after["instance_count"] == 2


def test_a_refresh_does_not_record_what_the_autoscaler_made():
    state = recorded(blue(**autoscale()))
    (item,) = live(blue(**autoscale()))
    folded = fold(state, [moved(item, instance_count=4)])
    assert corrections(state, folded, claimed={}, touched=()) == {}


def endpoints(**traffic: int):
    return endpoint(traffic=traffic, rollout=ROLLOUT)


def test_a_plan_says_that_traffic_moves_step_by_step():
    state = recorded(endpoints(blue=100), blue(), green())
    assert planned([endpoints(green=100), blue(), green()], state) == (
        "[] -> #1 ~ route endpoint/credit (traffic changed; by rollout 5, 25, 100 % with 5m between)\n"
    )


def test_a_new_endpoints_traffic_moves_at_once():
    assert planned([endpoints(blue=100), blue()], recorded()).endswith("#3 ~ route endpoint/credit (traffic changed)\n")


def test_a_changed_policy_alone_is_an_update():
    state = recorded(endpoints(blue=100))
    wanted = endpoint(traffic={"blue": 100}, rollout={**ROLLOUT, "pause": 60.0})
    assert planned([wanted], state) == "[] -> #1 ~ update endpoint/credit (rollout changed)\n"


def underway(**traffic: int):
    (item, *rest) = live(endpoints(green=100), blue(), green())
    return [replace(moved(item, traffic=traffic), underway={"traffic": {"green": 100}}), *rest]


def test_traffic_on_its_way_is_expected_and_planned_no_second_time():
    state = recorded(endpoints(green=100), blue(), green())
    (drift,) = drifts(state, underway(blue=75, green=25))
    assert drift.kind is DriftClass.EXPECTED
    assert planned([endpoints(green=100), blue(), green()], state, underway(blue=75, green=25)) == ""


def test_traffic_that_returned_is_drift_and_is_planned_again():
    state = recorded(endpoints(green=100), blue(), green())
    item, *rest = live(endpoints(green=100), blue(), green())
    returned = replace(moved(item, traffic={"blue": 100}), detail={"note": "roll-out returned: at 25 %, error_rate"})
    (drift,) = drifts(state, [returned, *rest])
    assert (drift.kind, drift.note) == (DriftClass.CHANGED, "roll-out returned: at 25 %, error_rate")
    assert "route endpoint/credit" in planned([endpoints(green=100), blue(), green()], state, [returned, *rest])


def test_other_traffic_than_that_on_its_way_is_drift():
    state = recorded(endpoints(green=90, blue=10), blue(), green())
    (drift,) = drifts(state, underway(blue=75, green=25))
    assert drift.kind is DriftClass.CHANGED


def refused(wanted, state, **guards: Any) -> list[str]:
    steps = order(changes(sorted(wanted, key=lambda each: each.address), state))
    return list(refusals(steps, state, Guards(**guards), wanted=len(wanted)))


def test_a_deployment_is_not_deleted_in_the_change_that_moves_its_traffic_step_by_step():
    state = recorded(endpoints(blue=100), blue(), green())
    (reason,) = refused([endpoints(green=100), green()], state)
    assert reason.startswith("E-DELETE-TRAFFIC: blue would be deleted (no longer defined) while traffic leaves it step")
    assert refused([endpoint(traffic={"green": 100}), green()], state) == []


def test_a_deployment_is_not_deleted_while_an_unfinished_rollout_leaves_it_traffic():
    state = recorded(endpoints(green=100), blue(), green())
    wanted = [endpoints(green=100), green()]
    (reason,) = refused(wanted, state, in_force={ENDPOINT: {"traffic": {"blue": 75, "green": 25}}})
    assert reason.startswith("E-DELETE-TRAFFIC: blue still has 75 % of traffic")
    assert refused(wanted, state) == []
