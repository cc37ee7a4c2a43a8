"""What failed while somebody waited is `Failed` for whoever asks later, as scripts do, until it is mended."""

import pytest
from command_line import SCORE, Repository

BLUE = ("-n", "blue", "-e", "credit")
CREATE = ("online-deployment", "create", *BLUE, "-f", "manifests/blue.yml")
NO_MODEL = """import os


def init():
    print("no such model", flush=True)
    os._exit(7)


def run(raw_data):
    return 1
"""


@pytest.fixture
def failed(local: Repository) -> Repository:
    """A deployment of an endpoint could not be made."""
    local.mlops("model", "create", "-f", "manifests/risk-1.yml")
    local.mlops("environment", "create", "-f", "manifests/sklearn.yml")
    local.mlops("online-endpoint", "create", "-n", "credit")
    local.write("manifests/src/score.py", NO_MODEL)
    local.mlops(*CREATE, code=5)
    return local


def state_of(repository: Repository, code: int = 0) -> str:
    query = ("--query", "provisioning_state", "-o", "tsv")
    return repository.mlops("online-deployment", "show", *BLUE, *query, code=code).out.strip()


def test_a_deployment_that_could_not_be_made_is_failed_until_it_is_made(failed: Repository):
    assert state_of(failed) == "Failed"
    shown = failed.mlops("online-deployment", "show", *BLUE)
    assert (shown.json["name"], shown.json["instance_count"]) == ("blue", 1)
    assert "no such model" in shown.err
    assert "no such model" in failed.mlops("online-deployment", "get-logs", *BLUE).out
    failed.write("manifests/src/score.py", SCORE)
    failed.mlops(*CREATE)
    assert state_of(failed) == "Succeeded"


def test_one_that_could_not_be_made_is_deleted_as_any_other(failed: Repository):
    failed.mlops("online-deployment", "delete", *BLUE, "--yes")
    assert state_of(failed, code=1) == ""
    assert failed.mlops("online-deployment", "list", "-e", "credit").json == []


def test_what_was_refused_before_anything_was_begun_is_not_failed(local: Repository):
    local.mlops("online-endpoint", "create", "-n", "credit")
    local.mlops(*CREATE, code=1)
    assert state_of(local, code=1) == ""
