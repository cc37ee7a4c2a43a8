"""What the files among themselves and the guards refuse."""

from dataclasses import replace

import pytest

from reconciler.core.manifest import Script
from reconciler.core.state import State
from reconciler.diff import changes, confined
from reconciler.kinds.skus import quota_family, sku_of
from reconciler.order import order
from reconciler.preflight import Guards, over_quota, problems_of, refusals
from tests.builders import blue, deployment, endpoint, green, model, plan_of, recorded


def said(*resources, recorded_too=()):
    return [problem.message for problem in problems_of(resources, [], recorded_too)]


def refused(resources, state, **guards):
    return list(refusals(plan_of(resources, state).steps, state, Guards(**guards), wanted=len(list(resources))))


@pytest.mark.parametrize(
    "traffic", [{}, {"blue": 100}, {"blue": 90, "green": 10}, {"blue": 0, "green": 0}, {"BLUE": "100"}]
)
def test_b30_traffic_that_sums_to_0_or_100_is_accepted(traffic):
    assert said(endpoint(traffic=traffic), blue(), green()) == []


def test_b30_traffic_that_sums_to_something_else_is_refused():
    assert said(endpoint(traffic={"blue": 90}), blue()) == ["traffic sums to 90; must be 0 or 100"]


def test_b29_traffic_to_nobody_names_the_deployments_and_the_nearest():
    assert said(endpoint(traffic={"gren": 100}), blue(), green()) == [
        "traffic names 'gren'; deployments: blue, green; did you mean green?"
    ]


def test_the_names_in_a_file_by_itself_are_not_checked():
    assert list(problems_of([endpoint(traffic={"blue": 100})], [], None)) == []


def test_a_deployment_that_is_recorded_may_get_traffic():
    assert said(endpoint(traffic={"blue": 100}), recorded_too=[blue().address]) == []


def test_a_mirror_to_a_deployment_with_live_traffic_is_refused():
    (message,) = said(endpoint(traffic={"blue": 100}, mirror_traffic={"blue": 10}), blue())
    assert message == "blue has 100 % of the live traffic; mirror to a deployment that has none"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def init(): pass\ndef run(raw_data): return 1\n", None),
        ("from other import init, run\n", None),
        ("from other import *\n", None),
        ("init = lambda: None\nasync def run(raw_data): return 1\n", None),
        ("if True:\n    def init(): pass\n    def run(d): pass\n", None),
        ("def init(): pass\n", "E-SCRIPT-API"),
        ("def init(:\n", "E-SCRIPT-SYNTAX"),
        ("(" * 5000, "E-SCRIPT-SYNTAX"),
        ("def init(): pass\0", "E-SCRIPT-SYNTAX"),
        (None, "E-SCRIPT"),
    ],
)
def test_b41_b42_b43_a_script_is_checked_by_its_syntax_alone(text, code):
    made = blue()
    scripted = replace(made, manifest=replace(made.manifest, scripts={"scoring_script": Script("code/score.py", text)}))
    assert [problem.code for problem in problems_of([endpoint(), scripted], [], ())] == ([code] if code else [])


@pytest.mark.parametrize(
    ("shown", "environment"),
    [("code/plumber.R", {"image": "r:1"}), ("code/serve.py", {"image": "own:1", "inference_config": {}})],
)
def test_a_script_that_no_python_server_of_azures_calls_is_not_read(shown, environment):
    made = blue(environment=environment)
    scripted = replace(made, manifest=replace(made.manifest, scripts={"scoring_script": Script(shown, "f <- 1")}))
    assert list(problems_of([endpoint(), scripted], [], ())) == []


def test_a_placeholder_for_a_script_is_a_warning():
    made = blue()
    scripted = replace(
        made, manifest=replace(made.manifest, scripts={"scoring_script": Script("code/<SCORING_SCRIPT>", None)})
    )
    assert [problem.code for problem in problems_of([endpoint(), scripted], [], ())] == ["W-PLACEHOLDER"]


def test_b36_an_unknown_size_is_a_warning_with_the_nearest():
    assert said(blue(instance_type="Standard_DS33_v2")) == [
        "unknown instance_type Standard_DS33_v2; nearest: Standard_DS3_v2; it cannot be held against a quota"
    ]


def test_more_deletions_than_the_budget_are_refused():
    many = [endpoint(), *(deployment(f"d{n}") for n in range(6))]
    (reason,) = refused([endpoint()], recorded(*many))
    assert reason.startswith("E-DELETE-BUDGET: 6 resources would be deleted, 5 may be")
    assert refused([endpoint()], recorded(*many), max_delete=6) == []


def test_a_fifth_of_many_may_be_deleted():
    many = [endpoint(), *(deployment(f"d{n}") for n in range(50))]
    assert refused(many[:41], recorded(*many)) == []


def test_no_manifests_at_all_are_refused_unless_that_is_meant():
    assert refused([], recorded(endpoint()))[0].startswith("E-EMPTY")
    assert refused([], recorded(endpoint()), allow_empty=True) == []


def test_a_protected_address_is_not_deleted():
    (reason,) = refused([endpoint()], recorded(endpoint(), blue()), protect=["deployment/credit/blue"])
    assert reason.startswith("E-PROTECTED: deployment/credit/blue")


def test_b57_a_deployment_is_not_replaced_while_it_has_traffic():
    state = recorded(endpoint(traffic={"blue": 100}), blue())
    (reason,) = refused([endpoint(traffic={"blue": 100}), blue(instance_type="Standard_F4s_v2")], state)
    assert reason.startswith("E-DELETE-TRAFFIC: blue has 100 % of traffic")


