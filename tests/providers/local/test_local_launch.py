"""How an instance is started."""

from dataclasses import replace
from pathlib import Path

from local_world import DEPLOYMENT

from reconciler.keeper.values import Probe
from reconciler.providers.local.environments import Environment
from reconciler.providers.local.launch import Launch, process, variables

ENVIRONMENT = Environment(Path("/e/venv/bin/python"), Path("/e/bytecode"))


def launch(**fields):
    own = {name: fields.pop(name) for name in ("model", "variables", "server") if name in fields}
    code = {"code": {"name": "code", "digest": "sha256:1"}, "scoring_script": "score.py"}
    spec = {**DEPLOYMENT, "code_configuration": code, **fields}
    return Launch(spec, ENVIRONMENT, Path("/runtime"), Path("/content/code"), **own)


def test_the_server_runs_in_the_deployments_python_on_a_unix_socket():
    started = process(launch(), "credit/blue/1", Path("/run/1.sock"), Path("/logs/1.log"), {})
    assert started.argv == ("/e/venv/bin/python", "-m", "reconciler.scoring", "--uds", "/run/1.sock")


def test_the_folder_of_the_script_is_the_app_root():
    script = {"code": {"name": "code", "digest": "sha256:1"}, "scoring_script": "online/score.py"}
    found = variables(launch(code_configuration=script), {})
    assert (found["AML_APP_ROOT"], found["AZUREML_ENTRY_SCRIPT"]) == ("/content/code/online", "score.py")


def test_the_model_folder_is_told_where_there_is_a_model():
    assert variables(launch(model=Path("/models/1")), {})["AZUREML_MODEL_DIR"] == "/models/1"
    assert "AZUREML_MODEL_DIR" not in variables(launch(), {})


def test_credentials_of_the_operator_are_not_passed_on():
    found = variables(launch(), {"AWS_SECRET_ACCESS_KEY": "s3cret", "GITHUB_TOKEN": "t", "LANG": "C.UTF-8"})
    assert "s3cret" not in str(found)
    assert found["LANG"] == "C.UTF-8"


def test_the_users_variables_win():
    found = variables(launch(variables={"AZUREML_MODEL_DIR": "/mine", "WORKER_COUNT": "2"}), {})
    assert (found["AZUREML_MODEL_DIR"], found["WORKER_COUNT"]) == ("/mine", "2")


def test_the_users_python_path_comes_after_the_servers():
    assert variables(launch(variables={"PYTHONPATH": "/mine"}), {})["PYTHONPATH"] == "/runtime:/mine"


def test_an_instance_gets_the_time_that_a_request_may_take_to_finish():
    settings = {"request_timeout_ms": 60_000, "max_concurrent_requests_per_instance": 4, "max_queue_wait_ms": 500}
    started = process(launch(request_settings=settings), "n", Path("/s"), Path("/l"), {})
    assert started.env["MLOPS_DRAIN_SECONDS"] == "61"
    assert started.stop_timeout_s == 124
    assert started.env["MLOPS_MAX_CONCURRENT_REQUESTS"] == "4"


def test_a_run_may_take_as_long_as_a_request_and_a_second_more():
    settings = {"request_timeout_ms": 60_000, "max_concurrent_requests_per_instance": 4, "max_queue_wait_ms": 500}
    assert variables(launch(request_settings=settings), {})["SCORING_TIMEOUT_MS"] == "61000"
    mine = {"SCORING_TIMEOUT_MS": "9"}
    assert variables(launch(request_settings=settings, variables=mine), {})["SCORING_TIMEOUT_MS"] == "9"


def test_modules_of_the_code_do_not_stand_in_for_those_of_the_server():
    # Python looks for modules in the working directory first; the server enters the code's folder once it is loaded.
    assert process(launch(), "n", Path("/s"), Path("/l"), {}).cwd == "/runtime"


def test_a_relative_python_path_is_relative_to_the_code():
    found = variables(launch(variables={"PYTHONPATH": "lib:/mine"}), {})
    assert found["PYTHONPATH"] == "/runtime:/content/code/lib:/mine"


def test_as_many_requests_may_wait_in_an_instance_as_may_run():
    settings = {"request_timeout_ms": 5000, "max_concurrent_requests_per_instance": 4, "max_queue_wait_ms": 500}
    found = variables(launch(request_settings=settings), {})
    assert (found["MLOPS_MAX_CONCURRENT_REQUESTS"], found["MLOPS_MAX_QUEUED_REQUESTS"]) == ("4", "4")


def test_the_server_of_azure_is_run_by_gunicorn_on_the_same_unix_socket():
    started = process(launch(server="azureml"), "credit/blue/1", Path("/run/1.sock"), Path("/logs/1.log"), {})
    assert started.argv == (
        *("/e/venv/bin/python", "-m", "gunicorn", "-c", "python:reconciler.scoring.azureml"),
        *("--bind", "unix:/run/1.sock", "azureml_inference_server_http.server.entry:app"),
    )


def test_a_model_without_a_script_is_named_in_place_of_one():
    bare = Launch(DEPLOYMENT, ENVIRONMENT, Path("/runtime"), None, Path("/models/1"), mlflow_folder="risk/model")
    found = variables(bare, {})
    assert (found["AZUREML_MODEL_DIR"], found["MLFLOW_MODEL_FOLDER"]) == ("/models/1", "risk/model")
    assert found["AML_APP_ROOT"] == "/models/1"
    assert "AZUREML_ENTRY_SCRIPT" not in found


def test_both_probes_are_asked_of_the_instance_itself():
    probe = {"initial_delay": 5, "period": 3, "timeout": 1, "success_threshold": 1, "failure_threshold": 4}
    ready = {**probe, "period": 2}
    started = process(launch(liveness_probe=probe, readiness_probe=ready), "n", Path("/run/1.sock"), Path("/l"), {})
    assert started.liveness == Probe(
        "/run/1.sock", initial_delay_s=5, period_s=3, timeout_s=1, success_threshold=1, failure_threshold=4
    )
    assert started.readiness == replace(started.liveness, period_s=2)
