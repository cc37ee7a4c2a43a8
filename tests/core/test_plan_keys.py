"""A step's key stays when other steps come and go; its number does not."""

from reconciler.core.state import State
from tests.builders import blue, endpoint, green, plan_of, recorded


def test_a_step_keeps_its_key_when_another_resource_s_step_comes_in():
    state = recorded(endpoint(), blue(instance_count=1))
    alone = plan_of([endpoint(), blue(instance_count=2)], state)
    joined = plan_of([endpoint(), green(), blue(instance_count=2)], state)
    scale = "scale deployment/credit/blue"
    assert list(alone.keys.values()) == [scale]
    assert scale in joined.keys.values()
    assert len(set(joined.keys.values())) == len(joined.steps)


def test_several_steps_of_one_action_on_one_resource_are_told_apart():
    state = recorded(endpoint(location="here", traffic={"blue": 100}), blue())
    plan = plan_of([endpoint(location="there", traffic={"blue": 100}), blue()], state)
    keys = list(plan.keys.values())
    assert [key for key in keys if key.startswith("route")] == ["route endpoint/credit", "route endpoint/credit#2"]
    assert len(set(keys)) == len(plan.steps)


def test_a_plan_of_nothing_has_no_keys():
    assert plan_of([], State()).keys == {}