def test_b58_a_deployment_with_traffic_that_nobody_claims_is_not_deleted():
    state = recorded(endpoint(traffic={"blue": 100}), blue(), green())
    (reason,) = refused([endpoint(), green()], state)
    assert reason.startswith("E-DELETE-TRAFFIC: blue has 100 % of traffic")


def test_a_deployment_does_not_go_while_a_replaced_endpoint_gets_its_unclaimed_traffic_to_it_back():
    state = recorded(endpoint(traffic={"blue": 100}, location="here"), blue(), green())
    (reason,) = refused([endpoint(location="there"), green()], state)
    assert reason.startswith("E-DELETE-TRAFFIC: blue has 100 % of traffic")
    assert refused([endpoint(location="there", traffic={"green": 100}), green()], state) == []


def test_a_deployment_that_gets_mirrored_requests_is_not_deleted():
    state = recorded(endpoint(mirror_traffic={"blue": 10}), blue())
    (reason,) = refused([endpoint()], state)
    assert reason.startswith("E-DELETE-TRAFFIC: blue has 10 % of mirror_traffic")


@pytest.mark.parametrize("field", ["traffic", "mirror_traffic"])
def test_a_deployment_is_not_deleted_while_an_endpoint_of_others_sends_it_anything(field):
    taken_over = {endpoint().address: {field: {"blue": 100}}}
    (reason,) = refused([green()], recorded(blue(), green()), foreign=taken_over)
    assert reason.startswith(f"E-DELETE-TRAFFIC: blue has 100 % of {field} of endpoint/credit, which was not made by")


def test_an_endpoint_is_not_deleted_under_a_deployment_that_stays():
    state = recorded(endpoint(), blue())
    steps = order(confined(changes([], state), [endpoint().address]))
    (reason,) = refusals(steps, state, Guards(), wanted=1)
    assert reason.startswith(
        "E-IN-USE: endpoint/credit would be deleted (no longer defined) while deployment/credit/blue"
    )


def test_a_model_is_not_deleted_under_a_deployment_that_serves_it():
    state = recorded(endpoint(), model(version="1"), blue(model="azureml:risk:1"))
    found = changes([blue(model="azureml:risk:2"), endpoint(), model(version="2")], state)
    (reason,) = refusals(order(confined(found, [model(version="1").address])), state, Guards(), wanted=1)
    assert reason.startswith("E-IN-USE: model/risk:1 would be deleted")
    assert list(refusals(order(found), state, Guards(), wanted=1)) == []


def test_a_replaced_endpoint_takes_only_deployments_that_are_planned_too():
    state = recorded(endpoint(location="westeurope"), blue())
    found = changes([endpoint(location="northeurope")], state, whole=False)
    (reason,) = refusals(order(found), state, Guards(), wanted=None)
    assert reason.startswith("E-IN-USE: endpoint/credit would be deleted")


def test_an_object_of_somebody_else_is_not_overwritten():
    (reason,) = refused([endpoint()], State("l"), foreign={endpoint().address: {}})
    assert reason.startswith("E-FOREIGN: endpoint/credit exists already")


def test_b35_quota_counts_the_reserve_of_a_fifth():
    plan = plan_of([endpoint(), blue(instance_count=10)], State())
    (line,) = over_quota(plan.steps, State(), {"standardDSv2Family": 40})
    assert line.startswith(
        "E-QUOTA: 10 x Standard_DS3_v2 needs 48 cores (with the 20 % reserve); 40 of 40 free at step #2 create"
    )
    assert list(over_quota(plan.steps, State(), {"standardDSv2Family": 48})) == []


def test_b35_quota_is_held_against_the_step_at_which_the_peak_is_reached():
    state = recorded(endpoint(traffic={"blue": 100}), blue(instance_count=1))
    plan = plan_of([endpoint(traffic={"green": 100}), green(instance_count=1)], state)
    (line,) = over_quota(plan.steps, state, {"DSv2": 12})
    assert "needs 8 cores" in line
    assert "4 of 12 free at step #1 create deployment/credit/green" in line


def test_quota_counts_on_no_order_that_the_plan_does_not_promise():
    state = recorded(endpoint(), blue(instance_count=10), green(instance_count=5))
    plan = plan_of([endpoint(), blue(instance_count=5), green(instance_count=10)], state)
    (line,) = over_quota(plan.steps, state, {"DSv2": 72})
    assert "10 x Standard_DS3_v2 needs 48 cores" in line
    assert "24 of 72 free" in line
    assert list(over_quota(plan.steps, state, {"DSv2": 96})) == []


def test_quota_counts_what_is_sure_to_be_gone_by_then():
    state = recorded(endpoint(), blue(instance_type="Standard_DS3_v2", instance_count=10))
    plan = plan_of([endpoint(), blue(instance_type="Standard_DS4_v2", instance_count=5)], state)
    assert list(over_quota(plan.steps, state, {"DSv2": 48})) == []


def test_an_exempt_size_has_no_reserve():
    size = sku_of("standard_nc24ads_a100_V4")
    assert size is not None
    assert size.cores_needed(10) == 240


@pytest.mark.parametrize("name", ["standardDSv2Family", "Standard DSv2 Family vCPUs", "DSv2", "dsv2"])
def test_a_family_is_known_by_all_the_names_that_azure_has_for_it(name):
    assert quota_family(name) == "dsv2"
