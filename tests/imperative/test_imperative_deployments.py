"""What `online-deployment create`, `update` and `delete` do to a target."""

from dataclasses import replace
from pathlib import Path

import pytest
from deployment_world import BLUE, ENDPOINT, Failing, created, lay_out, make_endpoint, of_file, spec, updated

from reconciler.core.amendment import Amendment
from reconciler.core.plan import Result
from reconciler.errors import ManifestError, MlopsError, RefusedError
from reconciler.imperative import assets, deployments, endpoints
from reconciler.imperative.assets import Given
from reconciler.imperative.deleting import is_there
from reconciler.imperative.viewing import deployment_shown
from reconciler.pipeline import Manner, drift
from reconciler.record.tickets import Aim
from reconciler.workspace import Workspace, open_workspace


def traffic(workspace: Workspace) -> dict[str, int]:
    return dict(spec(workspace, ENDPOINT).get("traffic") or {})


def test_a_deployment_needs_its_endpoint_and_the_message_says_how_to_make_it(bare: Workspace):
    with pytest.raises(ManifestError, match="make it: mlops online-endpoint create --name credit"):
        created(bare)
    with pytest.raises(MlopsError, match="make it first: mlops online-endpoint create --name credit"):
        created(bare, all_traffic=True)


def test_creating_what_is_there_updates_it_and_the_second_time_nothing_is_done(workspace: Workspace):
    assert created(workspace) == ["create deployment/credit/blue"]
    assert created(workspace, "tags.team=fraud") == ["roll_out deployment/credit/blue"]
    assert created(workspace, "tags.team=fraud") == []


def test_names_of_the_command_win_over_the_file_and_their_case_means_nothing(workspace: Workspace):
    address, applied = deployments.create(workspace, of_file(name="Green"), Manner(), all_traffic=True)
    assert (str(address), applied.succeeded) == ("deployment/credit/green", True)
    assert traffic(workspace) == {"green": 100}


def test_all_traffic_moves_once_the_deployment_is_there_in_one_plan(workspace: Workspace):
    assert created(workspace, all_traffic=True) == ["create deployment/credit/blue", "route endpoint/credit"]
    assert created(workspace, name="green", all_traffic=True) == [
        "create deployment/credit/green",
        "route endpoint/credit",
    ]
    assert traffic(workspace) == {"green": 100}
    assert created(workspace, name="green", all_traffic=True) == []


def test_a_deployment_that_fails_leaves_the_traffic_as_it_was(workspace: Workspace):
    created(workspace, all_traffic=True)
    failing = Failing()
    failing._objects = workspace.provider._objects  # type: ignore[attr-defined]
    _, applied = deployments.create(
        replace(workspace, provider=failing), of_file(name="green"), Manner(), all_traffic=True
    )
    assert [outcome.result for outcome in applied.outcomes] == [Result.FAILED, Result.SKIPPED]
    assert traffic(workspace) == {"blue": 100}


def test_all_traffic_goes_by_the_rollout_policy_of_the_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    policy = "{endpoint/credit: {rollout: {steps: [10, 100], pause: 5m}}}"
    lay_out(tmp_path, f"targets:\n  dev: {{provider: memory, default: true, policies: {policy}}}\n")
    monkeypatch.chdir(tmp_path)
    with open_workspace(None) as opened:
        make_endpoint(opened)
        created(opened, all_traffic=True)
        _, applied = deployments.create(opened, of_file(name="green"), Manner(), all_traffic=True)
        assert applied.planned.plan.steps[-1].reason == "traffic changed; by rollout 10, 100 % with 5m between"


def test_a_file_of_two_deployments_is_refused(workspace: Workspace):
    text = Path("blue.yml").read_text()
    Path("blue.yml").write_text(f"{text}---\n{text.replace('blue', 'green')}")
    with pytest.raises(MlopsError, match=r"blue\.yml holds 2 resources, and the command takes one"):
        created(workspace)


def test_a_file_without_names_is_told_of_and_all_traffic_as_well(workspace: Workspace):
    Path("blue.yml").write_text(Path("blue.yml").read_text().replace("endpoint_name: credit\n", ""))
    with pytest.raises(ManifestError, match="endpoint_name is missing"):
        created(workspace, all_traffic=True)


