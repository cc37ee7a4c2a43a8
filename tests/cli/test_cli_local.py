"""The whole line on a local target: applied, asked, watched, mended, taken away."""

import json
from pathlib import Path

import psutil
from command_line import Repository

from tests.ending import has_ended, processes_of
from tests.waiting import until


def test_traffic_decides_who_answers(served: Repository):
    assert served.mlops("invoke", "credit").out == '"blue"\n'


def test_a_deployment_that_is_named_answers_whatever_the_traffic(served: Repository):
    assert served.mlops("invoke", "credit", "--deployment", "green").out == '"green"\n'


def test_what_is_served_is_as_planned(served: Repository):
    assert served.mlops("plan", "--detailed-exitcode", code=0).out.startswith("No changes.")


def test_status_tells_who_gets_how_much(served: Repository):
    lines = [" ".join(line.split()) for line in served.mlops("status").out.splitlines()]
    assert "blue 100 % 1 of 1 ready Succeeded" in lines
    assert "green 0 % 1 of 1 ready Succeeded" in lines


def test_show_gives_the_address_as_azure_names_it(served: Repository):
    uri = served.mlops("show", "endpoint/credit", "--query", "scoring_uri", "-o", "tsv").out
    assert uri.startswith("http://127.0.0.1:")
    assert uri.endswith("/api/v1/endpoint/credit/score\n")


def test_credentials_are_two_keys(served: Repository):
    keys = json.loads(served.mlops("credentials", "credit").out)
    assert sorted(keys) == ["primaryKey", "secondaryKey"]
    assert len(set(keys.values())) == 2


def test_credentials_lie_in_no_file_that_others_may_read(served: Repository):
    key = served.mlops("credentials", "credit", "--query", "primaryKey", "-o", "tsv").out.strip()
    files = [path for path in served.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if path.stat().st_mode & 0o077 and key.encode() in path.read_bytes()] == []


def test_logs_show_what_a_script_prints_and_logs(served: Repository):
    served.mlops("invoke", "credit")
    until(lambda: "a request came" in served.mlops("logs", "deployment/credit/blue").out)
    assert "the model is read" in served.mlops("logs", "deployment/credit/blue").out


def test_a_killed_instance_is_drift_and_is_mended(local: Repository):
    local.apply()
    instance = local.mlops("show", "deployment/credit/blue", "--query", "instances[0].pid", "-o", "tsv").out
    process = psutil.Process(int(instance))
    process.kill()
    until(lambda: has_ended(process))
    assert "deployment/credit/blue: changed" in local.mlops("drift", "--detailed-exitcode", code=2).out
    local.apply()
    local.mlops("drift", "--detailed-exitcode", code=0)
    assert local.mlops("invoke", "credit").out == '"blue"\n'


def test_a_weight_changed_behind_our_back_is_drift_and_is_mended(local: Repository):
    local.apply()
    send_30_percent(local.folder / ".mlops" / "local" / "dev" / "gateway" / "routes.json")
    assert "traffic.blue: recorded 100, live 30" in local.mlops("drift", "--detailed-exitcode", code=2).out
    local.apply()
    local.mlops("drift", "--detailed-exitcode", code=0)
    assert local.mlops("invoke", "credit").out == '"blue"\n'


def send_30_percent(file: Path) -> None:
    """Have the gateway send no more than that by traffic, as somebody who edits its configuration would."""
    configuration = json.loads(file.read_text())
    [host] = configuration["resources"][0]["virtual_hosts"]
    [endpoint] = host["matcher"]["matcher_tree"]["prefix_match_map"]["map"].values()
    routes = endpoint["action"]["typed_config"]["routes"]
    matches = [route["match"] for route in routes if route["match"].get("path", "").endswith("/score")]
    [share] = [match["runtime_fraction"] for match in matches if "runtime_fraction" in match]
    share["default_value"]["numerator"] = 30
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(configuration))
    fresh.replace(file)


def test_a_run_that_fails_is_an_error_of_invoke_that_says_where_to_look(local: Repository):
    local.edit("manifests/src/score.py", 'return "blue"', "return 1 / 0")
    local.apply()
    said = local.mlops("invoke", "credit", code=1).err
    assert "credit answered 424" in said
    assert "\\n" not in said


def test_destroy_leaves_no_process(local: Repository):
    local.apply()
    assert processes_of(local.folder)
    local.mlops("destroy", "--auto-approve")
    assert processes_of(local.folder) == []


def test_two_files_are_enough_to_be_served(local: Repository):
    local.edit("manifests/blue.yml", "model: azureml:risk:1\nenvironment: azureml:sklearn:1\n", "")
    local.apply("manifests/endpoint.yml", "manifests/blue.yml")
    assert local.mlops("invoke", "credit").out == '"blue"\n'


def test_a_run_from_another_folder_of_the_repository_finds_the_same_target(served: Repository):
    assert served.mlops("invoke", "credit", below="manifests").out == '"blue"\n'
