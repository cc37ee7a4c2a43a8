"""The inverse of a plan: what was recorded of all that it touches, and the steps back to that."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.inverse import Inverse, inverse_from, inverse_json
from reconciler.core.manifest import Resource
from reconciler.core.state import Entry, State
from reconciler.diff import changes
from reconciler.inverses import inverse_of, resource_of
from reconciler.order import order
from tests.builders import blue, deployment, endpoint, green, model, outline, recorded

BLUE = Address("deployment", "blue", endpoint="credit")
CREDIT = Address("endpoint", "credit")


def inverse(before: State, *wanted: Resource, folded: State | None = None) -> Inverse:
    """What would undo the plan from one to the other."""
    found = changes(sorted(wanted, key=lambda r: r.address), folded or before, recorded=before)
    return inverse_of(before, order(found))


def test_what_was_made_is_deleted_and_what_was_changed_is_as_it_was():
    before = recorded(endpoint(traffic={"blue": 100}), blue(model="azureml:risk:1"), model())
    wanted = [
        endpoint(traffic={"green": 100}),
        blue(model="azureml:risk:2", instance_count=3),
        green(),
        model(),
        model(version="2"),
    ]
    assert outline(inverse(before, *wanted).steps) == (
        "[] -> #1 ~ scale deployment/credit/blue (instance_count changed)\n"
        "[1] -> #2 ~ roll_out deployment/credit/blue (model changed)\n"
        "[1, 2] -> #3 - delete model/risk:2 (it was not there before)\n"
        "[1, 2] -> #4 ~ route endpoint/credit (traffic changed)\n"
        "[4] -> #5 - delete deployment/credit/green (it was not there before)\n"
    )


def test_what_was_deleted_is_made_again_as_it_was_recorded():
    before = recorded(endpoint(traffic={"blue": 100}), blue(instance_count=2), green())
    found = inverse(before, endpoint(traffic={"blue": 100}), blue(instance_count=2))
    assert outline(found.steps) == "[] -> #1 + create deployment/credit/green (new)\n"
    assert found.specs == {green().address: green().spec}


def test_it_leads_to_what_was_recorded_and_not_to_what_was_live():
    before, live = recorded(blue(instance_count=2)), recorded(blue(instance_count=5))
    found = inverse(before, blue(instance_count=3), folded=live)
    assert [(f.path, f.before, f.after) for f in found.steps[0].fields] == [("instance_count", 3, 2)]


def test_traffic_that_nobody_claimed_until_the_run_did_comes_back():
    before = recorded(endpoint(), blue(), green())
    live = recorded(endpoint(traffic={"blue": 100}), blue(), green())
    found = inverse(before, endpoint(traffic={"green": 100}), blue(), green(), folded=live)
    assert found.specs[CREDIT] == endpoint(traffic={"blue": 100}).spec
    assert outline(found.steps) == "[] -> #1 ~ route endpoint/credit (traffic changed)\n"


def test_what_is_only_corrected_in_the_record_is_a_part_of_it():
    before = recorded(blue(instance_count=1))
    found = inverse_of(before, (), {BLUE: Entry(blue(instance_count=4).spec)})
    assert found.specs == {BLUE: blue(instance_count=1).spec}
    assert outline(found.steps) == "[] -> #1 ~ scale deployment/credit/blue (instance_count changed)\n"
    forgotten = inverse_of(before, (), {BLUE: None})
    assert outline(forgotten.steps) == "[] -> #1 + create deployment/credit/blue (new)\n"


def test_it_holds_nothing_of_what_the_plan_does_not_touch():
    before = recorded(*(blue(endpoint_name=f"e{number}") for number in range(1000)))
    wanted = [blue(endpoint_name=f"e{number}", instance_count=2 if number == 7 else 1) for number in range(1000)]
    assert list(inverse(before, *wanted).specs) == [Address("deployment", "blue", endpoint="e7")]


def test_it_grows_as_the_plan_does_and_not_faster():
    def size(count: int) -> int:
        before = recorded(*(blue(endpoint_name=f"e{number:04}") for number in range(count)))
        wanted = [blue(endpoint_name=f"e{number:04}", instance_count=2) for number in range(count)]
        return len(json.dumps(inverse_json(inverse(before, *wanted))))

    assert size(400) < 4.1 * size(100)


def test_its_fields_name_no_place_in_any_file():
    found = inverse(recorded(blue(instance_count=2)), blue(instance_count=3))
    assert [field.source for step in found.steps for field in step.fields] == [None]


@pytest.mark.parametrize("made", [blue(), green(model="azureml:risk:1"), endpoint(), model()])
def test_a_resource_of_a_spec_asks_for_what_is_recorded(made: Resource):
    assert changes([resource_of(made.address, made.spec)], recorded(made)) == []


COUNTS = st.dictionaries(st.sampled_from(["blue", "green", "red"]), st.integers(1, 3), max_size=3)


@settings(deadline=None, max_examples=60)
@given(COUNTS, COUNTS)
def test_done_behind_the_plan_it_leads_back_and_comes_back_from_the_record_as_it_was(then, now):
    def resources(counts):
        made = [deployment(name, instance_count=count) for name, count in sorted(counts.items())]
        return [endpoint(traffic={min(counts): 100} if counts else {}), *made]

    before, after = recorded(*resources(then)), recorded(*resources(now))
    found = inverse(before, *resources(now))
    assert inverse_from(json.loads(json.dumps(inverse_json(found)))) == found
    wanted = {address: entry.spec for address, entry in after.entries.items()} | dict(found.specs)
    assert {address: spec for address, spec in wanted.items() if spec is not None} == {
        address: entry.spec for address, entry in before.entries.items()
    }
