"""A command registers versions: they count up, never change, and carry on what no file says."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from registry_world import deploy, entry, given, register, risk, steps, write

from reconciler import pipeline
from reconciler.errors import ManifestError, MlopsError
from reconciler.imperative import asset_versions, assets
from reconciler.imperative.asset_versions import Named
from reconciler.pipeline import Manner, Wish
from reconciler.workspace import Workspace, open_workspace


def test_versions_count_up(workspace: Workspace):
    assert [register(workspace, path=f"run{run}/model") for run in (1, 2)] == ["1", "2"]


def test_the_content_of_the_newest_version_is_that_version_again(workspace: Workspace):
    register(workspace, path="run1/model", tags={"run": "7"}, description="first")
    assert register(workspace, path="run1/model") == "1"
    assert entry(workspace, risk("1"))["tags"] == {"run": "7"}
    assert entry(workspace, risk("1"))["description"] == "first"


def test_the_content_of_an_older_version_is_registered_anew_and_is_the_latest(workspace: Workspace):
    versions = [register(workspace, path=f"run{run}/model") for run in (1, 2, 1)]
    assert versions == ["1", "2", "3"]
    assert asset_versions.one(workspace.store, "dev", Named("model", "risk", label="latest")) == risk("3")


def test_other_content_under_a_version_is_refused(workspace: Workspace):
    register(workspace, path="run1/model", version="5")
    with pytest.raises(ManifestError, match=r"E-IMMUTABLE: model risk:5 .* raise the version, or leave it out"):
        register(workspace, path="run2/model", version="5")


def test_what_is_not_content_may_change(workspace: Workspace):
    register(workspace, path="run1/model", version="5", tags={"a": "1"})
    register(workspace, path="run1/model", version="5", tags={"b": "2"}, stage="Production")
    assert entry(workspace, risk("5"))["tags"] == {"b": "2"}
    assert entry(workspace, risk("5"))["stage"] == "Production"


def test_options_win_over_the_file_and_their_paths_lie_in_the_current_folder(workspace: Workspace, folder: Path):
    write(folder, made__model_dot_yml="name: risk\nversion: 3\npath: weights.txt\n", made__weights_dot_txt="file's own")
    write(folder.parent, elsewhere__more_dot_txt="outside of the repository")
    register(workspace, "", file="made/model.yml")
    register(workspace, "other", file="made/model.yml", version="9", path="../elsewhere")
    assert entry(workspace, risk("3"))["path"]["name"] == "weights.txt"
    spec = workspace.store.read().entries
    assert [f"{address} {found.spec['path']['name']}" for address, found in spec.items()] == [
        "model/other:9 elsewhere",
        "model/risk:3 weights.txt",
    ]


def test_a_file_by_itself_reaches_no_further_than_its_repository(workspace: Workspace, folder: Path):
    write(folder.parent, elsewhere__more_dot_txt="outside of the repository")
    (folder / ".git").mkdir()
    write(folder, model_dot_yml="name: risk\npath: ../elsewhere\n")
    with pytest.raises(ManifestError, match="E-PATH-OUT"):
        register(workspace, "", file="model.yml")


def test_the_id_that_show_prints_is_a_reference(workspace: Workspace):
    register(workspace, path="run1/model")
    assert asset_versions.show(workspace.store, "dev", risk("1"))["id"] == "azureml:risk:1"


@pytest.mark.parametrize(("version", "label"), [("", ""), ("1", "latest"), ("", "newest")])
def test_one_version_is_named_by_itself_or_by_the_one_label(workspace: Workspace, version: str, label: str):
    register(workspace, path="run1/model")
    with pytest.raises(MlopsError, match="--label"):
        asset_versions.one(workspace.store, "dev", Named("model", "risk", version, label))


def test_a_command_without_a_path_registers_nothing(workspace: Workspace):
    with pytest.raises(MlopsError, match="--path"):
        assets.create(workspace, given("model", "risk"), Manner())


def test_two_that_register_at_once_get_two_versions(folder: Path):
    for run in range(4):
        write(folder, **{f"at_once{run}__weights_dot_txt": str(run)})

    def registered(run: int) -> str:
        with open_workspace(None) as opened:
            wanted = given("model", "risk", path=f"at_once{run}")
            return assets.create(opened, wanted, Manner(lock_timeout_s=120))[1].version

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(registered, range(4))) == ["1", "2", "3", "4"]


def test_a_deployment_that_is_created_again_registers_its_inline_model_no_second_time(
    workspace: Workspace, folder: Path
):
    deploy(folder, "{name: risk, path: ../run1/model}")
    write(folder / "manifests", endpoint_dot_yml="$schema: managedOnlineEndpoint.schema.json\nname: credit\n")
    assert pipeline.apply(workspace, Wish(("manifests/endpoint.yml",), kind="endpoint", blame=False)).succeeded
    assert created(workspace, "blue") == ["create model/risk:1", "create deployment/credit/blue"]
    deploy(folder, "{name: risk, path: ../run2/model}")
    assert created(workspace, "green") == ["create model/risk:2", "create deployment/credit/green"]
    deploy(folder, "{name: risk, path: ../run1/model}")
    assert created(workspace, "blue") == []
    assert entry(workspace, risk("1"))["by_command"] is True


def created(workspace: Workspace, name: str) -> list[str]:
    wish = Wish(("manifests/blue.yml",), kind="deployment", name=name, blame=False)
    done = pipeline.apply(workspace, wish)
    assert done.succeeded
    return steps(done.planned)
