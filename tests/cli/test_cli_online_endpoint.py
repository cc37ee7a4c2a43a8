"""The commands `online-endpoint …` as scripts use them: what they print, where, and how they end."""

import json
import urllib.error
import urllib.request

import pytest
from command_line import Repository


def online_endpoint(repository: Repository, words: str, *, code: int = 0) -> str:
    """What a command answers on standard output."""
    return repository.mlops("online-endpoint", *words.split(), code=code).out


def status_of(address: str, key: str = "", data: bytes | None = None) -> int:
    asked = urllib.request.Request(address, data, {"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return int(error.code)


def test_the_addresses_that_are_shown_answer_to_the_key_that_is_given(served: Repository):
    key = online_endpoint(served, "get-credentials -n credit --query primaryKey -o tsv").strip()
    scoring, openapi = (
        online_endpoint(served, f"show -n credit --query {name} -o tsv").strip()
        for name in ("scoring_uri", "openapi_uri")
    )
    assert status_of(scoring, key, b"{}") == 200
    assert status_of(scoring, data=b"{}") == 401
    assert (status_of(openapi, key), status_of(openapi)) == (200, 401)
    assert openapi == scoring.removesuffix("score") + "swagger.json"


def test_an_answer_is_a_text_in_json_and_by_itself_as_tsv(served: Repository):
    assert json.loads(online_endpoint(served, "invoke -n credit")) == '"blue"'
    assert online_endpoint(served, "invoke --name credit -o tsv") == '"blue"\n'
    served.write("request.json", '{"data": [1]}')
    assert online_endpoint(served, "invoke -n credit --deployment green --request request.json -o tsv") == '"green"\n'


def test_any_answer_but_200_is_an_error_and_nothing_on_standard_output(served: Repository):
    refused = served.mlops("online-endpoint", "invoke", "-n", "credit", "-d", "grene", code=1)
    assert refused.out == ""
    assert "credit answered 404 Not Found" in refused.err
    assert "there are: blue, green" in refused.err


def test_what_runs_is_listed_as_a_script_takes_it(served: Repository):
    assert online_endpoint(served, "list --query [].name -o tsv") == "credit\n"
    listed = json.loads(online_endpoint(served, "list-deployments -n credit"))
    assert [(each["name"], each["provisioning_state"]) for each in listed] == [
        ("blue", "Succeeded"),
        ("green", "Succeeded"),
    ]
    assert online_endpoint(served, "show -n credit --query traffic -o json") == '{\n  "blue": 100,\n  "green": 0\n}\n'
    assert online_endpoint(served, "show -n credit --query tags.nothing -o tsv") == ""


def test_a_new_key_takes_the_place_of_the_one_that_is_named(local: Repository):
    local.mlops("online-endpoint", "create", "-n", "credit")
    before = json.loads(online_endpoint(local, "get-credentials -n credit"))
    assert online_endpoint(local, "regenerate-keys -n credit --key Secondary") == ""
    after = json.loads(online_endpoint(local, "get-credentials -n credit"))
    assert (after["primaryKey"] == before["primaryKey"], after["secondaryKey"] == before["secondaryKey"]) == (
        True,
        False,
    )


def test_after_a_change_the_endpoint_is_all_that_standard_output_has(applied: Repository):
    done = applied.mlops("online-endpoint", "update", "-n", "credit", "--set", "tags.team=risk")
    assert json.loads(done.out)["tags"] == {"team": "risk"}
    assert "~ update endpoint/credit (tags changed)" in done.err
    silent = applied.mlops("online-endpoint", "update", "-n", "credit", "--remove", "tags.team", "--only-show-errors")
    assert json.loads(silent.out)["tags"] == {}
    assert silent.err == ""
    assert online_endpoint(applied, "update -n credit --set tags.a=b --query tags.a -o tsv") == "b\n"


def test_a_change_by_command_is_a_run_and_git_wants_it_back(applied: Repository):
    online_endpoint(applied, "update -n credit --set description=new")
    assert "mlops online-endpoint update" in applied.mlops("history").out
    assert applied.steps() == ["update endpoint/credit"]


def test_traffic_may_be_one_word_or_several(applied: Repository):
    applied.write("green.yml", applied.read("manifests/blue.yml").replace("name: blue", "name: green"))
    applied.edit("green.yml", "code: src", "code: manifests/src")
    applied.apply("green.yml")
    shown = [
        online_endpoint(applied, "update -n credit --traffic blue=90 green=10 --query traffic -o tsv"),
        applied.mlops(
            "online-endpoint",
            "update",
            "-n",
            "credit",
            "--traffic",
            "blue=0 green=100",
            "--query",
            "traffic",
            "-o",
            "tsv",
        ).out,
    ]
    assert shown == ["90\t10\n", "0\t100\n"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("show -n churn", 1, "endpoint/churn is not there (target dev); there are: endpoint/credit"),
        ("show -n credti", 1, "did you mean endpoint/credit?"),
        ("update -n churn --set tags.a=1", 1, "endpoint/churn is not there (target dev"),
        ("update -n credti --set tags.a=1", 1, "(target dev; did you mean endpoint/credit?); make it first: mlops"),
        ("update --set tags.a=1", 1, "Invalid value for --name: say which endpoint, or give a --file"),
        ("update -n credit --traffic blue:100", 1, "Invalid value for --traffic: write NAME=VALUE"),
        ("update -n credit --traffic blue=90", 1, "--traffic:1:1: E-TRAFFIC-SUM: traffic sums to 90"),
        ("update -n credit -f manifests/endpoint.yml --traffic blue=90", 1, "--traffic:1:1: E-TRAFFIC-SUM"),
        ("create -n x", 1, "--name:1:1: E-NAME"),
        ("create -n x", 1, "mlops: 1 problem; nothing was changed"),
        ("create -n churn --auth-mode none", 1, "--auth-mode:1:1: E-AUTH"),
        ("create -n churn --set identity=none identity.type=none", 1, "E-SET: identity.type: cannot be set"),
        ("create -n churn --query [", 1, "--query '[' is not a JMESPath: Incomplete expression\n"),
        ("create -n churn --no-wait --query [", 1, "--query '[' is not a JMESPath"),
        ("delete -n credit --yes --query [", 1, "--query '[' is not a JMESPath"),
        ("update -n credit -f manifests/endpoint.yml --remove tags", 1, "with --file write it there"),
        ("update -n credit --set identity.type=none", 4, "E-IN-USE: endpoint/credit would be deleted"),
        ("create -f manifests", 1, "manifests is a folder, and the command takes the file of one endpoint"),
        ("create -f manifests/blue.yml", 1, "E-KIND: this is a deployment, and the command takes an endpoint"),
        ("delete -n credit", 4, "say --yes if you mean it"),
        ("delete -n churn", 0, "endpoint/churn is not there (target dev); there is nothing to delete."),
        ("invoke -n credit", 1, "provider memory serves nothing"),
        ("invoke -n credit -r nowhere.json", 1, "the request file nowhere.json cannot be read"),
        ("get-credentials -n churn", 1, "endpoint/churn is not there"),
        ("regenerate-keys -n churn", 1, "endpoint/churn is not there"),
        ("regenerate-keys -n credit --key-type tertiary", 1, "'tertiary' is not one of 'primary', 'secondary'"),
        ("list-deployments -n churn", 1, "endpoint/churn is not there"),
        ("show -n credit --local", 1, "no target of mlops.yaml has provider: local"),
    ],
)
def test_whatever_is_wrong_is_said_with_its_exit_code(applied: Repository, words: str, code: int, said: str):
    before = applied.live()
    done = applied.mlops("online-endpoint", *words.split(), code=code)
    assert said in done.err
    assert done.out == ""
    assert applied.live() == before


def test_what_is_deleted_is_gone_with_its_deployments(applied: Repository):
    assert online_endpoint(applied, "delete -n credit -y") == ""
    assert [address for address in applied.live() if "credit" in address] == []
    assert online_endpoint(applied, "list") == "[]\n"


def test_what_is_as_it_is_wanted_already_is_said_beside_the_answer(applied: Repository):
    done = applied.mlops("online-endpoint", "update", "-n", "CREDIT", "--traffic", "blue=100", "--query", "name")
    assert done.out == '"credit"\n'
    assert done.err == "endpoint/credit is as it is wanted already; nothing was done.\n"
