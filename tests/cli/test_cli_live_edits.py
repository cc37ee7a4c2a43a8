"""F17 to F21: what a platform has too little of, and what somebody changed, deleted or made behind git's back."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Repository
from on_engine import OnEngine

from tests.faults.plugin import plugged, settings

REFUSED, FAILED = 4, 5
BLUE, CREDIT = "deployment/credit/blue", "endpoint/credit"
WITH_PASSWORD = "environment_variables:\n  PASSWORD: hunter2\n"


def assert_settled(repo: Repository) -> None:
    """Nothing is to do, and the record equals what is live."""
    assert repo.mlops("plan", "--detailed-exitcode").out.startswith("No changes.")
    assert repo.mlops("drift", "--detailed-exitcode").out.startswith("No drift.")


def lose_the_state(repo: Repository) -> None:
    for file in (repo.folder / ".mlops").glob("state.*"):
        file.unlink()


def test_f17_ten_instances_with_eleven_free_are_refused_by_the_plan_with_numbers(applied: Repository):
    applied.edit("mlops.yaml", "default: true}", "default: true, quota: {DSv2: 11}}")
    applied.edit("manifests/blue.yml", "Standard_DS3_v2", "Standard_DS1_v2")
    applied.edit("manifests/endpoint.yml", "traffic:\n  blue: 100\n", "traffic: {}\n")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 10")
    before = applied.live()
    for words in (("plan",), ("apply", "--auto-approve")):
        said = applied.mlops(*words, code=REFUSED).err
        assert "E-QUOTA: 10 x Standard_DS1_v2 needs 12 cores (with the 20 % reserve); 11 of 11 free at step #" in said
        assert applied.live() == before
    applied.edit("mlops.yaml", "DSv2: 11", "DSv2: 12")
    applied.apply()
    assert_settled(applied)


def test_f18_a_quota_that_vanished_after_the_plan_fails_before_any_code_is_changed(tmp_path: Path):
    plugin = plugged(tmp_path / "site")
    repo = Repository(tmp_path / "repo", settings({}))
    repo.mlops("apply", "--auto-approve", **plugin)
    repo.write("manifests/risk-2.yml", repo.read("manifests/risk-1.yml").replace("1", "2"))
    repo.write("manifests/weights-2.txt", "2\n")
    repo.edit("manifests/blue.yml", "risk:1", "risk:2")
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    repo.mlops("plan", "--out", "p.json", **plugin)
    repo.write("mlops.yaml", settings({f"scale {BLUE}": ["quota"]}))
    ran = repo.mlops("apply", "--plan", "p.json", code=FAILED, **plugin)
    assert f"#2 scale {BLUE}: failed: quota exceeded: 4 cores asked, 0 free" in ran.out
    assert f"#3 roll_out {BLUE}: skipped: needs #2, which failed" in ran.out
    assert (repo.live()[BLUE]["model"], repo.live()[BLUE]["instance_count"]) == ("azureml:risk:1", 1)
    repo.write("mlops.yaml", settings({}))
    steps = [step["action"] for step in repo.mlops("plan", "--format", "json", **plugin).json["steps"]]
    assert steps == ["scale", "roll_out"]
    repo.mlops("apply", "--auto-approve", **plugin)
    assert repo.live()[BLUE]["model"] == "azureml:risk:2"
    assert repo.mlops("plan", **plugin).out.startswith("No changes.")


def test_f19_an_object_that_was_deleted_behind_our_back_is_missing_and_made_again(applied: Repository):
    before = applied.live()
    applied.behind_our_back(BLUE)
    assert f"  - {BLUE}: missing\n" in applied.mlops("drift", "--detailed-exitcode", code=2).out
    assert applied.steps() == [f"create {BLUE}"]
    applied.apply()
    assert applied.live() == before
    assert_settled(applied)


def test_f19_everything_that_was_deleted_behind_our_back_is_made_again(applied: Repository):
    before = applied.live()
    for address in before:
        applied.behind_our_back(address)
    applied.apply()
    assert applied.live() == before
    assert_settled(applied)


@pytest.mark.parametrize(
    ("address", "fields", "told", "steps"),
    [
        (CREDIT, {"traffic": {"blue": 30}}, "traffic.blue: recorded 100, live 30", ["route"]),
        (BLUE, {"instance_count": 7}, "instance_count: recorded 1, live 7", ["scale"]),
        (BLUE, {"model": "azureml:risk:9"}, 'model: recorded "azureml:risk:1", live "azureml:risk:9"', ["roll_out"]),
        (BLUE, {"environment": "azureml:other:1"}, 'environment: recorded "azureml:sklearn:1"', ["roll_out"]),
    ],
)
def test_f20_what_was_changed_behind_our_back_shows_with_both_values_and_is_put_right(
    applied: Repository, address: str, fields: dict[str, Any], told: str, steps: list[str]
):
    before = applied.live()
    applied.behind_our_back(address, **fields)
    assert told.replace('"', "") in applied.mlops("drift", "--detailed-exitcode", code=2).out.replace('"', "")
    assert applied.steps() == [f"{action} {address}" for action in steps]
    applied.apply()
    assert applied.live() == before
    assert_settled(applied)


@pytest.fixture
def foreign(applied: Repository) -> Repository:
    """Nothing is applied, but somebody made an endpoint of our name by hand: it has no mark of any state."""
    lines = [json.loads(line) for line in applied.read("live.jsonl").splitlines()]
    (made,) = (line for line in lines if line["address"] == CREDIT)
    made |= {"fence": 0, "lineage": "", "generation": 0, "operation": ""}
    made["spec"] |= {"description": "by hand", "traffic": {}}
    applied.write("live.jsonl", json.dumps(made) + "\n")
    lose_the_state(applied)
    return applied


def test_f21_a_foreign_object_with_our_name_is_refused_and_its_import_offered(foreign: Repository):
    before = foreign.live()
    for words in (("plan",), ("apply", "--auto-approve")):
        said = foreign.mlops(*words, code=REFUSED).err
        assert f"E-FOREIGN: {CREDIT} exists already and was not made by this state" in said
        assert f"take it over with `mlops import {CREDIT}`" in said
    told = foreign.mlops("drift").out
    assert f"? {CREDIT}: unmanaged (not made by this state)" in told
    assert "`mlops import` takes over the rest" in told
    assert foreign.live() == before


def test_f21_a_foreign_object_is_never_deleted(foreign: Repository):
    foreign.remove("manifests/endpoint.yml")
    foreign.remove("manifests/blue.yml")
    foreign.apply()
    foreign.mlops("destroy", "--auto-approve")
    assert list(foreign.live()) == [CREDIT]


def test_f21_an_imported_object_is_this_states_and_what_differs_is_planned(foreign: Repository):
    ran = foreign.mlops("import", CREDIT, "--auto-approve")
    assert f"  + {CREDIT}: of no state, generation 0, Succeeded\n" in ran.out
    assert f"Imported {CREDIT}; `mlops plan` tells what differs." in ran.out
    planned = foreign.mlops("plan").out
    assert f"update {CREDIT} (description changed" in planned
    assert f"create {CREDIT}" not in planned
    foreign.apply()
    assert_settled(foreign)
    last = foreign.mlops("status", "--format", "json").json["last_run"]
    assert (last["command"], last["outcome"]) == ("apply", "succeeded")


def test_f21_all_objects_of_a_lost_state_can_be_imported_and_the_next_plan_is_empty(applied: Repository):
    before = applied.live()
    lose_the_state(applied)
    applied.mlops("plan", code=REFUSED)
    applied.mlops("import", *before, "--auto-approve")
    assert applied.live() == before
    assert_settled(applied)


def test_an_import_asks_and_without_a_terminal_refuses(foreign: Repository):
    before = foreign.read("live.jsonl")
    assert "say --auto-approve if you mean it" in foreign.mlops("import", CREDIT, code=REFUSED).err
    assert foreign.read("live.jsonl") == before
    assert foreign.mlops("status", "--format", "json").json["recorded"] == 0


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("endpoint/other", "endpoint/other is not live on target dev; `mlops drift` lists what is"),
        (CREDIT, f"{CREDIT} is this state's already, and recorded"),
    ],
)
def test_an_import_of_what_cannot_be_imported_is_refused(applied: Repository, address: str, told: str):
    assert told in applied.mlops("import", address, "--auto-approve", code=REFUSED).err


def test_an_import_of_what_is_no_address_says_how_to_write_one(repo: Repository):
    assert "is not an address; write endpoint/NAME" in repo.mlops("import", "credit", "--auto-approve", code=1).err


def test_f21_what_serves_goes_on_while_it_is_imported(local: Repository):
    local.edit("manifests/blue.yml", "name: blue\n", f"name: blue\n{WITH_PASSWORD}")
    local.apply()
    ask = ("show", BLUE, "--query", "instances[0].pid")
    pid, addresses = local.mlops(*ask).out, ["model/risk:1", "environment/sklearn:1", CREDIT, BLUE]
    lose_the_state(local)
    assert f"mlops import {CREDIT}" in local.apply(code=REFUSED).err
    local.mlops("import", *addresses, "--auto-approve")
    assert_settled(local)
    assert local.mlops(*ask).out == pid
    assert local.mlops("invoke", "credit").out == '"blue"\n'


def test_f21_containers_go_on_while_their_project_is_imported(docker: OnEngine):
    docker.edit("manifests/blue.yml", "name: blue\n", f"name: blue\n{WITH_PASSWORD}")
    docker.apply()
    serving = [container.id for container in docker.containers("blue")]
    lose_the_state(docker)
    assert f"mlops import {BLUE}" in docker.apply(code=REFUSED).err
    docker.mlops("import", "model/risk:1", "environment/sklearn:1", CREDIT, BLUE, "--auto-approve")
    assert_settled(docker)
    assert [container.id for container in docker.containers("blue")] == serving
    docker.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    docker.apply()
    assert_settled(docker)
    assert set(serving) < {container.id for container in docker.containers("blue")}
    assert docker.mlops("invoke", "credit").out == '"blue"\n'
