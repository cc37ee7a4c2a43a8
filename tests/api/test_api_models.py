"""A training pipeline's last task: the model gets a version, and what names its latest one is brought to it."""

from pathlib import Path

import pytest

import reconciler


@pytest.fixture
def trained(repo: Path) -> Path:
    """A repository whose deployment wants the latest model, and a model beside it."""
    file = repo / "manifests" / "blue.yml"
    file.write_text(file.read_text() + "model: azureml:risk@latest\n")
    (repo / "outputs").mkdir()
    (repo / "outputs" / "weights.txt").write_text("1\n")
    return repo


def test_versions_count_up_with_the_content_and_an_apply_takes_the_latest(trained: Path):
    first = reconciler.create_model("risk", "outputs", target="dev")
    assert reconciler.apply(target="dev").plan.pins == {"model/risk@latest": "model/risk:1"}
    again = reconciler.create_model("risk", "outputs", target="dev")
    (trained / "outputs" / "weights.txt").write_text("2\n")
    second = reconciler.create_model("risk", "outputs", target="dev", description="better", stage="Production")
    assert [str(each) for each in (first, again, second)] == ["model/risk:1", "model/risk:1", "model/risk:2"]
    applied = reconciler.apply(target="dev")
    assert [f"{o.step.action} {o.step.address}" for o in applied.outcomes] == ["roll_out deployment/credit/blue"]
    assert not reconciler.drift(target="dev").has_drift
    assert [run.command for run in reconciler.history(limit=2)] == ["mlops apply", "mlops model create"]


def test_a_version_never_changes(trained: Path):
    reconciler.create_model("risk", "outputs", version="7")
    (trained / "outputs" / "weights.txt").write_text("2\n")
    with pytest.raises(reconciler.ManifestError, match="E-IMMUTABLE"):
        reconciler.create_model("risk", "outputs", version="7")


def test_a_path_counts_from_the_folder_that_is_given(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert reconciler.create_model("risk", Path("outputs"), cwd=trained).version == "1"
    with pytest.raises(reconciler.ManifestError, match="E-PATH"):
        reconciler.create_model("risk", "outputs", cwd=tmp_path)


def test_what_is_no_model_of_its_type_is_refused(trained: Path):
    with pytest.raises(reconciler.ManifestError, match="MLmodel"):
        reconciler.create_model("risk", "outputs", type="mlflow_model")
