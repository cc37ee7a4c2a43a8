"""What is archived is not listed and not the latest, may still be named, and stays so until it is restored."""

from pathlib import Path

import pytest
from registry_world import deploy, entry, folder_plan, register, risk, steps, write

from reconciler import pipeline
from reconciler.core.amendment import Amendment
from reconciler.errors import ManifestError, MlopsError
from reconciler.imperative import asset_changes, asset_versions
from reconciler.imperative.asset_versions import Named, View
from reconciler.pipeline import Manner, Wish
from reconciler.providers.memory import MemoryProvider
from reconciler.rollback import Back, rollback
from reconciler.workspace import Workspace

ALL = View(archived=True)


def archive(workspace: Workspace, version: str = "", *, label: str = "", archived: bool = True) -> list[str]:
    named = Named("model", "risk", version, label)
    done = asset_changes.archive(workspace, named, Manner(), archived=archived)
    assert done.succeeded
    return steps(done.planned)


def versions(workspace: Workspace, view: View | None = None) -> list[str]:
    return [row["version"] for row in asset_versions.listed(workspace.store, "dev", "model", "risk", view or View())]


def names(workspace: Workspace, view: View | None = None) -> list[str]:
    rows = asset_versions.listed(workspace.store, "dev", "model", "", view or View())
    return [f"{row['name']} {row['latest_version']}" for row in rows]


@pytest.fixture
def three(workspace: Workspace) -> Workspace:
    """A target with three versions of a model."""
    assert [register(workspace, path=f"run{run}/model") for run in (1, 2, 1)] == ["1", "2", "3"]
    return workspace


def test_an_archived_version_is_not_listed_unless_it_is_asked_for(three: Workspace):
    archive(three, "2")
    assert versions(three) == ["3", "1"]
    assert versions(three, ALL) == ["3", "2", "1"]
    assert versions(three, View(archived=True, active=False)) == ["2"]
    assert versions(three, View(archived=True, most=2)) == ["3", "2"]


def test_the_latest_is_the_youngest_that_is_not_archived(three: Workspace):
    archive(three, label="latest")
    assert names(three) == ["risk 2"]
    assert asset_versions.one(three.store, "dev", Named("model", "risk", label="latest")) == risk("2")


def test_without_a_version_all_are(three: Workspace):
    assert len(archive(three)) == 3
    assert (names(three), names(three, ALL)) == ([], ["risk 3"])
    with pytest.raises(MlopsError, match="all versions of model risk are archived"):
        asset_versions.one(three.store, "dev", Named("model", "risk", label="latest"))
    assert len(archive(three, archived=False)) == 3
    assert names(three) == ["risk 3"]


def test_what_is_archived_already_needs_no_step(three: Workspace):
    archive(three, "2")
    assert archive(three, "2") == []


def test_a_number_that_was_archived_is_not_given_again(three: Workspace):
    archive(three)
    assert register(three, path="run1/model") == "4"


def test_a_deployment_may_name_it_and_goes_on(three: Workspace, folder: Path):
    deploy(folder, "azureml:risk:3")
    assert pipeline.apply(three, Wish(blame=False)).succeeded
    archive(three, "3")
    assert steps(folder_plan(three)) == []
    assert pipeline.drift(three).drifts == ()


def test_a_label_of_which_all_is_archived_leads_nowhere_and_says_why(three: Workspace, folder: Path):
    deploy(folder, "azureml:risk@latest")
    archive(three)
    with pytest.raises(ManifestError, match="all versions of it are archived"):
        folder_plan(three)


def test_no_plan_of_a_folder_brings_it_back_or_shows_it(workspace: Workspace, folder: Path):
    deploy(folder, "azureml:risk:1")
    write(folder / "manifests", risk_dot_yml="name: risk\nversion: 1\npath: ../run1/model\n")
    assert pipeline.apply(workspace, Wish(blame=False)).succeeded
    archive(workspace, "1")
    assert steps(folder_plan(workspace)) == []
    write(folder / "manifests", risk_dot_yml="name: risk\nversion: 1\npath: ../run1/model\ntags: {a: b}\n")
    assert pipeline.apply(workspace, Wish(blame=False)).succeeded
    assert entry(workspace, risk("1"))["archived"] is True
    assert versions(workspace) == []


def test_a_rollback_brings_it_back(three: Workspace):
    archive(three, "2")
    _, done = rollback(three, Back())
    assert done.succeeded
    assert versions(three) == ["3", "2", "1"]


def test_whoever_restores_it_behind_our_back_made_drift(three: Workspace):
    archive(three, "2")
    assert isinstance(three.provider, MemoryProvider)
    three.provider.edit(risk("2"), archived=False)
    assert [f.path for drift in pipeline.drift(three).drifts for f in drift.fields] == ["archived"]


def test_an_update_leaves_it_archived(three: Workspace):
    archive(three, "2")
    asset_changes.update(three, Amendment(risk("2"), (("tags.a", "b"),)), Manner())
    assert entry(three, risk("2"))["archived"] is True
    assert entry(three, risk("2"))["tags"] == {"a": "b"}


@pytest.mark.parametrize(("field", "value"), [("path", "run1/model"), ("type", "triton_model"), ("flavors.x", "y")])
def test_an_update_changes_no_content(three: Workspace, field: str, value: str):
    with pytest.raises(ManifestError, match="E-IMMUTABLE"):
        asset_changes.update(three, Amendment(risk("2"), ((field, value),)), Manner())


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (Named("model", "rsk"), r"model rsk is not registered \(target dev\) \(did you mean risk\?\)"),
        (Named("model", "risk", "9"), r"model risk has no version 9 \(target dev\); newest there: 3, 2, 1"),
        (Named("environment", "risk", "1"), "environment risk is not registered"),
        (Named("model", "risk", "1", "latest"), "give one of them"),
    ],
)
def test_what_is_not_there_is_told(three: Workspace, named: Named, message: str):
    with pytest.raises(MlopsError, match=message):
        asset_changes.archive(three, named, Manner(), archived=True)


def test_a_list_is_of_a_stage_or_of_tags(three: Workspace):
    asset_changes.update(three, Amendment(risk("2"), (("stage", "Production"),)), Manner())
    in_production = View(fits=lambda spec: spec.get("stage") == "Production")
    assert versions(three, in_production) == ["2"]
