"""What changed behind git's back: `mlops drift` shows it, the next `mlops apply` mends it."""

import shutil

import pytest
from command_line import Repository


def route_elsewhere(repo: Repository) -> None:
    repo.behind_our_back("endpoint/credit", traffic={"blue": 30})


def test_nothing_drifted_is_no_exit_code(applied: Repository):
    assert applied.mlops("drift", "--detailed-exitcode", code=0).out == (
        "No drift. 4 resources are as recorded (target dev).\n"
    )


def test_drift_shows_the_recorded_and_the_live_value(applied: Repository):
    route_elsewhere(applied)
    assert applied.mlops("drift").out == (
        "  ~ endpoint/credit: changed\n"
        "      traffic.blue: recorded 100, live 30\n"
        "\n"
        "Drift: 1 of 4 recorded resources (target dev).\n"
        "`mlops plan` shows how apply mends it.\n"
    )


def test_drift_is_exit_code_2_when_asked_for(applied: Repository):
    route_elsewhere(applied)
    applied.mlops("drift", "--detailed-exitcode", code=2)


def test_drift_in_json_names_class_and_fields(applied: Repository):
    route_elsewhere(applied)
    found = applied.mlops("drift", "--format", "json").json
    assert (found["drift"], found["resources"]) == (
        True,
        [
            {
                "address": "endpoint/credit",
                "class": "changed",
                "note": "",
                "fields": [{"path": "traffic.blue", "recorded": 100, "live": 30}],
            }
        ],
    )


def test_drift_in_markdown_is_a_table(applied: Repository):
    route_elsewhere(applied)
    out = applied.mlops("drift", "--format", "markdown").out
    assert "| `endpoint/credit` | changed | `traffic.blue` | `100 -> 30` |" in out


def test_a_plan_mends_what_drifted_and_says_so(applied: Repository):
    route_elsewhere(applied)
    planned = applied.mlops("plan")
    assert "#1 ~ route endpoint/credit (traffic changed)" in planned.out
    assert "Live is not as recorded: endpoint/credit; `mlops drift` tells more." in planned.err


def test_an_apply_mends_what_drifted(applied: Repository):
    route_elsewhere(applied)
    applied.apply()
    assert applied.live()["endpoint/credit"]["traffic"] == {"blue": 100}
    applied.mlops("drift", "--detailed-exitcode", code=0)


def test_without_refresh_the_record_is_believed(applied: Repository):
    route_elsewhere(applied)
    assert applied.steps("--no-refresh") == []


def test_a_refresh_only_plan_is_the_drift(applied: Repository):
    route_elsewhere(applied)
    assert "recorded 100, live 30" in applied.mlops("plan", "--refresh-only", "--detailed-exitcode", code=2).out


def test_a_refresh_only_plan_without_cache_keeps_nothing(applied: Repository):
    shutil.rmtree(applied.folder / ".mlops" / "cache")
    assert applied.mlops("plan", "--refresh-only", "--no-cache").out.startswith("No drift.")
    assert not [*applied.folder.glob(".mlops/cache/*.db")]


def test_a_refresh_only_apply_records_the_live_side_and_leaves_it(applied: Repository):
    route_elsewhere(applied)
    applied.mlops("apply", "--refresh-only")
    assert applied.live()["endpoint/credit"]["traffic"] == {"blue": 30}
    applied.mlops("drift", "--detailed-exitcode", code=0)


def test_a_missing_object_is_drift(applied: Repository):
    applied.behind_our_back("deployment/credit/blue")
    assert "- deployment/credit/blue: missing" in applied.mlops("drift", "--detailed-exitcode", code=2).out


def test_a_missing_object_is_created_again(applied: Repository):
    applied.behind_our_back("deployment/credit/blue")
    applied.apply()
    assert "deployment/credit/blue" in applied.live()
    assert applied.steps() == []


@pytest.mark.parametrize(("said", "traffic"), [("", {"blue": 40}), ("traffic: {}\n", {})])
def test_an_endpoint_that_says_nothing_of_traffic_leaves_it_to_others(
    applied: Repository, said: str, traffic: dict[str, int]
):
    applied.edit("manifests/endpoint.yml", "traffic:\n  blue: 100\n", said)
    applied.apply()
    applied.behind_our_back("endpoint/credit", traffic={"blue": 40})
    applied.apply()
    assert applied.live()["endpoint/credit"]["traffic"] == traffic


def test_status_counts_what_is_recorded_and_live(applied: Repository):
    assert "target dev (memory): 4 resources recorded" in applied.mlops("status").out


def test_a_step_that_fails_does_not_record_what_is_amiss(applied: Repository):
    applied.behind_our_back("deployment/credit/blue", instance_count=0, lost_instances=2)
    assert applied.steps() == ["scale deployment/credit/blue"]
    assert "lost_instances: 2" in applied.mlops("drift").out
    applied.apply()
    assert applied.steps() == []
    assert "No drift" in applied.mlops("drift").out


def test_traffic_that_nobody_claims_keeps_its_deployment_also_where_a_plan_does_not_look(applied):
    applied.edit("manifests/endpoint.yml", "traffic:\n  blue: 100\n", "")
    applied.apply()
    (applied.folder / "manifests" / "blue.yml").unlink()
    said = applied.mlops("apply", "--no-refresh", "--auto-approve", code=4).err
    assert "E-DELETE-TRAFFIC: blue has 100 % of traffic" in said
