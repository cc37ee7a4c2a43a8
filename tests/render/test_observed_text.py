"""What is observed of a target as text: metrics, rows of a query, promises."""

import csv
import io
import json

import pytest

from reconciler.render.metrics import metrics_text
from reconciler.render.rows import rows_text
from reconciler.render.status import spent_budgets, status_text, uncovered_windows
from reconciler.render.values import span_text


def objective(name: str = "availability", **fields):
    usual = {
        "target": 99.9,
        "good": 9995,
        "total": 10000,
        "achieved": 99.95,
        "budget_left": 50.0,
        "burn_rate": 0.25,
        "covered_seconds": 86400.0,
        "spent": False,
    }
    return {"name": name, **usual, **fields}


def status(*objectives):
    slo = {"window_seconds": 86400.0, "objectives": objectives}
    endpoint = {"name": "credit", "provisioning_state": "Succeeded", "scoring_uri": "", "deployments": [], "slo": slo}
    told = {"target": "dev", "provider": "local", "recorded": 1, "serial": 1, "last_run": None, "unfinished": []}
    told["lock"] = None
    return {**told, "endpoints": [endpoint]}


def promises(*objectives) -> list[str]:
    return status_text(status(*objectives)).splitlines()[4:]


def test_a_promise_is_told_with_what_is_left_of_it():
    assert promises(objective()) == [
        "  promised over 1d",
        "    availability 99.9 %: 99.95 % of 10,000 requests, budget left 50 %, burn rate 0.25",
    ]


def test_a_promise_of_which_less_is_known_says_over_how_much_it_is_counted():
    known, unknown = objective(covered_seconds=86000.0), objective(covered_seconds=7300.0)
    assert [line.endswith(" (counted over 2h of 1d)") for line in promises(known, unknown)] == [False, False, True]
    assert uncovered_windows(status(known, unknown)) == [
        "endpoint/credit: availability 99.9 % is counted over 2h of 1d"
    ]


def test_a_promise_without_requests_is_untouched():
    said = promises(objective("latency P95 <= 200 ms", total=0, good=0, achieved=None))
    assert said[1] == "    latency P95 <= 200 ms: no requests, budget left 100 %"


def test_only_what_is_spent_is_named():
    said = spent_budgets(status(objective(spent=True), objective("latency P95 <= 200 ms")))
    assert said == ["endpoint/credit: the error budget of availability 99.9 % is spent"]


def test_metrics_are_a_table_with_their_dimensions():
    labels = {"endpoint": "credit", "deployment": "", "statusCode": "401", "modelStatusCode": ""}
    text = metrics_text([{"name": "RequestsPerMinute", "labels": labels, "value": 1234.5}], "5m")
    assert text.splitlines()[-1].split() == ["RequestsPerMinute", "credit", "-", "statusCode=401", "1,234.50"]


def test_metrics_without_requests_say_so():
    assert metrics_text([], "5m") == "no requests in the last 5m"


def test_rows_are_printed_in_every_form():
    columns, rows = ["name", "n"], [("a\tb", 1), (None, 2)]
    assert rows_text(columns, rows, "table") == "name  n\n----  -\na\\tb  1\n      2"
    assert rows_text(columns, rows, "tsv") == "a\\tb\t1\n\t2"
    assert json.loads(rows_text(columns, rows, "json")) == [{"name": "a\tb", "n": 1}, {"name": None, "n": 2}]
    assert list(csv.reader(io.StringIO(rows_text(columns, rows, "csv")))) == [columns, ["a\tb", "1"], ["", "2"]]


def test_columns_of_one_name_are_all_in_an_object_of_json():
    assert json.loads(rows_text(["a", "a", "b"], [(1, 2, 3)], "json")) == [{"a": 1, "a_1": 2, "b": 3}]


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (7300, "2h"), (2592000, "30d")])
def test_a_span_is_told_in_its_largest_unit(seconds: float, text: str):
    assert span_text(seconds) == text


def test_a_gateway_that_does_not_run_and_instances_that_are_not_ready_are_told() -> None:
    told = status()
    (endpoint,) = told["endpoints"]
    deployment = {"name": "blue", "traffic": 100, "ready": 0, "wanted": 1, "provisioning_state": "Succeeded"}
    text = status_text({**told, "endpoints": [{**endpoint, "gateway": "not running", "deployments": [deployment]}]})
    assert "the gateway does not run, so nothing is served" in text
    assert "0 of 1 ready  Succeeded, but none is ready" in text
    well = {**deployment, "ready": 1}
    text = status_text({**told, "endpoints": [{**endpoint, "gateway": "running", "deployments": [well]}]})
    assert "gateway" not in text
    assert text.count("none is ready") == 0


def test_live_objects_without_a_record_are_told_with_what_to_do() -> None:
    assert "nothing is recorded, but 3 objects are live; `mlops state rebuild`" in status_text(
        {**status(), "recorded": 0, "live": 3}
    )
    assert "rebuild" not in status_text({**status(), "live": 3})


def test_the_holder_of_the_lock_is_told_with_what_breaks_it() -> None:
    holder = {"user": "ana", "host": "laptop", "pid": 7, "command": "mlops apply", "started": "2026-02-03T12:04:31Z"}
    who = "in progress by ana@laptop (pid 7, mlops apply) since 2026-02-03 12:04:31 UTC"
    assert who in status_text({**status(), "lock": holder}).splitlines()
    told = status_text({**status(), "lock": {**holder, "id": "3f9a61c2"}}).splitlines()
    assert f"{who}; if that run hangs, break its lock: `mlops state unlock 3f9a61c2 --target dev`" in told
    assert "in progress by another run" in status_text({**status(), "lock": {}})
    assert "locked" not in status_text(status())
