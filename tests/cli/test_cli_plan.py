"""`mlops plan`: what it shows, in which form, with which exit code; and `apply` as far as it follows the plan."""

from pathlib import Path

import pytest
from command_line import Repository, model

ALL = [
    "create environment/sklearn:1",
    "create model/risk:1",
    "create endpoint/credit",
    "create deployment/credit/blue",
    "route endpoint/credit",
]


def lines_of(text: str) -> list[str]:
    """The lines of a plan, their columns one space apart."""
    return [" ".join(line.split()) for line in text.splitlines()]


def change_count_and_model(repo: Repository) -> None:
    repo.write("manifests/risk-2.yml", model(2))
    repo.write("manifests/weights-2.txt", "2\n")
    repo.edit("manifests/blue.yml", "risk:1", "risk:2")
    repo.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")


def test_a_first_plan_creates_everything_in_the_order_of_need(repo: Repository):
    assert repo.steps() == ALL


@pytest.mark.parametrize(
    "line",
    [
        "#2 + create model/risk:1 (new)",
        "#4 + create deployment/credit/blue (new, after #1 #2 #3)",
        "#5 ~ route endpoint/credit (traffic changed, after #3 #4)",
        "code_configuration.scoring_script score.py [manifests/blue.yml:8]",
        "traffic.blue (none) -> 100 [manifests/endpoint.yml:5]",
        "Plan: 4 to create, 1 to route; 0 unchanged (target dev).",
    ],
)
def test_a_line_of_the_plan_says_symbol_reason_needs_and_place(first_plan: str, line: str):
    assert line in lines_of(first_plan)


@pytest.fixture(scope="module")
def first_plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    return Repository(tmp_path_factory.mktemp("plan") / "repo").mlops("plan").out


def test_a_plan_writes_nothing_but_the_record_s_own_folder(repo: Repository):
    before = {path for path in repo.folder.rglob("*") if ".mlops" not in path.parts}
    repo.mlops("plan")
    assert {path for path in repo.folder.rglob("*") if ".mlops" not in path.parts} == before


