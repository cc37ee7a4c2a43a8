"""A registered MLflow model has its flavors in the record, as its MLmodel file names them."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from registry_world import entry, folder_plan, register, risk, steps, write

from reconciler import pipeline
from reconciler.core.address import Address
from reconciler.core.amendment import Amendment
from reconciler.errors import ManifestError
from reconciler.imperative import asset_changes, asset_versions
from reconciler.pipeline import Manner, Wish
from reconciler.workspace import Workspace

MODEL = Path(__file__).parents[1] / "mlflow-model"
FILE = "name: risk\nversion: 1\npath: ../ml\ntype: mlflow_model\n"


@pytest.fixture
def ml(folder: Path) -> Path:
    return Path(shutil.copytree(MODEL, folder / "ml"))


def mlflow(workspace: Workspace, **more: Any) -> str:
    return register(workspace, path="ml", type="mlflow_model", **more)


def test_the_flavors_are_those_of_the_description(workspace: Workspace, ml: Path):
    assert ml.is_dir()
    mlflow(workspace)
    shown = asset_versions.show(workspace.store, "dev", risk("1"))
    assert shown["flavors"]["python_function"]["loader_module"] == "pricing"


def test_the_same_content_is_that_version_again(workspace: Workspace, ml: Path):
    assert ml.is_dir()
    assert [mlflow(workspace), mlflow(workspace), mlflow(workspace, version="1", tags={"a": "b"})] == ["1", "1", "1"]
    assert "python_function" in entry(workspace, risk("1"))["flavors"]


def test_what_changes_besides_leaves_them(workspace: Workspace, ml: Path):
    assert ml.is_dir()
    mlflow(workspace)
    asset_changes.update(workspace, Amendment(risk("1"), (("tags.a", "b"),)), Manner())
    assert "python_function" in entry(workspace, risk("1"))["flavors"]


def test_a_file_has_them_in_the_record_too_and_they_are_no_change(workspace: Workspace, folder: Path, ml: Path):
    assert ml.is_dir()
    write(folder / "manifests", risk_dot_yml=FILE)
    assert pipeline.apply(workspace, Wish(blame=False)).succeeded
    assert "python_function" in entry(workspace, risk("1"))["flavors"]
    assert steps(folder_plan(workspace)) == []


def test_a_version_that_was_recorded_without_them_stays_as_it_is(workspace: Workspace, folder: Path, ml: Path):
    assert ml.is_dir()
    write(folder / "manifests", risk_dot_yml=FILE)
    assert pipeline.apply(workspace, Wish(blame=False)).succeeded
    held = workspace.store.read().entries[risk("1")]
    bare = {name: value for name, value in held.spec.items() if name != "flavors"}
    with workspace.store.lock({}, timeout_s=0):
        workspace.store.note(risk("1"), type(held)(bare, held.generation, held.operation, held.created))
    assert steps(pipeline.plan(workspace, Wish(blame=False, refresh=False))) == []


def test_what_an_inline_model_registered_is_not_changed_by_them(workspace: Workspace, folder: Path, ml: Path):
    assert ml.is_dir()
    mlflow(workspace)
    inline = "{name: risk, version: 1, path: ../ml, type: mlflow_model}"
    write(folder / "manifests", endpoint_dot_yml="$schema: managedOnlineEndpoint.schema.json\nname: credit\n")
    write(
        folder / "manifests",
        blue_dot_yml="$schema: managedOnlineDeployment.schema.json\nname: blue\nendpoint_name: credit\n"
        f"model: {inline}\ninstance_type: Standard_DS3_v2\ninstance_count: 1\n",
    )
    planned = folder_plan(workspace)
    assert [f.path for s in planned.plan.steps if s.address == risk("1") for f in s.fields] == ["by_command"]
    assert Address("deployment", "blue", endpoint="credit") in {s.address for s in planned.plan.steps}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "needs a file MLmodel; here is none"),
        ("flavors: [", "MLmodel cannot be read: line 2"),
        ("flavors: {}", "MLmodel names no flavors"),
        ("- flavors", "MLmodel names no flavors"),
        ("\x80", "is not UTF-8"),
    ],
)
def test_a_folder_that_describes_no_model_is_refused(
    workspace: Workspace, folder: Path, text: str | None, message: str
):
    write(folder, ml__weights_dot_txt="1")
    if text is not None:
        (folder / "ml" / "MLmodel").write_bytes(text.encode("latin-1"))
    with pytest.raises(ManifestError, match=message) as raised:
        mlflow(workspace)
    assert [f"{problem.file} {problem.code}" for problem in raised.value.problems] == ["--path E-MODEL"]


def test_two_models_in_one_folder_are_none(workspace: Workspace, folder: Path):
    write(folder, ml__a__MLmodel="flavors: {f: {}}", ml__b__MLmodel="flavors: {f: {}}")
    with pytest.raises(ManifestError, match="there are 2"):
        mlflow(workspace)
