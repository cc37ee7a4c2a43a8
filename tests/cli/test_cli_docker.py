"""The whole line on a docker target: planned, applied, asked, watched, mended, taken away."""

import contextlib
import http.client
from collections import Counter
from urllib.parse import urlsplit

from on_engine import NOTHING, OnEngine

from tests.ending import processes_of
from tests.waiting import until


def test_a_plan_for_an_engine_reads_as_any_other(docker: OnEngine, serving_image: str):
    planned = docker.mlops("plan").out.splitlines()
    assert planned[:2] == [
        "  #1 + create environment/sklearn:1 (new)",
        f"       image  {serving_image}   [manifests/sklearn.yml:4]",
    ]
    assert planned[-1] == "Plan: 4 to create, 1 to route; 0 unchanged (target dev)."


def test_a_plan_touches_nothing(docker: OnEngine):
    docker.mlops("plan")
    assert docker.things() == NOTHING
    assert processes_of(docker.folder) == []


def test_an_apply_says_what_it_does_step_by_step(docker: OnEngine):
    said = docker.apply().out
    assert "#4 create deployment/credit/blue: 1 of 1 instances ready\n" in said
    assert "#5 route endpoint/credit: done in " in said
    assert said.endswith("Apply: 5 succeeded.\n")
    assert docker.mlops("invoke", "credit").out == '"blue"\n'


def test_what_an_engine_serves_is_as_planned(served_by_engine: OnEngine):
    assert served_by_engine.mlops("plan", "--detailed-exitcode", code=0).out.startswith("No changes.")
    assert served_by_engine.mlops("drift", "--detailed-exitcode", code=0).out.startswith("No drift.")


def test_status_tells_what_an_engine_runs(served_by_engine: OnEngine):
    lines = [" ".join(line.split()) for line in served_by_engine.mlops("status").out.splitlines()]
    assert lines[0].startswith("target dev (docker): 5 resources recorded")
    assert "blue 90 % 1 of 1 ready Succeeded" in lines
    assert "green 10 % 1 of 1 ready Succeeded" in lines


def test_a_thousand_requests_are_shared_90_to_10(served_by_engine: OnEngine):
    uri = _shown(served_by_engine, "show", "endpoint/credit", "scoring_uri")
    key = _shown(served_by_engine, "credentials", "credit", "primaryKey")
    with contextlib.closing(http.client.HTTPConnection(urlsplit(uri).netloc, timeout=30)) as connection:
        answers = Counter(_answer(connection, urlsplit(uri).path, key) for _ in range(1000))
    assert sorted(answers) == [(200, '"blue"'), (200, '"green"')]
    # Five standard deviations of a share of 10 %.
    assert abs(answers[200, '"green"'] - 100) < 48


def test_a_deployment_on_an_engine_can_be_asked_by_name(served_by_engine: OnEngine):
    assert served_by_engine.mlops("invoke", "credit", "--deployment", "green").out == '"green"\n'


def test_nobody_is_let_in_without_a_key(served_by_engine: OnEngine):
    uri = _shown(served_by_engine, "show", "endpoint/credit", "scoring_uri")
    assert urlsplit(uri).hostname == "127.0.0.1"
    with contextlib.closing(http.client.HTTPConnection(urlsplit(uri).netloc, timeout=30)) as connection:
        assert _answer(connection, urlsplit(uri).path, "guessed")[0] == 401


def test_logs_show_what_a_script_in_a_container_prints(served_by_engine: OnEngine):
    served_by_engine.mlops("invoke", "credit", "--deployment", "blue")
    until(lambda: "a request came" in served_by_engine.mlops("logs", "deployment/credit/blue").out)


def test_kept_logs_of_containers_answer_sql(served_by_engine: OnEngine):
    sql = "SELECT DISTINCT DeploymentName FROM AmlOnlineEndpointConsoleLog WHERE Message LIKE '%the model is read%'"
    until(lambda: "blue" in served_by_engine.mlops("logs", "query", sql).out)


def test_metrics_tell_what_a_container_takes(served_by_engine: OnEngine):
    told = served_by_engine.mlops("metrics", "credit").out
    assert "CpuMemoryUtilizationPercentage" in told
    assert "DeploymentCapacity" in told


def test_a_killed_container_is_drift_and_is_mended(docker: OnEngine):
    docker.apply()
    docker.kill("blue")
    until(lambda: "deployment/credit/blue: changed" in docker.mlops("drift").out)
    docker.mlops("drift", "--detailed-exitcode", code=2)
    docker.apply()
    docker.mlops("drift", "--detailed-exitcode", code=0)
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
    assert len(docker.containers("blue")) == 1


def test_a_removed_container_is_drift_and_is_mended(docker: OnEngine):
    docker.apply()
    for container in docker.containers("blue"):
        container.remove(force=True)
    assert "deployment/credit/blue: changed" in docker.mlops("drift", "--detailed-exitcode", code=2).out
    docker.apply()
    docker.mlops("drift", "--detailed-exitcode", code=0)
    assert docker.mlops("invoke", "credit").out == '"blue"\n'


def test_an_edit_of_the_code_replaces_the_container_and_keeps_the_address(docker: OnEngine):
    docker.apply()
    uri = _shown(docker, "show", "endpoint/credit", "scoring_uri")
    (former,) = docker.containers("blue")
    docker.edit("manifests/src/score.py", '"blue"', '"bluer"')
    assert docker.steps() == ["roll_out deployment/credit/blue"]
    docker.apply()
    assert docker.mlops("invoke", "credit").out == '"bluer"\n'
    assert _shown(docker, "show", "endpoint/credit", "scoring_uri") == uri
    (fresh,) = docker.containers("blue")
    assert fresh.name != former.name


def test_instances_are_scaled(docker: OnEngine):
    docker.apply()
    (kept,) = docker.containers("blue")
    docker.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    assert docker.steps() == ["scale deployment/credit/blue"]
    docker.apply()
    assert kept.name in {container.name for container in docker.containers("blue")}
    assert len(docker.containers("blue")) == 3


def test_destroy_leaves_nothing_of_the_project(docker: OnEngine):
    docker.apply()
    assert all(docker.things().values())
    assert processes_of(docker.folder)
    docker.mlops("destroy", "--auto-approve")
    assert docker.things() == NOTHING
    assert processes_of(docker.folder) == []


def _shown(repo: OnEngine, *words: str) -> str:
    *command, query = words
    return repo.mlops(*command, "--query", query, "-o", "tsv").out.strip()


def _answer(connection: http.client.HTTPConnection, path: str, key: str) -> tuple[int, str]:
    connection.request("POST", path, b"{}", {"authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
