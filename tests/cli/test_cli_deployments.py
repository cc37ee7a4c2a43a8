"""The commands `online-deployment …` as a user has them: what they print where, how they end, on real instances too."""

import json

import pytest
from command_line import Repository
from on_engine import OnEngine

BLUE = ("-n", "blue", "-e", "credit")
SCORE = """import os


def init(): pass


def run(raw_data): return {name: os.environ[name] for name in "ABC" if name in os.environ}
"""
BAD = """import os


def init():
    print("there are no weights", flush=True)
    os._exit(3)


def run(raw_data): return 1
"""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("update", *BLUE), "say what is to change"),
        (("update", "--set", "a=1"), "say which deployment"),
        (("update", *BLUE, "-f", "x.yml", "--remove", "tags.a"), "with --file write it there"),
        (("create", *BLUE), "Missing option '--file'"),
        (("get-logs", *BLUE), "provider memory has no logs to show"),
        (("show", "-n", "blu", "-e", "credit"), "did you mean deployment/credit/blue?"),
        (("list", "-e", "credt"), "did you mean endpoint/credit?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_refused_in_words(applied: Repository, words: tuple[str, ...], said: str):
    refused = applied.mlops("online-deployment", *words, code=1)
    assert (refused.out, said in refused.err) == ("", True)


def test_the_answer_is_the_deployment_and_all_else_is_said_aside(applied: Repository):
    changed = applied.mlops("online-deployment", "update", *BLUE, "--set", "instance_count=2", "--web")
    assert changed.json["instance_count"] == 2
    assert "#1 ~ scale deployment/credit/blue (instance_count changed)" in changed.err
    assert "--web: there is no studio to open" in changed.err
    again = applied.mlops("online-deployment", "update", *BLUE, "--set", "instance_count=2", "-o", "none")
    assert (again.out, again.err) == ("", "deployment/credit/blue is as it is wanted already; nothing was done.\n")
    quiet = applied.mlops("online-deployment", "update", *BLUE, "--set", "instance_count=1", "--only-show-errors")
    assert (quiet.json["instance_count"], quiet.err) == (1, "")
    debugged = applied.mlops("online-deployment", "create", "-f", "manifests/blue.yml", "--vscode-debug")
    assert "`mlops debug deployment/credit/blue`" in debugged.err


def test_a_replacement_is_not_made_unless_it_is_agreed_to(applied: Repository):
    create = ("online-deployment", "create", "-n", "green", "-f", "manifests/blue.yml", "-o", "none")
    other = ("--set", "instance_type=Standard_F4s_v2")
    applied.mlops(*create)
    refused = applied.mlops(*create, *other, code=4)
    assert "deployment/credit/green: to be replaced: instance_type cannot change in place" in refused.err
    assert "say --yes if you mean it" in refused.err
    applied.mlops(*create, *other, "--yes")
    assert applied.live()["deployment/credit/green"]["instance_type"] == "Standard_F4s_v2"


def test_a_deletion_is_refused_with_traffic_and_no_error_where_there_is_nothing(applied: Repository):
    refused = applied.mlops("online-deployment", "delete", *BLUE, "--yes", code=4)
    assert "`mlops online-endpoint update --name credit --traffic blue=0` stops it" in refused.err
    applied.mlops("online-endpoint", "update", "-n", "credit", "--traffic", "blue=0")
    assert "say --yes if you mean it" in applied.mlops("online-deployment", "delete", *BLUE, code=4).err
    applied.mlops("online-deployment", "delete", *BLUE, "-y")
    assert "nothing to delete" in applied.mlops("online-deployment", "delete", *BLUE).err


def test_on_local_instances_a_change_keeps_variables_and_a_failure_keeps_traffic_and_log(local: Repository):
    a_change_keeps_variables_and_a_failure_keeps_traffic_and_log(local)


def test_in_containers_a_change_keeps_variables_and_a_failure_keeps_traffic_and_log(docker: OnEngine):
    a_change_keeps_variables_and_a_failure_keeps_traffic_and_log(docker)


def a_change_keeps_variables_and_a_failure_keeps_traffic_and_log(repository: Repository) -> None:
    repository.write("manifests/src/score.py", SCORE)
    repository.write("manifests/bad/score.py", BAD)
    repository.edit(
        "manifests/blue.yml", "instance_count: 1\n", "instance_count: 1\nenvironment_variables: {A: one, B: two}\n"
    )
    repository.write("request.json", "{}")
    repository.mlops("model", "create", "-f", "manifests/risk-1.yml")
    repository.mlops("environment", "create", "-f", "manifests/sklearn.yml")
    repository.mlops("online-endpoint", "create", "-n", "credit")
    repository.mlops("online-deployment", "create", "-f", "manifests/blue.yml", "--all-traffic")
    repository.mlops(
        "online-deployment",
        "update",
        *BLUE,
        "--set",
        "environment_variables.C=three",
        "--remove",
        "environment_variables.B",
    )
    assert answer(repository) == {"A": "one", "C": "three"}
    bad = ("--set", "code_configuration.code=bad")
    failed = repository.mlops(
        "online-deployment", "create", "-n", "green", "-f", "manifests/blue.yml", "--all-traffic", *bad, code=5
    )
    assert (failed.out, "there are no weights" in failed.err) == ("", True)
    assert "mend the cause and give `mlops online-deployment create` again" in failed.err
    green = ("-n", "green", "-e", "credit")
    assert "there are no weights" in repository.mlops("online-deployment", "get-logs", *green).out
    assert answer(repository) == {"A": "one", "C": "three"}
    text = repository.mlops("online-deployment", "get-logs", *BLUE, "-o", "json").json
    assert repository.mlops("online-deployment", "get-logs", *BLUE, "--lines", "50").out == f"{text}\n"
    laid_down = repository.mlops("online-deployment", "get-logs", *BLUE, "-c", "storage-initializer").out
    assert " -> " in laid_down
    lost = repository.mlops(
        "online-deployment", "update", *BLUE, "--set", "instance_type=Standard_F4s_v2", "--yes", code=4
    )
    assert "E-DELETE-TRAFFIC" in lost.err


def answer(repository: Repository) -> dict[str, str]:
    """What the endpoint answers: a text in JSON, as az has it."""
    said = repository.mlops("online-endpoint", "invoke", "-n", "credit", "--request-file", "request.json").json
    return dict(json.loads(said))
