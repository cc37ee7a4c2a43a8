"""What `mlops` refuses to do, with which exit code; whatever is refused changes nothing."""

import shutil

import pytest
from command_line import Repository

REFUSED = 4
PROTECTED = "default: true, protect: [deployment/credit/blue]}"


def drop_models(repo: Repository, count: int) -> None:
    """Apply so many more models, then remove their files."""
    names = [f"manifests/more-{number}.yml" for number in range(count)]
    for number, name in enumerate(names):
        repo.write(name, repo.read("manifests/risk-1.yml").replace("risk", f"more-{number}"))
    repo.apply()
    for name in names:
        repo.remove(name)


def drop_blue(repo: Repository) -> None:
    repo.remove("manifests/blue.yml")
    repo.edit("manifests/endpoint.yml", "blue: 100", "blue: 0")
    repo.edit("manifests/endpoint.yml", "traffic:\n  blue: 0\n", "traffic: {}\n")


def test_what_the_manifests_no_longer_hold_is_deleted_traffic_first(applied: Repository):
    drop_blue(applied)
    assert applied.steps() == ["route endpoint/credit", "delete deployment/credit/blue"]


def test_more_deletions_than_the_budget_are_refused(applied: Repository):
    drop_models(applied, 6)
    said = applied.apply(code=REFUSED).err
    assert said.startswith("mlops: E-DELETE-BUDGET: 6 resources would be deleted, 5 may be: model/more-0:1, ")
    assert "say --max-delete 6" in said


def test_the_plan_that_is_refused_is_shown_to_people_alone(applied: Repository):
    drop_blue(applied)
    shown = applied.mlops("plan", "--max-delete", "0", code=REFUSED).out
    assert "- delete deployment/credit/blue (no longer defined" in shown
    assert shown == applied.apply("--max-delete", "0", code=REFUSED).out
    assert applied.mlops("plan", "--max-delete", "0", "--format", "json", code=REFUSED).out == ""


def test_deletions_are_done_within_a_budget_that_was_given(applied: Repository):
    drop_models(applied, 6)
    applied.apply("--max-delete", "6")
    assert applied.steps() == []


def test_a_smaller_budget_counts(applied: Repository):
    drop_blue(applied)
    applied.mlops("plan", "--max-delete", "0", code=REFUSED)


def test_an_empty_folder_is_refused(applied: Repository):
    shutil.rmtree(applied.folder / "manifests")
    (applied.folder / "manifests").mkdir()
    assert "E-EMPTY: nothing is defined in manifests" in applied.apply(code=REFUSED).err


def test_a_refused_plan_says_of_no_target_that_there_is_nothing_to_do(repo: Repository):
    (repo.folder / "empty").mkdir()
    report = repo.folder / "plan.md"
    refused = repo.mlops("plan", "empty", "--report", f"markdown={report}", code=REFUSED)
    assert refused.out == "Plan refused: it has no steps (target dev).\n"
    assert "E-EMPTY" in refused.err
    assert "What was refused" not in report.read_text()


def test_a_refused_plan_with_steps_says_so_below_them(applied: Repository):
    drop_blue(applied)
    shown = applied.mlops("plan", "--max-delete", "0", code=REFUSED).out
    assert shown.endswith("\n\nPlan refused: 1 to route, 1 to delete (target dev).\n")


def test_an_empty_folder_deletes_everything_when_that_is_said(applied: Repository):
    shutil.rmtree(applied.folder / "manifests")
    (applied.folder / "manifests").mkdir()
    applied.apply("--allow-empty")
    assert applied.live() == {}


def test_a_protected_address_is_not_deleted(applied: Repository):
    drop_blue(applied)
    applied.edit("mlops.yaml", "default: true}", PROTECTED)
    said = applied.apply(code=REFUSED).err
    assert "E-PROTECTED: deployment/credit/blue is protected and would be deleted" in said
    assert "deployment/credit/blue" in applied.live()


def test_a_protected_address_outlives_destroy(applied: Repository):
    applied.edit("mlops.yaml", "default: true}", PROTECTED)
    applied.mlops("destroy", "--auto-approve", code=REFUSED)
    assert len(applied.live()) == 4


def test_a_deployment_with_traffic_that_nobody_manages_is_not_deleted(applied: Repository):
    applied.remove("manifests/blue.yml")
    applied.edit("manifests/endpoint.yml", "traffic:\n  blue: 100\n", "")
    assert "E-DELETE-TRAFFIC: blue has 100 % of traffic" in applied.mlops("plan", code=REFUSED).err


def test_destroy_deletes_everything_that_is_recorded(applied: Repository):
    applied.mlops("destroy", "--auto-approve")
    assert applied.live() == {}


def test_destroy_deletes_the_traffic_first_and_the_endpoint_last(applied: Repository):
    out = applied.mlops("destroy", "--auto-approve").out
    order = [line.split(":")[0].split()[1:] for line in out.splitlines() if "done in" in line and "credit" in line]
    assert order == [["route", "endpoint/credit"], ["delete", "deployment/credit/blue"], ["delete", "endpoint/credit"]]


def test_a_destroyed_target_is_planned_anew(applied: Repository):
    applied.mlops("destroy", "--auto-approve")
    assert "create endpoint/credit" in applied.steps()


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_nothing_is_done_when_there_is_nobody_to_ask(applied: Repository, command: str):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    before = applied.live()
    assert "say --auto-approve if you mean it" in applied.mlops(command, code=REFUSED).err
    assert applied.live() == before


def test_a_quota_that_does_not_suffice_is_refused_with_its_numbers(applied: Repository):
    applied.edit("mlops.yaml", "default: true}", "default: true, quota: {dsv2: 12}}")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    said = applied.apply(code=REFUSED).err
    assert "E-QUOTA: 3 x Standard_DS3_v2 needs 16 cores (with the 20 % reserve); 12 of 12 free at step #1 scale" in said


def test_a_quota_that_suffices_is_no_hindrance(applied: Repository):
    applied.edit("mlops.yaml", "default: true}", "default: true, quota: {dsv2: 16}}")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    applied.apply()


def test_other_content_under_a_registered_version_is_refused(applied: Repository):
    applied.write("manifests/weights-1.txt", "other\n")
    assert "raise the version" in applied.mlops("plan", code=1).err


def test_an_object_of_another_state_is_not_taken_over(applied: Repository):
    shutil.rmtree(applied.folder / ".mlops")
    said = applied.apply(code=REFUSED).err
    assert "E-FOREIGN: endpoint/credit exists already and was not made by this state" in said
