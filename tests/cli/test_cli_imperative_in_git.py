"""An imperative change beside the folder that is in git: a run like any other, which the next plan tells."""

import pytest
from command_line import Repository

UPDATE = ("online-deployment", "update", "-n", "blue", "-e", "credit", "--set", "instance_count=3", "tags.by=ana")


@pytest.fixture
def updated(applied: Repository) -> Repository:
    """The files of git are in force but for what a command changed of blue."""
    applied.mlops(*UPDATE)
    return applied


def test_the_plan_of_the_folder_shows_the_way_back(updated: Repository):
    assert updated.live()["deployment/credit/blue"]["instance_count"] == 3
    planned = updated.mlops("plan", "--detailed-exitcode", code=2).out
    assert "#1 ~ scale deployment/credit/blue (instance_count changed)" in planned
    assert "instance_count  3 -> 1   [manifests/blue.yml:" in planned
    assert "tags.by  ana -> (none)" in planned
    updated.apply()
    assert updated.live()["deployment/credit/blue"]["instance_count"] == 1
    assert updated.steps() == []


def test_nothing_went_on_behind_the_records_back(updated: Repository):
    updated.mlops("drift", "--detailed-exitcode", code=0)


def test_the_history_tells_the_command_with_its_steps_and_fields(updated: Repository):
    run = updated.mlops("history", "--format", "json").json["runs"][0]
    assert (run["command"], run["outcome"], run["steps"]) == ("mlops online-deployment update", "succeeded", 2)
    operations = updated.mlops("history", "show", "last", "--format", "json").json["operations"]
    assert [field for operation in operations for field in operation["fields"]] == [
        {"path": "instance_count", "before": 1, "after": 3},
        {"path": "tags.by", "before": None, "after": "ana"},
    ]


def test_a_rollback_undoes_it(updated: Repository):
    updated.mlops("rollback", "--auto-approve")
    assert updated.live()["deployment/credit/blue"]["instance_count"] == 1
    assert updated.steps() == []


def test_what_is_made_beside_the_folder_is_taken_away_by_it(applied: Repository):
    applied.mlops("online-endpoint", "create", "-n", "trial")
    assert applied.steps() == ["delete endpoint/trial"]
