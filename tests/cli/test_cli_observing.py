"""A local target observed: its metrics, its logs, SQL over them, and what is left of its error budgets."""

import csv
import io
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import LOCAL, MEMORY, PATIENCE_S, Repository
from ended import end

from reconciler.operate.ledger import Ledger
from tests.waiting import until

TRAFFIC = "AmlOnlineEndpointTrafficLog"
SCORE = """
def init():
    print("the model is read")


def run(raw_data):
    if "fail" in raw_data:
        raise ValueError("no such customer")
    print("a request came")
    return "blue"
"""
POLICIES = """
policies:
  endpoint/credit:
    slo: {availability: 99.9, latency: {percentile: 95, ms: 60000}, window: 7d}
"""
GOOD, BAD = 8, 2


@pytest.fixture(scope="module")
def observed(
    tmp_path_factory: pytest.TempPathFactory, local_repository: Callable[[Path], Repository]
) -> Iterator[Repository]:
    """A local target with a promise, of which eight requests were answered and two failed."""
    repository = local_repository(tmp_path_factory.mktemp("observed") / "repo")
    try:
        repository.write("mlops.yaml", LOCAL + POLICIES)
        repository.write("manifests/src/score.py", SCORE)
        repository.apply()
        assert answers(repository, b"{}", GOOD) == {200}
        assert answers(repository, b'{"fail": true}', BAD) == {424}
        # The gateway writes its log now and then.
        until(lambda: rows(repository, f"SELECT * FROM {TRAFFIC} WHERE DeploymentName = 'blue'", GOOD + BAD))
        yield repository
    finally:
        end(repository)


