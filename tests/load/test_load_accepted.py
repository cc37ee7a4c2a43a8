"""What is accepted although it looks wrong: each comes out as what its author meant."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.core.state import State
from reconciler.load import load
from reconciler.preflight import problems_of
from reconciler.resolve import resolve
from tests.builders import KEY

SCHEMAS = "$schema: https://azuremlschemas.azureedge.net/latest"
ENDPOINT = f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: iris\n"
DEPLOYMENT = (
    f"{SCHEMAS}/managedOnlineDeployment.schema.json\nname: blue\nendpoint_name: iris\ninstance_type: Standard_DS3_v2\n"
)
MODEL = f"{SCHEMAS}/model.schema.json\nname: risk\npath: azureml://datastores/a/paths/b\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(folder: Path, *texts: str) -> dict[str, Any]:
    """The specs by address of documents in which nothing is wrong."""
    (folder / "all.yml").write_text("\n---\n".join(texts), encoding="utf-8")
    loaded = load(".")
    resolved = resolve(loaded.manifests, State(), secret_key=KEY)
    found = problems_of(resolved.resources, [], ())
    assert [*loaded.problems, *resolved.problems, *found] == []
    return {str(resource.address): resource.spec for resource in resolved.resources}


def test_b03_each_document_of_a_file_is_a_resource(folder: Path):
    assert list(made(folder, ENDPOINT, DEPLOYMENT)) == ["deployment/iris/blue", "endpoint/iris"]


def test_b07_b08_anchors_aliases_and_merges_are_what_they_name(folder: Path):
    probes = "liveness_probe: &probe {period: 5}\nreadiness_probe: {<<: *probe, timeout: 3}\ntags: &tags {a: b}\n"
    spec = made(folder, ENDPOINT, f"{DEPLOYMENT}{probes}properties: *tags\n")["deployment/iris/blue"]
    assert [spec[probe]["period"] for probe in ("liveness_probe", "readiness_probe")] == [5, 5]
    assert (spec["readiness_probe"]["timeout"], spec["properties"]) == (3, {"a": "b"})


@pytest.mark.parametrize(
    ("written", "version"), [("2", "2"), ("'1.10'", "1.10"), ("1.5", "1.5"), ("'2024-01-02'", "2024-01-02")]
)
def test_b17_b18_a_version_is_the_text_that_was_written(folder: Path, written: str, version: str):
    assert list(made(folder, f"{MODEL}version: {written}\n")) == [f"model/risk:{version}"]


def test_b31_a_share_in_quotes_is_its_number(folder: Path):
    two = made(
        folder, f"{ENDPOINT}traffic: {{blue: '50', green: 50}}\n", DEPLOYMENT, DEPLOYMENT.replace("blue", "green")
    )
    assert two["endpoint/iris"]["traffic"] == {"blue": 50, "green": 50}


@pytest.mark.parametrize("written", ["3", "'3'", "' 3 '", "'+3'"])
def test_b33_a_count_in_quotes_is_its_number(folder: Path, written: str):
    assert (
        made(folder, ENDPOINT, f"{DEPLOYMENT}instance_count: {written}\n")["deployment/iris/blue"]["instance_count"]
        == 3
    )


@pytest.mark.parametrize("size", ["STANDARD_ds3_V2", "standard_ds3_v2"])
def test_b36_a_size_is_known_in_any_letters(folder: Path, size: str):
    assert "deployment/iris/blue" in made(folder, ENDPOINT, DEPLOYMENT.replace("Standard_DS3_v2", size))


def test_b40_an_environment_may_be_another_file(folder: Path):
    (folder / "env.yml").write_text("image: base:1\nconda_file: conda.yml\n", encoding="utf-8")
    (folder / "conda.yml").write_text("dependencies: [python=3.12]\n", encoding="utf-8")
    spec = made(folder, ENDPOINT, f"{DEPLOYMENT}environment: file:env.yml\n")["deployment/iris/blue"]
    assert (spec["environment"]["image"], spec["environment"]["conda_file"]) == (
        "base:1",
        {"dependencies": ["python=3.12"]},
    )


def test_b51_numbers_and_truth_values_are_text_in_a_variable(folder: Path):
    variables = "environment_variables: {COUNT: 2, RATE: 0.5, DEBUG: true, EMPTY: , TEXT: a}\n"
    spec = made(folder, ENDPOINT, DEPLOYMENT + variables)["deployment/iris/blue"]
    values = {name: secret.reveal() for name, secret in spec["environment_variables"].items()}
    assert values == {"COUNT": "2", "RATE": "0.5", "DEBUG": "true", "EMPTY": "", "TEXT": "a"}


@pytest.mark.parametrize("written", ["0" * 5000 + "1", "1" + "0" * 5000])
@pytest.mark.parametrize("field", ["instance_count", "liveness_probe.period", "request_settings.request_timeout_ms"])
def test_a_number_in_quotes_that_no_tool_could_mean_is_refused(folder: Path, field: str, written: str):
    outer, _, inner = field.partition(".")
    value = f"{{{inner}: '{written}'}}" if inner else f"'{written}'"
    (folder / "blue.yml").write_text(f"{DEPLOYMENT}{outer}: {value}\n", encoding="utf-8")
    problems = load(".").problems
    assert len(problems) == 1
    assert problems[0].is_error
    assert len(str(problems[0])) < 300


def test_a_share_in_quotes_that_no_tool_could_mean_is_refused(folder: Path):
    (folder / "iris.yml").write_text(f"{ENDPOINT}traffic: {{blue: '{'0' * 5000}50'}}\n", encoding="utf-8")
    assert [problem.code for problem in load(".").problems] == ["E-TRAFFIC-VALUE"]
