"""Whose live side decides on a plan."""

import pytest

from reconciler.core.address import Address
from reconciler.core.state import Live
from reconciler.diff import changes, drifts, fold, touched
from tests.builders import LINEAGE, blue, endpoint, green, live, model, recorded

FRAUD = endpoint("fraud")
USING = {"model": "azureml:risk:1"}
STATE = recorded(endpoint(), blue(**USING), green(), model(), FRAUD)


def names(wanted) -> list[str]:
    found = changes(sorted(wanted, key=lambda resource: resource.address), STATE)
    return sorted(map(str, touched(found, STATE)))


def test_a_plan_that_does_nothing_touches_nothing():
    assert names([endpoint(), blue(**USING), green(), model(), FRAUD]) == []


@pytest.mark.parametrize(
    ("wanted", "addresses"),
    [
        # A deployment is made in its endpoint, and of its model.
        (
            [endpoint(), blue(**USING, instance_count=2), green(), model(), FRAUD],
            ["deployment/credit/blue", "endpoint/credit", "model/risk:1"],
        ),
        # Traffic goes to deployments, and none of them goes without its endpoint.
        (
            [endpoint(traffic={"blue": 100}), blue(**USING), green(), model(), FRAUD],
            ["deployment/credit/blue", "deployment/credit/green", "endpoint/credit"],
        ),
        # A deployment that goes may still have traffic.
        ([endpoint(), blue(**USING), model(), FRAUD], ["deployment/credit/green", "endpoint/credit"]),
        # A version that goes may be in use by any deployment.
        (
            [endpoint(), blue(), green(), FRAUD],
            ["deployment/credit/blue", "deployment/credit/green", "endpoint/credit", "model/risk:1"],
        ),
    ],
)
def test_a_plan_touches_what_it_changes_and_what_that_hangs_on(wanted, addresses):
    assert names(wanted) == addresses


def test_only_what_was_looked_at_is_folded_in_and_drifts():
    looked = {Address.parse("endpoint/credit"), Address.parse("deployment/credit/blue")}
    seen = [*live(endpoint(description="by hand")), Live(FRAUD.address, {"description": "by hand"}, LINEAGE, 1, "op")]
    folded = fold(STATE, seen, of=looked)
    assert {address for address, entry in folded.entries.items() if entry is not STATE.entries.get(address)} == {
        Address.parse("endpoint/credit")
    }
    assert STATE.entries.keys() - folded.entries.keys() == {Address.parse("deployment/credit/blue")}
    assert [str(drift.address) for drift in drifts(STATE, seen, of=looked)] == sorted(map(str, looked))