def answers(repository: Repository, body: bytes, count: int) -> set[int]:
    """The status codes with which so many requests are answered."""
    uri = repository.mlops("show", "endpoint/credit", "--query", "scoring_uri", "-o", "tsv").out.strip()
    key = repository.mlops("credentials", "credit", "--query", "primaryKey", "-o", "tsv").out.strip()
    request = urllib.request.Request(uri, body, {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
    return {status_of(request) for _ in range(count)}


def status_of(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            answer.read()  # Who leaves before is no request that counts.
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def rows(repository: Repository, sql: str, count: int = 1) -> list[dict[str, Any]]:
    """The rows that a query gives, if there are so many."""
    found = repository.mlops("logs", "query", sql, "-o", "json").json
    return found if len(found) >= count else []


def measured(repository: Repository, *words: str) -> list[dict[str, Any]]:
    return repository.mlops("metrics", *words, "-o", "json").json["metrics"]


def instance_of(repository: Repository) -> str:
    return repository.mlops("show", "deployment/credit/blue", "--query", "instances[0].name", "-o", "tsv").out.strip()


def test_metrics_tell_requests_a_minute_by_azures_dimensions(observed: Repository):
    found = [each for each in measured(observed, "--window", "1h") if each["name"] == "RequestsPerMinute"]
    counted = {(each["labels"]["statusCode"], each["labels"]["modelStatusCode"]): each["value"] * 60 for each in found}
    assert counted == pytest.approx({("200", "200"): GOOD, ("424", "500"): BAD})
    assert {(each["labels"]["endpoint"], each["labels"]["deployment"]) for each in found} == {("credit", "blue")}


def test_metrics_tell_what_every_instance_takes(observed: Repository):
    labels = {"endpoint": "credit", "deployment": "blue", "instanceId": instance_of(observed)}
    found = {each["name"]: each for each in measured(observed, "credit")}
    assert found["DeploymentCapacity"]["labels"] == {**labels, "State": "running"}
    assert found["CpuUtilizationPercentage"]["labels"] == labels
    assert found["CpuUtilizationPercentage"]["value"] >= 0
    assert 0 < found["CpuMemoryUtilizationPercentage"]["value"] < 100


def test_latencies_are_in_order(observed: Repository):
    found = {each["name"]: each["value"] for each in measured(observed, "--window", "1h") if "Latency" in each["name"]}
    ordered = [found[f"RequestLatency_P{percent}"] for percent in (50, 90, 95, 99)]
    assert ordered == sorted(ordered)
    assert 0 <= found["RequestLatency"] <= ordered[-1]


def test_metrics_tell_connections_of_the_whole_gateway(observed: Repository):
    names = {each["name"] for each in measured(observed) if not each["labels"]}
    assert names == {"ConnectionsActive", "NewConnectionsPerSecond", "mlops_connections_total"}
    assert not any("Connections" in each["name"] for each in measured(observed, "credit"))


def test_metrics_of_a_window_without_requests_say_so(observed: Repository):
    text = observed.mlops("metrics", "--window", "0.001s").out
    assert text.startswith("no requests in the last 0.001s\n")
    assert "DeploymentCapacity" in text


def test_metrics_for_prometheus_have_types(observed: Repository):
    text = observed.mlops("metrics", "--window", "1h", "-o", "prometheus").out
    assert "# TYPE RequestsPerMinute gauge\n" in text
    assert 'RequestsPerMinute{endpoint="credit",deployment="blue",statusCode="200"' in text


def test_metrics_of_an_endpoint_that_is_not_there_name_those_that_are(observed: Repository):
    assert "endpoint/crdit is not there (target dev); did you mean endpoint/credit?" in (
        observed.mlops("metrics", "crdit", code=1).err
    )


def test_metrics_need_a_target_that_keeps_logs(repo: Repository):
    assert "provider memory keeps no logs" in repo.mlops("metrics", code=1).err


def test_a_query_counts_what_was_answered(observed: Repository):
    sql = f"SELECT ResponseCode, ModelStatusCode, count(*) AS n FROM {TRAFFIC} GROUP BY ALL ORDER BY 1"
    assert rows(observed, sql) == [
        {"ResponseCode": 200, "ModelStatusCode": None, "n": GOOD},
        {"ResponseCode": 424, "ModelStatusCode": 500, "n": BAD},
    ]


def test_a_query_is_printed_in_every_form(observed: Repository):
    sql = f"SELECT EndpointName, ResponseCode FROM {TRAFFIC} WHERE ResponseCode = 424 LIMIT 1"
    assert observed.mlops("logs", "query", sql).out == (
        "EndpointName  ResponseCode\n------------  ------------\ncredit        424\n"
    )
    assert observed.mlops("logs", "query", sql, "-o", "tsv").out == "credit\t424\n"
    found = observed.mlops("logs", "query", sql, "-o", "csv").out
    assert list(csv.reader(io.StringIO(found))) == [["EndpointName", "ResponseCode"], ["credit", "424"]]


def test_a_query_without_rows_says_so_beside_its_answer(observed: Repository):
    ran = observed.mlops("logs", "query", f"SELECT Method FROM {TRAFFIC} WHERE ResponseCode = 777", "-o", "json")
    assert (ran.out, ran.err) == ("[]\n", "mlops: no rows\n")


def test_a_query_that_is_wrong_is_told_in_one_line(observed: Repository):
    err = observed.mlops("logs", "query", f"SELECT Status FROM {TRAFFIC}", code=1).err
    assert err.count("\n") == 1
    assert 'Referenced column "Status" not found' in err
    assert "ResponseCode" in err


def test_console_and_event_log_can_be_asked_too(observed: Repository):
    sql = "SELECT * FROM AmlOnlineEndpointConsoleLog WHERE DeploymentName = 'blue' AND Message LIKE '%model is read%'"
    until(lambda: rows(observed, sql))
    sql = (
        f"SELECT Name FROM AmlOnlineEndpointEventLog WHERE InstanceId = '{instance_of(observed)}' AND Name = 'Started'"
    )
    until(lambda: rows(observed, sql))


def test_status_tells_what_is_left_of_a_budget(observed: Repository):
    [endpoint] = observed.mlops("status", "--format", "json").json["endpoints"]
    available, in_time = endpoint["slo"]["objectives"]
    assert (available["good"], available["total"], available["spent"]) == (GOOD, GOOD + BAD, True)
    assert (in_time["good"], in_time["total"], in_time["budget_left"]) == (GOOD, GOOD, 100)
    text = observed.mlops("status").out
    assert "promised over 7d\n" in text
    assert re.search(
        r"availability 99.9 %: 80 % of 10 requests, budget left -1.99e\+04 %.* \(counted over \w+ of 7d\)", text
    )


def test_status_check_ends_with_2_when_a_budget_is_spent_and_says_which(observed: Repository):
    spent, *others = observed.mlops("status", "--check", code=2).err.splitlines()
    assert spent == "mlops: endpoint/credit: the error budget of availability 99.9 % is spent"
    assert all(" is counted over " in each for each in others)


def test_status_check_is_content_with_a_budget_that_suffices(observed: Repository):
    observed.edit("mlops.yaml", "99.9", "50")
    try:
        assert "is spent" not in observed.mlops("status", "--check", code=0).err
    finally:
        observed.edit("mlops.yaml", "50", "99.9")


def test_status_check_warns_of_a_promise_of_which_less_than_the_window_is_known(observed: Repository):
    told = observed.mlops("status", "--check", code=2).err.splitlines()[1:]
    assert [re.sub(r"\d+[smh] of", "… of", each) for each in told] == [
        "mlops: endpoint/credit: availability 99.9 % is counted over … of 7d",
        "mlops: endpoint/credit: latency P95 <= 60000 ms is counted over … of 7d",
    ]


def test_what_the_gateway_wrote_down_is_kept_by_the_minute(observed: Repository, tmp_path: Path):
    log = observed.folder / ".mlops/local/dev/gateway/access.log"
    # A minute is written when it is over.
    Ledger(tmp_path / "minutes.jsonl").write([log], {"credit": {"availability": 99.9}}, now=time.time() + 120)
    kept = [json.loads(line) for line in (tmp_path / "minutes.jsonl").read_text().splitlines()]
    assert sum(each["counted"] for each in kept) == GOOD + BAD
    assert sum(each["failed"] for each in kept) == BAD


def test_status_check_of_a_target_that_promises_nothing_is_content(applied: Repository):
    assert applied.mlops("status", "--check", code=0).err == ""


def test_without_traffic_a_budget_is_untouched(repo: Repository):
    repo.write("mlops.yaml", MEMORY + POLICIES)
    repo.apply()
    assert repo.mlops("status", "--check", code=0).err == ""


def test_the_last_lines_of_a_deployment_are_plain(observed: Repository):
    lines = observed.mlops("logs", "deployment/credit/blue").out.splitlines()
    assert sum("a request came" in line for line in lines) == GOOD
    assert not any(line.startswith(instance_of(observed)) for line in lines)


def test_logs_since_a_time_come_from_the_kept_console_log(observed: Repository):
    def came() -> bool:
        lines = observed.mlops("logs", "deployment/credit/blue", "--since", "1h").out.splitlines()
        return sum("a request came" in line for line in lines) == GOOD

    until(came)
    assert observed.mlops("logs", "deployment/credit/blue", "--since", "2100-01-01").out == ""


def test_logs_of_one_instance_are_its_own(observed: Repository):
    words = ("logs", "deployment/credit/blue", "--instance", instance_of(observed), "--tail", "1")
    assert len(observed.mlops(*words).out.splitlines()) == 1


def test_an_instance_that_never_was_is_refused_with_those_that_were(observed: Repository):
    err = observed.mlops("logs", "deployment/credit/blue", "--instance", "nobody", code=1).err
    assert "deployment/credit/blue has no instance nobody; there are: " in err
    assert instance_of(observed) in err


def test_a_container_that_is_none_is_refused_with_those_that_there_are(observed: Repository):
    err = observed.mlops("logs", "deployment/credit/blue", "--container", "sidecar", code=1).err
    assert "there is no container sidecar; there are inference-server and storage-initializer" in err


def test_what_the_storage_initializer_laid_down_is_told(observed: Repository):
    told = observed.mlops("logs", "deployment/credit/blue", "--container", "storage-initializer").out.splitlines()
    # Before these it says how the environment was built, if no other deployment had it built.
    environment, code, model = told[-3:]
    assert re.fullmatch(r"environment [0-9a-f]{32} of Python 3\.[\d.]+ is ready", environment)
    assert Path(code.removeprefix("code src -> "), "score.py").read_text() == SCORE
    assert Path(model.removeprefix("model weights-1.txt -> "), "weights-1.txt").is_file()


def test_the_lines_of_an_instance_that_is_gone_are_kept(local: Repository):
    local.apply()
    gone = instance_of(local)
    local.edit("manifests/src/score.py", "the model is read", "another model is read")
    local.apply()
    assert instance_of(local) != gone
    words = ("logs", "deployment/credit/blue", "--instance", gone)
    until(lambda: "the model is read" in local.mlops(*words).out)


def test_followed_logs_go_on_with_a_new_instance(local: Repository):
    local.apply()
    following = local.started("logs", "deployment/credit/blue", "-f")
    try:
        local.edit("manifests/src/score.py", "the model is read", "another model is read")
        local.apply()
        until(lambda: "another model is read" in following.stdout.readline())
    finally:
        following.kill()
        following.communicate()


def test_json_metrics_say_of_which_time_they_are(observed: Repository):
    told = json.loads(observed.mlops("metrics", "--window", "90s", "-o", "json").out)
    assert told["since"] < told["until"]
