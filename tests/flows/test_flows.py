"""The flows of the Azure documentation, replayed as shell scripts against processes of this machine."""

import json
from collections import Counter

import pytest
from replaying import Flow, Printed

from tests.waiting import until

HOUSES = [411510.5, 178500.91]
BLUE = [395000, 125000]
GREEN = [404000, 133500]

pytestmark = pytest.mark.timeout(600)


def test_a_local_endpoint(flow: Flow):
    printed = flow.replay("local-endpoint.sh")
    assert "Endpoint created successfully" in printed.out
    assert "Deployment completed successfully" in printed.out
    assert prices(printed, "invoked") == prices(printed, "called") == [BLUE]
    assert "Init complete" in printed.out
    assert printed.told("left") == "0"


def test_a_managed_endpoint_of_registered_assets(flow: Flow):
    printed = flow.replay("managed-endpoint.sh")
    assert "Endpoint completed successfully" in printed.out
    assert "Deployment completed successfully" in printed.out
    assert (printed.told("model version"), printed.told("models"), printed.told("blue gets")) == ("1", "1", "100")
    assert prices(printed, "invoked") == prices(printed, "called") == [HOUSES]
    assert (printed.told("without a key"), printed.told("with the former key")) == ("401", "401")
    assert "Endpoint deleted" in printed.out
    assert json.loads(flow.mlops("online-endpoint", "list").out) == []


def test_a_safe_rollout(flow: Flow):
    printed = flow.replay("safe-rollout.sh")
    assert printed.told("instances of blue") == "2"
    assert json.loads(printed.told("traffic")) == {"blue": 100, "green": 0}
    assert prices(printed, "green") == prices(printed, "green by curl") == [GREEN]
    assert printed.told("mirrored") == "10"
    assert prices(printed, "while mirrored") == [BLUE] * 200
    assert 4 <= int(printed.told("copies")) - 2 <= 50  # two were asked of green by name; of the copies about 20
    shares = Counter("green" if each == GREEN else "blue" for each in prices(printed, "of a tenth"))
    assert shares.total() == 300
    assert 8 <= shares["green"] <= 70  # of 300 about 30
    assert prices(printed, "at last") == [GREEN]
    assert printed.told("left") == "green"


def test_scripts_with_an_inference_schema(flow: Flow):
    printed = flow.replay("inference-schema.sh")
    assert json.loads(printed.told("standard")) == {"price": 395000}
    assert json.loads(printed.told("numpy")) == BLUE
    assert json.loads(printed.told("pandas")) == BLUE[:1]
    assert printed.told("standard takes") == '["house"]'
    assert printed.told("numpy takes") == printed.told("pandas takes") == '["houses"]'
    until(lambda: json.loads(flow.mlops("online-endpoint", "list").out) == [])  # deleted without waiting


def test_updates_of_single_fields(flow: Flow):
    printed = flow.replay("update-by-set.sh", as_az=True)
    assert (printed.told("count"), printed.told("note"), printed.told("timeout")) == ("2", "two words", "3000")
    assert (printed.told("insights"), printed.told("owner"), printed.told("variables")) == ("false", "", "[]")
    assert json.loads(printed.told("tags")) == {"stage": "live"}
    assert printed.told("count again") == "1"


def test_operations_that_are_not_waited_for(flow: Flow):
    printed = flow.replay("delete-no-wait.sh")
    assert printed.told("at once") in ("Creating", "Succeeded")
    assert "blue is Succeeded" in printed.out
    assert prices(printed, "blue answers") == [BLUE]
    assert "the endpoint is gone" in printed.out
    assert json.loads(flow.mlops("state", "list", "-o", "json").out) == []


def test_operations_that_are_not_waited_for_in_containers(flow_on_engine: Flow):
    printed = flow_on_engine.replay("delete-no-wait.sh")
    assert "blue is Succeeded" in printed.out
    assert prices(printed, "blue answers") == [BLUE]
    assert "the endpoint is gone" in printed.out


def prices(printed: Printed, what: str) -> list[list[float]]:
    """What the model answered; `invoke` prints it as a text in JSON, as in Azure."""
    answers = [json.loads(each) for each in printed.each(what)]
    return [json.loads(answer) if isinstance(answer, str) else answer for answer in answers]
