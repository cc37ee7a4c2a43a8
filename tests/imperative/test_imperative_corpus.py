"""Real Azure ML files of deployments, made by `online-deployment create` as Azure's own scripts make them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from deployment_world import lay_out, make_endpoint, spec

from reconciler.core.address import Address
from reconciler.imperative import assets, deployments
from reconciler.imperative.assets import Given
from reconciler.load.overrides import parse_field
from reconciler.pipeline import Manner, Wish
from reconciler.workspace import Workspace, open_workspace
from tests.test_corpus import CORPUS, PLACEHOLDER, ROWS, TEMPLATES

pytestmark = pytest.mark.skipif(not ROWS, reason=f"the corpus of real Azure ML files is not at {CORPUS}")

KINDS = ("managedOnlineDeployment", "kubernetesOnlineDeployment", "PARSE_ERROR")
PATHS = [row["path"] for row in ROWS if row["kind"] in KINDS and "deploy" in Path(row["path"]).name.lower()]
# What is registered before by other commands of the same scripts.
MODELS = ("azureml-infschema:1", "my-model:1", "my-model:2", "credit-default-model:1", "minimalregistered:1")
# What the scripts give by --set, or whoever runs them by hand.
SETS = {
    PLACEHOLDER: ["code_configuration.code=code-custom"],
    "cli/endpoints/online/managed/binary-payloads/binary-payloads-deployment.yml": [
        "code_configuration.scoring_script=single-file-to-file-score.py"
    ],
    "cli/jobs/pipelines-with-components/nyc_taxi_data_regression/deploy.yml": [
        "model=azureml://registries/mine/models/nyc-taxi-model/versions/1"
    ],
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    lay_out(tmp_path / "repo")
    monkeypatch.chdir(tmp_path / "repo")
    with open_workspace(None) as opened:
        make_endpoint(opened, "my-endpoint")
        for name, _, version in (each.partition(":") for each in MODELS):
            register(opened, "model", name, version=version, path="weights.txt")
        register(opened, "environment", "my-env", version="1", image="img:1")
        yield opened


def register(workspace: Workspace, kind: str, name: str, **fields: str) -> None:
    applied, _ = assets.create(workspace, Given(kind, name, fields=fields), Manner())
    assert applied.succeeded


@pytest.mark.parametrize("path", PATHS)
def test_a_real_file_is_made_again_and_changed(path: str, workspace: Workspace, tmp_path: Path):
    sets = ["tags.made=here", *SETS.get(path, [])]
    file = filled_in(CORPUS / path, tmp_path)
    address = Address("deployment", "blue", endpoint="my-endpoint")
    for steps in (2, 0):
        wish = Wish(
            (str(file),),
            overrides=tuple(map(parse_field, sets)),
            name="blue",
            endpoint_name="my-endpoint",
            kind="deployment",
            blame=False,
        )
        made, applied = deployments.create(workspace, wish, Manner(), all_traffic=True)
        assert (made, applied.succeeded) == (address, True)
        assert bool(applied.planned.plan.steps) == bool(steps)
    assert spec(workspace, address)["tags"]["made"] == "here"
    assert spec(workspace, Address("endpoint", "my-endpoint"))["traffic"] == {"blue": 100}


def filled_in(file: Path, folder: Path) -> Path:
    """The file, or where it is a template a copy with its variables given, as the scripts make it by sed."""
    text = file.read_text(encoding="utf-8")
    if "{{" not in text:
        return file
    copied = shutil.copytree(CORPUS, folder / "corpus") / file.relative_to(CORPUS)
    for name, value in TEMPLATES.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    copied.write_text(text, encoding="utf-8")
    return copied
