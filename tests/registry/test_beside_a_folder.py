"""What a command registers lives beside a folder of files: no plan of the folder deletes it, or is refused for it."""

from pathlib import Path

import pytest
from registry_world import deploy, entry, folder_plan, register, risk, steps, write

from reconciler import pipeline
from reconciler.cli.plan_forms import PLAN
from reconciler.core.address import Address
from reconciler.errors import MlopsError, RefusedError
from reconciler.imperative import asset_changes, assets
from reconciler.imperative.asset_versions import Named
from reconciler.operate.rebuild import rebuild
from reconciler.pipeline import Manner, Wish
from reconciler.record.document import record_of, record_text
from reconciler.rollback import Back, rollback
from reconciler.workspace import Workspace, open_workspace

BLUE = Address("deployment", "blue", endpoint="credit")


def applied(workspace: Workspace) -> None:
    assert pipeline.apply(workspace, Wish(blame=False)).succeeded
    assert steps(folder_plan(workspace)) == []


def test_a_folder_names_what_a_command_registered(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    deploy(folder, "azureml:risk@latest")
    applied(workspace)
    assert entry(workspace, BLUE)["model"] == "azureml:risk:1"


def test_a_new_version_moves_the_label_and_the_next_plan_rolls_it_out(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    deploy(folder, "azureml:risk@latest")
    applied(workspace)
    register(workspace, path="run2/model")
    (drift,) = pipeline.drift(workspace).drifts
    assert (str(drift.address), str(drift.kind)) == ("deployment/credit/blue", "label")
    assert steps(folder_plan(workspace)) == ["roll_out deployment/credit/blue"]
    applied(workspace)
    assert entry(workspace, BLUE)["model"] == "azureml:risk:2"
    assert pipeline.drift(workspace).drifts == ()


def test_no_plan_of_a_folder_deletes_it_and_each_tells_it(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    register(workspace, path="run1/model")
    register(workspace, "sklearn", kind="environment", image="python:3.11")
    applied(workspace)
    told = folder_plan(workspace)
    line = "2 registered by command, not in the files: environment/sklearn:1, model/risk:1"
    assert line in PLAN.of("text", told, 60_000)
    assert '"by_command": [\n    "environment/sklearn:1",\n    "model/risk:1"\n  ]' in PLAN.of("json", told, 60_000)
    assert "2 registered by command, not in the files: `environment/sklearn:1`" in PLAN.of("markdown", told, 60_000)
    assert "<code>model/risk:1</code>" in PLAN.of("html", told, 60_000)


def test_what_a_file_defined_is_deleted_with_its_file_as_ever(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    write(folder / "manifests", risk_dot_yml="name: risk\nversion: 1\npath: ../run1/model\n")
    write(folder / "manifests", other_dot_yml="name: other\nversion: 1\npath: ../run2/model\n")
    applied(workspace)
    (folder / "manifests" / "other.yml").unlink()
    assert steps(folder_plan(workspace)) == ["delete model/other:1"]


def test_a_version_is_the_folders_once_a_file_defines_it(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    register(workspace, path="run1/model")
    register(workspace, path="run2/model")
    applied(workspace)
    write(folder / "manifests", risk_dot_yml="name: risk\nversion: 2\npath: ../run2/model\n")
    planned = folder_plan(workspace)
    assert steps(planned) == ["update model/risk:2"]
    assert planned.plan.by_command == (risk("1"),)
    applied(workspace)
    (folder / "manifests" / "risk.yml").unlink()
    assert steps(folder_plan(workspace)) == ["delete model/risk:2"]


def test_a_file_without_a_version_means_the_folders_own_whatever_is_registered(workspace: Workspace, folder: Path):
    deploy(folder, "{name: risk, path: ../run1/model}")
    applied(workspace)
    assert [register(workspace, path=f"run{run}/model") for run in (2, 1)] == ["2", "3"]
    assert steps(folder_plan(workspace)) == []


def test_a_command_takes_no_version_from_a_folder(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    write(folder / "manifests", risk_dot_yml="name: risk\nversion: 1\npath: ../run1/model\n")
    applied(workspace)
    register(workspace, path="run1/model", version="1", tags={"approved": "yes"})
    planned = folder_plan(workspace)
    assert [f"{field.path} {field.after}" for step in planned.plan.steps for field in step.fields] == [
        "tags.approved None"
    ]
    assert planned.plan.by_command == ()


def test_a_destruction_of_everything_takes_it_too(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    register(workspace, path="run1/model")
    applied(workspace)
    assert pipeline.destroy(workspace, Wish()).succeeded
    assert not workspace.store.read().entries


def test_one_version_can_be_deleted_by_its_address(workspace: Workspace):
    register(workspace, path="run1/model")
    register(workspace, path="run2/model")
    assert pipeline.destroy(workspace, Wish(only=(risk("1"),))).succeeded
    assert list(workspace.store.read().entries) == [risk("2")]
    with pytest.raises(MlopsError, match="model/risk:1 is not there"):
        pipeline.destroy(workspace, Wish(only=(risk("1"),)))


def test_a_number_that_was_deleted_is_not_given_again_and_that_is_told(workspace: Workspace, folder: Path):
    register(workspace, path="run1/model")
    assert register(workspace, path="run2/model") == "2"
    assert pipeline.destroy(workspace, Wish(only=(risk("2"),))).succeeded
    assert register(workspace, path="run2/model/weights.txt") == "3"
    told = (
        "model/risk:2 will not come back: a run that made it was cut off, or it was deleted; no number is given twice"
    )
    assert assets.numbers_passed_over(workspace, risk("3")) == told
    write(folder, run3__weights_dot_txt="3")
    assert register(workspace, path="run3/weights.txt") == "4"
    assert assets.numbers_passed_over(workspace, risk("4")) == ""
    assert register(workspace, path="run1/model", version="9") == "9"
    assert assets.numbers_passed_over(workspace, risk("9")) == ""


def test_a_version_that_is_deployed_is_not_deleted(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    register(workspace, path="run1/model")
    applied(workspace)
    with pytest.raises(RefusedError, match="E-IN-USE"):
        pipeline.destroy(workspace, Wish(only=(risk("1"),)))


def test_a_rollback_undoes_a_registration(workspace: Workspace):
    register(workspace, path="run1/model")
    register(workspace, path="run2/model")
    _, done = rollback(workspace, Back())
    assert done.succeeded
    assert list(workspace.store.read().entries) == [risk("1")]


def test_a_record_that_moved_still_knows_it(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    register(workspace, path="run1/model")
    applied(workspace)
    with workspace.store.lock({}, timeout_s=0):
        workspace.store.load(record_of(record_text(workspace.store.dump()), "record.json"))
    assert steps(folder_plan(workspace)) == []


def test_a_record_that_is_made_anew_still_knows_it(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    register(workspace, path="run1/model")
    register(workspace, path="run2/model")
    applied(workspace)
    asset_changes.archive(workspace, Named("model", "risk", "2"), Manner(), archived=True)
    before = workspace.store.read().entries
    (folder / ".mlops" / "state.db").unlink()
    with open_workspace(None) as anew:
        assert rebuild(anew)
        after = anew.store.read().entries
        assert [after[risk(version)].spec for version in "12"] == [before[risk(version)].spec for version in "12"]
        assert steps(folder_plan(anew)) == []
        assert entry(anew, risk("2"))["archived"] is True


def test_a_registration_is_a_run_of_the_history(workspace: Workspace):
    register(workspace, path="run1/model")
    (run,) = workspace.store.runs()
    assert (run.command, run.outcome, run.steps) == ("model create", "succeeded", 1)