def test_another_number_of_instances_is_a_scale_alone(workspace: Workspace):
    created(workspace)
    assert updated(workspace, "instance_count=3") == ["scale deployment/credit/blue"]
    assert updated(workspace, "instance_count=3") == []


def test_several_fields_are_ordered_by_the_engine_scale_first(workspace: Workspace):
    created(workspace)
    assert updated(workspace, "app_insights_enabled=true", "instance_count=2") == [
        "scale deployment/credit/blue",
        "roll_out deployment/credit/blue",
    ]


def test_what_the_azure_tools_cannot_take_back_is_taken_back(workspace: Workspace):
    created(workspace, "app_insights_enabled=true", "readiness_probe.initial_delay=99")
    removes = ["tags.team environment_variables.LEVEL", "readiness_probe"]
    updated(workspace, "app_insights_enabled=false", "request_settings.max_queue_wait_ms=0", removes=removes)
    after = spec(workspace)
    assert (after["tags"], after["environment_variables"], after["app_insights_enabled"]) == ({}, {}, False)
    assert (after["readiness_probe"]["initial_delay"], after["request_settings"]["max_queue_wait_ms"]) == (10, 0)


def test_a_variable_that_is_set_leaves_the_others_of_which_only_digests_are_known(workspace: Workspace):
    created(workspace)
    before = spec(workspace)["environment_variables"]["LEVEL"]
    assert before.value is None
    updated(workspace, "environment_variables.OTHER=1")
    assert spec(workspace)["environment_variables"].keys() == {"LEVEL", "OTHER"}
    assert spec(workspace)["environment_variables"]["LEVEL"] == before


def test_a_file_is_what_is_wanted_and_what_it_leaves_out_is_its_default(workspace: Workspace):
    created(workspace, "app_insights_enabled=true", "tags.other=x", "instance_count=2")
    _, applied = deployments.update(workspace, of_file(), Manner())
    assert applied.succeeded
    after = spec(workspace)
    assert (after["app_insights_enabled"], after["tags"], after["instance_count"]) == (False, {"team": "risk"}, 1)


def test_what_is_not_there_is_not_updated(workspace: Workspace):
    with pytest.raises(MlopsError, match="create --name green --endpoint-name credit"):
        updated(workspace, "instance_count=2", name="green")
    with pytest.raises(MlopsError, match="deployment/credit/blue is not there"):
        deployments.update(workspace, of_file(), Manner())
    assert workspace.provider.observe(BLUE) is None


def test_code_is_taken_from_the_current_folder_where_no_file_is_given(workspace: Workspace):
    created(workspace)
    before = spec(workspace)["code_configuration"]["code"]
    Path("src/score.py").write_text("def init(): pass\n\n\ndef run(raw_data): return 2\n")
    assert updated(workspace, "code_configuration.code=./src") == ["roll_out deployment/credit/blue"]
    after = spec(workspace)["code_configuration"]["code"]
    assert (after["name"], after["digest"] == before["digest"]) == ("src", False)


@pytest.mark.parametrize("change", ["code_configuration.code=./src", "code_configuration.scoring_script=absent.py"])
def test_a_script_that_is_not_in_its_code_is_refused_unless_it_is_not_looked_at(workspace: Workspace, change: str):
    created(workspace)
    digest = spec(workspace)["code_configuration"]["code"]["digest"]
    stored(digest, Path("src"))
    Path("src/score.py").unlink()
    with pytest.raises(ManifestError, match="is not there; correct scoring_script or add the file"):
        updated(workspace, change)
    assert updated(workspace, change, skip=True) == ["roll_out deployment/credit/blue"]


def stored(digest: str, folder: Path) -> None:
    """Lay content down as a target does that serves it."""
    place = Path(".mlops/assets") / digest.replace(":", "-")
    place.mkdir(parents=True)
    for file in folder.iterdir():
        (place / file.name).write_bytes(file.read_bytes())


def test_a_deployment_keeps_its_name(workspace: Workspace):
    created(workspace)
    with pytest.raises(ManifestError, match="name: deployment/credit/blue keeps its name"):
        updated(workspace, "name=green")


