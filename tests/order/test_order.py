"""The order of a plan's steps, told by the plan's text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.plan import Action
from reconciler.core.state import State
from reconciler.diff import changes
from reconciler.order import order
from tests.builders import blue, deployment, endpoint, green, model, outline, plan_of, planned, recorded


def test_scale_runs_before_roll_out():
    state = recorded(endpoint(), blue(model="azureml:risk:1"))
    assert planned([endpoint(), blue(model="azureml:risk:2", instance_count=3)], state) == (
        "[] -> #1 ~ scale deployment/credit/blue (instance_count changed)\n"
        "[1] -> #2 ~ roll_out deployment/credit/blue (model changed)\n"
    )


def test_where_no_instance_is_there_code_that_does_not_start_is_not_scaled_before_it_is_replaced():
    state = recorded(endpoint(), blue(model="azureml:risk:1", instance_count=0))
    assert planned([endpoint(), blue(model="azureml:risk:2", instance_count=3)], state) == (
        "[] -> #1 ~ roll_out deployment/credit/blue (instance_count, model changed)\n"
    )


def test_an_endpoint_comes_before_its_deployments_and_traffic_last():
    assert planned([endpoint(traffic={"blue": 100}), blue()], State()) == (
        "[] -> #1 + create endpoint/credit (new)\n"
        "[1] -> #2 + create deployment/credit/blue (new)\n"
        "[1, 2] -> #3 ~ route endpoint/credit (traffic changed)\n"
    )


def test_blue_green_brings_green_up_then_moves_traffic_then_deletes_blue():
    state = recorded(endpoint(traffic={"blue": 100}), blue())
    assert planned([endpoint(traffic={"green": 100}), green()], state) == (
        "[] -> #1 + create deployment/credit/green (new)\n"
        "[1] -> #2 ~ route endpoint/credit (traffic changed)\n"
        "[2] -> #3 - delete deployment/credit/blue (no longer defined)\n"
    )


def test_a_model_is_registered_before_the_deployment_that_names_it_and_the_old_one_goes_after():
    state = recorded(model(version="1"), endpoint(), blue(model="azureml:risk:1"))
    assert planned([model(version="2"), endpoint(), blue(model="azureml:risk:2")], state) == (
        "[] -> #1 + create model/risk:2 (new)\n"
        "[1] -> #2 ~ roll_out deployment/credit/blue (model changed)\n"
        "[2] -> #3 - delete model/risk:1 (no longer defined)\n"
    )


def test_versions_of_one_model_are_registered_in_their_order_so_that_latest_is_the_last_of_them():
    assert planned([model(version="10"), model(version="9"), model("other")], State()) == (
        "[] -> #1 + create model/other:1 (new)\n"
        "[] -> #2 + create model/risk:9 (new)\n"
        "[2] -> #3 + create model/risk:10 (new)\n"
    )


def test_an_endpoint_that_goes_away_loses_traffic_then_deployments_then_itself():
    state = recorded(endpoint(traffic={"blue": 100}), blue())
    assert planned([], state) == (
        "[] -> #1 ~ route endpoint/credit (traffic stops first)\n"
        "[1] -> #2 - delete deployment/credit/blue (no longer defined)\n"
        "[1, 2] -> #3 - delete endpoint/credit (no longer defined)\n"
    )


def test_while_traffic_may_be_on_its_way_every_deployment_goes_after_it_has_stopped():
    rollout = {"steps": [10, 100], "pause": 300.0, "gates": {}, "on_failure": "return"}
    state = recorded(endpoint(traffic={"green": 100}, rollout=rollout), blue(), green())
    assert planned([], state) == (
        "[] -> #1 ~ route endpoint/credit (traffic stops first)\n"
        "[1] -> #2 - delete deployment/credit/blue (no longer defined)\n"
        "[1] -> #3 - delete deployment/credit/green (no longer defined)\n"
        "[1, 2, 3] -> #4 - delete endpoint/credit (no longer defined)\n"
    )


def test_b57_a_new_instance_type_replaces_the_deployment():
    state = recorded(endpoint(), blue(instance_type="Standard_DS3_v2"))
    assert planned([endpoint(), blue(instance_type="Standard_F4s_v2")], state) == (
        "[] -> #1 - delete deployment/credit/blue "
        "(to be replaced: instance_type cannot change in place; ends 1 instance)\n"
        "[1] -> #2 + create deployment/credit/blue (replaced: instance_type cannot change in place)\n"
    )


def test_traffic_leaves_a_replaced_deployment_before_it_is_deleted():
    state = recorded(endpoint(traffic={"blue": 100}), blue(), green())
    wanted = [endpoint(traffic={"green": 100}), blue(instance_type="Standard_F4s_v2"), green()]
    assert planned(wanted, state).startswith(
        "[] -> #1 ~ route endpoint/credit (traffic changed)\n"
        "[1] -> #2 - delete deployment/credit/blue "
        "(to be replaced: instance_type cannot change in place; ends 1 instance)\n"
    )


def test_b57_a_replaced_endpoint_takes_its_unchanged_deployments_along():
    state = recorded(endpoint(location="westeurope", traffic={"blue": 100}), blue())
    assert planned([endpoint(location="northeurope", traffic={"blue": 100}), blue()], state) == (
        "[] -> #1 ~ route endpoint/credit (traffic stops first)\n"
        "[1] -> #2 - delete deployment/credit/blue (to be replaced: its endpoint is; ends 1 instance)\n"
        "[1, 2] -> #3 - delete endpoint/credit (to be replaced: location cannot change in place)\n"
        "[3] -> #4 + create endpoint/credit (replaced: location cannot change in place)\n"
        "[2, 4] -> #5 + create deployment/credit/blue (replaced: its endpoint is)\n"
        "[4, 5] -> #6 ~ route endpoint/credit (its traffic comes back)\n"
    )


def test_endpoints_do_not_wait_for_each_other():
    wanted = [endpoint("a"), endpoint("b"), deployment("x", endpoint_name="a"), deployment("x", endpoint_name="b")]
    plan = plan_of(wanted, State())
    needs = {step.id: step.needs for step in plan.steps}
    family = {step.id: step.address.family for step in plan.steps}
    assert all(family[need] == family[step] for step, waits in needs.items() for need in waits)


def test_what_is_true_after_a_step_is_no_more_than_the_step_did():
    state = recorded(endpoint(), blue(model="azureml:risk:1"))
    scale, roll_out = plan_of([endpoint(), blue(model="azureml:risk:2", instance_count=3)], state).steps
    assert (scale.after["instance_count"], scale.after["model"]) == (3, "azureml:risk:1")
    assert (roll_out.after["instance_count"], roll_out.after["model"]) == (3, "azureml:risk:2")


def test_a_file_by_itself_deletes_nothing():
    assert planned([blue()], recorded(endpoint(), green(), blue()), whole=False) == ""


SPECS = st.fixed_dictionaries(
    {
        "instance_count": st.integers(1, 3),
        "model": st.sampled_from(["azureml:risk:1", "azureml:risk:2"]),
        "instance_type": st.sampled_from(["Standard_DS3_v2", "Standard_F4s_v2"]),
    }
)
WORLDS = st.dictionaries(st.sampled_from(["blue", "green", "red"]), SPECS, max_size=3)


def _world(deployments, traffic, version):
    routed = {name: 100 for name in [traffic] if name in deployments}
    yield endpoint(traffic=routed)
    yield model(version=version)
    for name, spec in deployments.items():
        yield deployment(name, **spec)


@given(WORLDS, WORLDS, st.sampled_from(["blue", "green"]), st.sampled_from(["blue", "green"]), st.booleans())
def test_whatever_changes_every_step_stands_behind_what_it_needs(before, after, old, new, gone):
    state = recorded(*_world(before, old, "1"))
    wanted = [] if gone else sorted(_world(after, new, "2"), key=lambda r: r.address)
    steps = order(changes(wanted, state))
    place = {step.id: index for index, step in enumerate(steps)}
    assert all(place[need] < place[step.id] for step in steps for need in step.needs)


@given(WORLDS, WORLDS, st.sampled_from(["blue", "green"]), st.sampled_from(["blue", "green"]))
def test_executing_a_plan_leaves_nothing_to_do(before, after, old, new):
    state = recorded(*_world(before, old, "1"))
    wanted = sorted(_world(after, new, "1"), key=lambda r: r.address)
    entries = {address: entry.spec for address, entry in state.entries.items()}
    for step in order(changes(wanted, state)):
        assert entries.get(step.address) == step.before
        entries[step.address] = step.after
        if step.action is Action.DELETE:
            del entries[step.address]
    assert entries == {r.address: r.spec for r in wanted}


@pytest.mark.parametrize("count", [3000])
def test_many_deployments_are_ordered_without_a_product_over_all_of_them(count):
    wanted = [endpoint(f"e{n}") for n in range(count // 10)]
    wanted += [deployment(f"d{n % 10}", endpoint_name=f"e{n // 10}") for n in range(count)]
    assert len(plan_of(wanted, State()).steps) == count + count // 10


def test_an_instance_that_was_lost_is_a_reason_to_scale_in_words():
    state = recorded(endpoint(), blue())
    address, entry = blue().address, state.entries[blue().address]
    found = state.settle(address, replace(entry, spec={**entry.spec, "instance_count": 0, "lost_instances": 1}))
    assert planned([endpoint(), blue()], found) == (
        "[] -> #1 ~ scale deployment/credit/blue (instance_count changed; an instance was lost)\n"
    )


def test_a_roll_out_alone_replaces_instances_that_were_lost():
    state = recorded(endpoint(), blue(model="azureml:risk:1"))
    address, entry = blue().address, state.entries[blue().address]
    found = state.settle(address, replace(entry, spec={**entry.spec, "instance_count": 0, "lost_instances": 4}))
    wanted = [blue(model="azureml:risk:2", instance_count=3), endpoint()]
    assert outline(order(changes(wanted, found, recorded=state))) == (
        "[] -> #1 ~ roll_out deployment/credit/blue (instance_count, model changed; an instance was lost)\n"
    )


def test_instances_of_another_version_are_a_reason_to_roll_out_though_the_files_say_nothing_new():
    state = recorded(endpoint(), blue())
    address, entry = blue().address, state.entries[blue().address]
    found = state.settle(address, replace(entry, spec={**entry.spec, "mixed_instances": 2}))
    assert planned([endpoint(), blue()], found) == (
        "[] -> #1 ~ roll_out deployment/credit/blue (its instances run different versions)\n"
    )


def test_a_deployment_that_goes_with_its_endpoint_is_made_anew_with_its_secrets_at_hand():
    variables = {"TOKEN": "hunter2"}
    state = recorded(endpoint(location="westeurope"), blue(environment_variables=variables))
    plan = plan_of([endpoint(location="northeurope"), blue(environment_variables=variables)], state)
    (made,) = [step for step in plan.steps if step.action is Action.CREATE and step.address.kind == "deployment"]
    assert made.after["environment_variables"]["TOKEN"].reveal() == "hunter2"


def test_a_replaced_endpoint_gets_back_the_traffic_that_nobody_claims():
    state = recorded(endpoint(location="westeurope", traffic={"blue": 100}), blue())
    *_, last = plan_of([endpoint(location="northeurope"), blue()], state).steps
    assert (last.action, last.after["traffic"]) == (Action.ROUTE, {"blue": 100})