def test_the_json_of_a_plan_has_the_promised_fields(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    assert applied.mlops("plan", "--format", "json").json["steps"] == [
        {
            "id": 1,
            "key": "scale deployment/credit/blue",
            "action": "scale",
            "address": "deployment/credit/blue",
            "reason": "instance_count changed",
            "fields": [
                {
                    "path": "instance_count",
                    "before": 1,
                    "after": 3,
                    "source": {"file": "manifests/blue.yml", "line": 10},
                    "blame": None,
                }
            ],
            "needs": [],
        }
    ]


def test_the_same_inputs_give_the_same_bytes(applied: Repository):
    change_count_and_model(applied)
    first = applied.mlops("plan", "--format", "json", "--out", "first.plan").out
    assert applied.mlops("plan", "--format", "json", "--out", "second.plan").out == first
    assert applied.read("second.plan") == applied.read("first.plan")


def test_the_markdown_of_a_plan_is_a_table_of_steps(repo: Repository):
    assert (
        "| 4 | `+` | create | `deployment/credit/blue` | new | 1, 2, 3 |"
        in repo.mlops("plan", "--format", "markdown").out
    )


def test_changes_are_an_exit_code_only_when_asked_for(repo: Repository):
    repo.mlops("plan", code=0)
    repo.mlops("plan", "--detailed-exitcode", code=2)


def test_a_plan_after_an_apply_is_empty(applied: Repository):
    planned = applied.mlops("plan", "--detailed-exitcode", code=0)
    assert planned.out == "No changes. 4 resources are as the manifests say (target dev).\n"


def test_an_apply_after_an_apply_does_nothing(applied: Repository):
    before = applied.read("live.jsonl")
    assert applied.apply().out.startswith("No changes.")
    assert applied.read("live.jsonl") == before


def test_a_count_and_a_model_in_one_edit_are_planned_as_scale_then_roll_out(applied: Repository):
    change_count_and_model(applied)
    assert [line for line in lines_of(applied.mlops("plan").out) if line and not line.startswith("path.")] == [
        "#1 + create model/risk:2 (new)",
        "#2 ~ scale deployment/credit/blue (instance_count changed, after #1)",
        "instance_count 1 -> 3 [manifests/blue.yml:10]",
        "#3 ~ roll_out deployment/credit/blue (model changed, after #1 #2)",
        "model azureml:risk:1 -> azureml:risk:2 [manifests/blue.yml:4]",
        "Plan: 1 to create, 1 to scale, 1 to roll out; 3 unchanged (target dev).",
    ]


def test_a_count_and_a_model_in_one_edit_are_scale_then_roll_out_in_json(applied: Repository):
    change_count_and_model(applied)
    assert applied.steps() == [
        "create model/risk:2",
        "scale deployment/credit/blue",
        "roll_out deployment/credit/blue",
    ]


def test_a_count_and_a_model_in_one_edit_are_done_as_scale_then_roll_out(applied: Repository):
    change_count_and_model(applied)
    lines = applied.apply().out.splitlines()
    assert [line.partition(":")[0] for line in lines if "done in" in line and "/blue" in line] == [
        "#2 scale deployment/credit/blue",
        "#3 roll_out deployment/credit/blue",
    ]


def test_an_apply_in_json_is_one_value_with_the_outcome_of_every_step(repo: Repository):
    outcomes = repo.apply("--format", "json").json["outcomes"]
    assert [(f"{each['action']} {each['address']}", each["result"]) for each in outcomes] == [
        (step, "succeeded") for step in ALL
    ]


def test_only_confines_the_plan_to_an_address_and_what_it_needs(repo: Repository):
    repo.write("manifests/green.yml", repo.read("manifests/blue.yml").replace("blue", "green"))
    assert repo.steps("--only", "deployment/credit/green") == [
        "create environment/sklearn:1",
        "create model/risk:1",
        "create endpoint/credit",
        "create deployment/credit/green",
    ]


def test_only_routes_nothing_to_a_deployment_that_it_leaves_out(repo: Repository):
    assert repo.steps("--only", "endpoint/credit") == ["create endpoint/credit"]
    repo.apply("--only", "endpoint/credit")
    assert "route endpoint/credit" in repo.steps()


def test_only_counts_what_it_leaves_out_as_no_more_unchanged_than_it_is(repo: Repository):
    assert "; 0 unchanged" in repo.mlops("plan", "--only", "model/risk:1").out


def test_only_leaves_other_changes_for_later(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    applied.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: key\ndescription: scores")
    assert applied.steps("--only", "endpoint/credit") == ["update endpoint/credit"]


def test_set_gives_a_field_another_value(applied: Repository):
    assert applied.steps("--set", "deployment/credit/blue.instance_count=3") == ["scale deployment/credit/blue"]


def test_var_replaces_a_name_in_the_files(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: {{COUNT}}")
    planned = applied.mlops("plan", "--var", "COUNT=4")
    assert "instance_count 1 -> 4 [manifests/blue.yml:10]" in lines_of(planned.out)


def test_a_revision_is_planned_as_it_was(applied: Repository):
    applied.git("init", "--quiet")
    applied.git("add", "manifests")
    applied.git("commit", "--quiet", "--message", "one instance")
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 2")
    assert applied.steps("HEAD:manifests") == []
    assert applied.steps() == ["scale deployment/credit/blue"]


def test_a_single_file_deletes_nothing(applied: Repository):
    applied.edit("manifests/endpoint.yml", "auth_mode: key", "auth_mode: key\ndescription: scores")
    assert applied.steps("manifests/endpoint.yml") == ["update endpoint/credit"]


def test_a_target_s_variables_and_overrides_count(repo: Repository):
    repo.edit("manifests/blue.yml", "Standard_DS3_v2", "{{SIZE}}")
    repo.edit(
        "mlops.yaml",
        "default: true}",
        "default: true, variables: {SIZE: Standard_DS2_v2}, overrides: {deployment/credit/blue: {instance_count: 3}}}",
    )
    repo.apply()
    blue = repo.live()["deployment/credit/blue"]
    assert (blue["instance_type"], blue["instance_count"]) == ("Standard_DS2_v2", 3)


def test_an_override_is_shown_with_its_place_in_mlops_yaml(applied: Repository):
    applied.edit(
        "mlops.yaml", "default: true}", "default: true, overrides: {deployment/credit/blue: {instance_count: 3}}}"
    )
    assert "instance_count 1 -> 3 [mlops.yaml:3]" in lines_of(applied.mlops("plan").out)


def test_the_command_works_from_a_folder_below_the_repository_s_root(applied: Repository):
    assert applied.mlops("plan", below="manifests/src").out.startswith("No changes.")


def test_a_subfolder_plans_the_same_and_shows_places_from_where_one_stands(applied: Repository):
    applied.edit("manifests/blue.yml", "instance_count: 1", "instance_count: 3")
    assert "[../blue.yml:" in applied.mlops("plan", below="manifests/src").out


def test_without_mlops_yaml_and_git_a_subfolder_shares_the_record_above_it(tmp_path: Path):
    repo = Repository(tmp_path / "repo", "targets: {local: {provider: memory, file: live.jsonl}}\n")
    repo.apply()
    repo.remove("mlops.yaml")
    assert "4 resources recorded" in repo.mlops("status", below="manifests/src").out