def test_another_size_is_asked_about_as_it_is_a_deletion(workspace: Workspace):
    created(workspace)
    wish = of_file("instance_type=Standard_F4s_v2")
    _, declined = deployments.create(workspace, wish, Manner(lambda planned: False), all_traffic=False)
    assert (declined.declined, spec(workspace)["instance_type"]) == (True, "Standard_DS3_v2")
    assert updated(workspace, "instance_type=Standard_F4s_v2") == [
        "delete deployment/credit/blue",
        "create deployment/credit/blue",
    ]


def test_what_gets_traffic_is_neither_replaced_nor_deleted_and_the_message_says_how_to_move_it(workspace: Workspace):
    created(workspace, all_traffic=True)
    advice = "`mlops online-endpoint update --name credit --traffic OTHER=100` moves it"
    for attempt in (
        lambda: deployments.delete(workspace, BLUE, Manner()),
        lambda: updated(workspace, "instance_type=Standard_F4s_v2"),
        lambda: created(workspace, "instance_type=Standard_F4s_v2"),
    ):
        with pytest.raises(RefusedError, match="E-DELETE-TRAFFIC: blue has 100 % of traffic") as refused:
            attempt()
        assert advice in str(refused.value)
    assert workspace.provider.observe(BLUE) is not None


def test_a_deletion_is_one_and_the_second_time_there_is_nothing_to_delete(workspace: Workspace):
    created(workspace)
    created(workspace, name="green")
    applied = deployments.delete(workspace, BLUE, Manner())
    assert applied is not None
    assert [str(step.address) for step in applied.planned.plan.steps] == ["deployment/credit/blue"]
    assert not is_there(workspace, BLUE)
    assert deployments.delete(workspace, BLUE, Manner()) is None


def test_a_change_by_command_is_a_run_of_the_history_and_no_drift(workspace: Workspace):
    created(workspace)
    deployments.create(
        workspace, of_file("instance_count=2"), Manner(command="online-deployment create"), all_traffic=False
    )
    assert [run.command for run in workspace.store.runs(limit=1)] == ["online-deployment create"]
    assert drift(workspace).drifts == ()


def test_what_failed_to_be_made_is_forgotten_once_it_is_deleted(workspace: Workspace):
    workspace.line.join({}, {BLUE: Aim("Creating")}).fail("the script failed")
    assert deployment_shown(workspace, BLUE)["provisioning_state"] == "Failed"
    assert is_there(workspace, BLUE)
    assert deployments.delete(workspace, BLUE, Manner()) is None
    assert not is_there(workspace, BLUE)


def test_the_model_that_show_prints_can_be_given_to_another_deployment(workspace: Workspace):
    register(workspace, "risk")
    created(workspace, "model=azureml:risk@latest")
    shown = deployment_shown(workspace, BLUE)["model"]
    assert shown == "azureml:/targets/dev/models/risk/versions/1"
    created(workspace, f"model={shown}", name="green")
    assert spec(workspace, BLUE._replace(name="green"))["model"] == "azureml:risk:1"


def test_another_version_of_a_registered_model_is_rolled_out(workspace: Workspace):
    register(workspace, "risk")
    created(workspace, "model=azureml:risk:1")
    Path("weights.txt").write_text("2")
    register(workspace, "risk")
    assert updated(workspace, "model=azureml:risk@latest") == ["roll_out deployment/credit/blue"]
    assert spec(workspace)["model"] == "azureml:risk:2"
    assert updated(workspace, "model=azureml:risk:2") == []
    with pytest.raises(ManifestError, match="model 'risk:3' is not defined here nor recorded"):
        updated(workspace, "model=azureml:risk:3")


def register(workspace: Workspace, name: str) -> None:
    applied, _ = assets.create(workspace, Given("model", name, fields={"path": "weights.txt"}), Manner())
    assert applied.succeeded


def test_of_what_is_mirrored_the_message_says_how_to_stop_that(workspace: Workspace):
    created(workspace)
    created(workspace, name="green", all_traffic=True)
    endpoints.update(workspace, Manner(), Amendment(ENDPOINT), {"mirror_traffic": {"blue": "10"}})
    with pytest.raises(RefusedError, match=r"update --name credit --mirror-traffic blue=0` stops what is mirrored"):
        deployments.delete(workspace, BLUE, Manner())
