"""`@latest` is pinned when a plan is applied; a version that is registered later makes it label drift."""

import pytest
from command_line import Repository, model


@pytest.fixture
def latest(applied: Repository) -> Repository:
    """A repository whose deployment asks for the latest model; it is the one that is deployed."""
    applied.edit("manifests/blue.yml", "azureml:risk:1", "azureml:risk@latest")
    applied.apply()
    assert applied.mlops("drift", "--detailed-exitcode").out.startswith("No drift")
    return applied


def register(repo: Repository, version: int) -> None:
    repo.write(f"manifests/weights-{version}.txt", f"{version}")
    repo.write("manifests/newer.yml", model(version))
    repo.apply("manifests/newer.yml")


def test_a_version_that_was_registered_later_is_label_drift(latest: Repository):
    register(latest, 7)
    assert latest.mlops("drift", "--detailed-exitcode", code=2).out == (
        "  @ deployment/credit/blue: label (model is written @latest, which would be another version now)\n"
        "      model: pinned azureml:risk:1, now azureml:risk:7\n"
        "\n"
        "1 resource was pinned from a label that has moved since.\n"
        "`mlops plan` shows what the version of now would change.\n"
    )
    assert latest.steps() == ["roll_out deployment/credit/blue"]
    latest.apply()
    latest.mlops("drift", "--detailed-exitcode", code=0)


def test_the_label_is_recorded_without_a_step_and_forgotten_likewise(latest: Repository):
    latest.edit("manifests/blue.yml", "azureml:risk@latest", "azureml:risk:1")
    assert latest.steps() == []
    latest.apply()
    register(latest, 7)
    latest.mlops("drift", "--detailed-exitcode", code=0)


def test_files_applied_alone_tell_their_labels_too(latest: Repository):
    latest.edit("manifests/blue.yml", "azureml:risk@latest", "azureml:risk:1")
    latest.apply("manifests/blue.yml")
    register(latest, 7)
    latest.mlops("drift", "--detailed-exitcode", code=0)


def test_labels_move_with_the_record(latest: Repository):
    latest.mlops("state", "export", "record.json")
    (latest.folder / ".mlops" / "state.db").unlink()
    latest.mlops("state", "import", "record.json")
    register(latest, 7)
    latest.mlops("drift", "--detailed-exitcode", code=2)
