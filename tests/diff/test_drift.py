"""What differs between the record and the live side, and the record once that is folded in."""

from dataclasses import replace

from reconciler.core.address import Address
from reconciler.core.state import DriftClass
from reconciler.diff import changes, corrections, drifts, fold, foreign
from tests.builders import blue, endpoint, green, live, recorded

STATE = recorded(endpoint(traffic={"blue": 100}), blue(instance_count=2))


def moved(item, **fields):
    return replace(item, spec={**item.spec, **fields})


def claims(*resources):
    return {resource.address: resource.spec for resource in resources}


def alive():
    return live(endpoint(traffic={"blue": 100}), blue(instance_count=2))


def test_there_is_no_drift_when_the_live_side_is_as_recorded():
    assert drifts(STATE, alive()) == []


def test_a_changed_field_shows_with_the_recorded_and_the_live_value():
    front, back = alive()
    (drift,) = drifts(STATE, [front, moved(back, instance_count=1)])
    (field,) = drift.fields
    assert (drift.kind, field.path, field.before, field.after) == (DriftClass.CHANGED, "instance_count", 2, 1)


def test_a_missing_object_is_drift_and_is_made_anew():
    front, _ = alive()
    (drift,) = drifts(STATE, [front])
    assert (drift.kind, str(drift.address)) == (DriftClass.MISSING, "deployment/credit/blue")
    wanted = [blue(instance_count=2), endpoint(traffic={"blue": 100})]
    (change,) = changes(wanted, fold(STATE, [front]))
    assert change.before is None


def test_an_object_of_somebody_else_is_told_and_not_taken_in():
    strange = live(green(), lineage="another")
    (drift,) = drifts(STATE, [*alive(), *strange])
    assert drift.kind is DriftClass.UNMANAGED
    assert Address.parse("deployment/credit/green") not in fold(STATE, [*alive(), *strange]).entries
    assert list(foreign(STATE, [*alive(), *strange])) == [Address.parse("deployment/credit/green")]


def test_an_object_of_ours_in_no_record_is_taken_in_so_that_the_plan_settles_it():
    assert Address.parse("deployment/credit/green") in fold(STATE, [*alive(), *live(green())]).entries


def test_traffic_that_nobody_claims_is_no_drift_whatever_it_is():
    state = recorded(endpoint(), blue())
    assert drifts(state, live(endpoint(traffic={"blue": 100}), blue())) == []


def test_an_autoscaler_inside_its_bounds_is_expected():
    settings = {"type": "target_utilization", "min_instances": 1, "max_instances": 3}
    state = recorded(blue(instance_count=2, scale_settings=settings))
    (item,) = live(blue(instance_count=2, scale_settings=settings))
    assert [d.kind for d in drifts(state, [moved(item, instance_count=3)])] == [DriftClass.EXPECTED]
    assert [d.kind for d in drifts(state, [moved(item, instance_count=4)])] == [DriftClass.CHANGED]


def test_a_plan_does_not_fight_an_autoscaler():
    settings = {"type": "target_utilization", "min_instances": 1, "max_instances": 3}
    wanted = blue(instance_count=2, scale_settings=settings)
    (item,) = live(wanted)
    assert changes([wanted], fold(recorded(wanted), [moved(item, instance_count=3)])) == []
    assert changes([wanted], fold(recorded(wanted), [moved(item, instance_count=4)])) != []


def test_the_record_is_corrected_to_the_live_side_but_not_for_traffic_that_nobody_claims():
    front, back = alive()
    found = fold(STATE, [moved(front, traffic={"blue": 50}), moved(back, instance_count=1)])
    noted = corrections(STATE, found, claimed=claims(endpoint(), blue(instance_count=1)), touched=())
    assert {str(a): e.spec.get("traffic", e.spec.get("instance_count")) for a, e in noted.items()} == {
        "deployment/credit/blue": 1,
        "endpoint/credit": None,
    }


def test_where_a_step_will_tell_what_is_true_nothing_is_corrected():
    _, back = alive()
    found = fold(STATE, [moved(back, instance_count=0, lost_instances=1)])
    wanted = [endpoint(traffic={"blue": 100}), blue(instance_count=2)]
    assert corrections(STATE, found, claimed=claims(*wanted), touched={r.address for r in wanted}) == {}


def test_a_symptom_is_never_recorded():
    found = fold(STATE, [moved(item, lost_instances=1) for item in alive()[1:]])
    noted = corrections(STATE, found, claimed={}, touched={endpoint().address})
    assert noted == {}


def test_nothing_is_corrected_when_nothing_moved():
    wanted = claims(endpoint(traffic={"blue": 100}), blue(instance_count=2))
    assert corrections(STATE, fold(STATE, alive()), claimed=wanted, touched=()) == {}
