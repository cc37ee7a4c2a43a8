"""A pipeline registers models by command, and a folder whose deployments ask for the latest serves what it did."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from command_line import SCHEMAS, Repository

MODEL = Path(__file__).parents[1] / "mlflow-model"
ENDPOINT = f"{SCHEMAS}/managedOnlineEndpoint.schema.json\nname: price\ntraffic: {{blue: 100}}\n"
BLUE = f"""{SCHEMAS}/managedOnlineDeployment.schema.json
name: blue
endpoint_name: price
model: azureml:price@latest
instance_type: Standard_DS3_v2
instance_count: 1
"""
REQUEST = '{"input_data": {"columns": ["area", "rooms", "city"], "data": [[50.0, 3, "Oslo"]]}}'


def test_an_mlflow_model_that_a_command_registers_is_served_by_a_folder(
    tmp_path: Path, local_repository: Callable[[Path], Repository]
):
    repo = local_repository(tmp_path / "repo")
    try:
        _registered_served_and_replaced(repo)
    finally:
        repo.mlops("destroy", "--auto-approve")
    assert repo.mlops("model", "list").json == []


def _registered_served_and_replaced(repo: Repository) -> None:
    shutil.rmtree(repo.folder / "manifests")
    for name, text in {"manifests/endpoint.yml": ENDPOINT, "manifests/blue.yml": BLUE, "q.json": REQUEST}.items():
        repo.write(name, text)
    shutil.copytree(MODEL, repo.folder / "out")
    assert _registered(repo) == "azureml:price:1"
    repo.apply()
    first = json.loads(repo.mlops("invoke", "price", "--request-file", "q.json").out)
    repo.edit("out/prices.json", '"area": 2.0', '"area": 4.0')
    assert _registered(repo) == "azureml:price:2"
    repo.mlops("drift", "--detailed-exitcode", code=2)
    repo.mlops("model", "archive", "-n", "price", "-v", "1")
    assert repo.steps() == ["roll_out deployment/price/blue"]
    repo.apply()
    second = json.loads(repo.mlops("invoke", "price", "--request-file", "q.json").out)
    assert second[0] - first[0] == 100
    repo.mlops("drift", "--detailed-exitcode", code=0)
    _downloaded_as_registered(repo)


def _registered(repo: Repository) -> str:
    words = ("--name", "price", "--path", "out", "--type", "mlflow_model", "--query", "id", "-o", "tsv")
    return repo.mlops("model", "create", *words).out.strip()


def _downloaded_as_registered(repo: Repository) -> None:
    repo.mlops("model", "download", "-n", "price", "-v", "2", "-p", "got")
    assert (repo.folder / "got/price/out/prices.json").read_text() == (repo.folder / "out/prices.json").read_text()


def test_what_is_printed_is_the_answer_alone_and_all_else_is_told_aside(repo: Repository):
    repo.write("made/weights.txt", "1")
    made = repo.mlops("model", "create", "-n", "risk", "-p", "made", "--tags", "run=42", "by=ana")
    assert (made.json["id"], made.json["tags"]) == ("azureml:risk:1", {"run": "42", "by": "ana"})
    assert made.json["creation_context"]["created_at"]
    again = repo.mlops("model", "create", "--name", "risk", "--path", "made", "--query", "version", "-o", "tsv")
    assert (again.out.strip(), "model/risk:1 has this content already" in again.err) == ("1", True)
    quiet = repo.mlops("model", "create", "-n", "risk", "-p", "made", "--only-show-errors", "-o", "none")
    assert (quiet.out, quiet.err) == ("", "")


def test_without_a_version_or_a_label_it_is_said_what_show_takes(repo: Repository):
    repo.write("made/weights.txt", "1")
    repo.mlops("model", "create", "-n", "risk", "-p", "made")
    assert "Give --version/-v, or --label latest" in repo.mlops("model", "show", "-n", "risk", code=1).err
    assert repo.mlops("model", "show", "-n", "risk", "-l", "latest").json["version"] == "1"


def test_a_list_is_one_row_a_name_and_of_one_name_its_versions_newest_first(repo: Repository):
    for version in "12":
        repo.write("made/weights.txt", version)
        repo.mlops("model", "create", "-n", "risk", "-p", "made")
    repo.mlops("environment", "create", "-n", "sklearn", "-i", "python:3.11")
    assert [(row["name"], row["latest_version"]) for row in repo.mlops("model", "list").json] == [("risk", "2")]
    assert repo.mlops("model", "list", "-n", "risk", "--query", "[].version", "-o", "tsv").out.split() == ["2", "1"]
    assert repo.mlops("environment", "list", "--query", "[].name", "-o", "tsv").out.split() == ["sklearn"]
    assert "Latest_version" in repo.mlops("model", "list", "-o", "table").out


def test_a_shared_registry_is_refused_in_so_many_words(repo: Repository):
    said = repo.mlops("model", "create", "-n", "risk", "-p", "made", "--registry-name", "ours", code=1).err
    assert "there are no shared registries here" in said


def test_one_version_is_destroyed_by_its_address(repo: Repository):
    repo.write("made/weights.txt", "1")
    repo.mlops("model", "create", "-n", "risk", "-p", "made")
    repo.mlops("destroy", "--only", "model/risk:1", "--auto-approve")
    assert repo.mlops("model", "list").json == []
    repo.mlops("destroy", "x.yml", "--only", "model/risk:1", "--auto-approve", code=1)


def test_no_secret_of_a_conda_file_is_shown_or_recorded(repo: Repository):
    line = "--extra-index-url https://ana:${{env:INDEX_PASSWORD}}@example.org/simple"
    repo.write("conda.yml", f"dependencies:\n- python=3.11\n- pip: ['{line}']\n")
    password = "made-up-" + "w0rd"
    made = repo.mlops(
        "environment", "create", "-n", "e", "-i", "python:3.11", "-c", "conda.yml", INDEX_PASSWORD=password
    )
    assert "(secret 1)" in made.out
    assert password not in made.out + made.err + repo.mlops("environment", "list", "-n", "e").out
    files = [path for path in repo.folder.rglob("*") if path.is_file()]
    assert [path for path in files if password.encode() in path.read_bytes()] == []
