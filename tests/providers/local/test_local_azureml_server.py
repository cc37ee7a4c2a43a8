"""A target with `server: azureml` runs scripts by azureml-inference-server-http of their own environments."""

import json
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from constant_load import Load
from local_world import ENDPOINT, World

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from tests.waiting import until

BLUE = Address.parse("deployment/credit/blue")
ENVIRONMENT = {"image": "any", "conda_file": {"dependencies": [{"pip": ["azureml-inference-server-http"]}]}}
SCRIPT = """
import logging, os, time
def init():
    logging.getLogger("score").info("init logs this")
    print("init prints this")
def run(raw_data):
    logging.info("run logs this")
    folder = os.environ.get("FOLDER")
    if folder:
        open(os.path.join(folder, "running"), "w").close()
        while not os.path.exists(os.path.join(folder, "go")):
            time.sleep(0.01)
    return {"answer": raw_data}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory, environments):
    """A world in which `credit/blue` is served by two instances."""
    world = World(tmp_path_factory.mktemp("azureml"), environments, server="azureml")
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", str(BLUE), world.deployment(SCRIPT, environment=ENVIRONMENT, instance_count=2))
    yield world
    world.end()


def printed(world, deployment=BLUE):
    return "".join(path.read_text() for path in world.layout.logs(deployment).glob("*.log"))


def test_the_script_answers_through_the_gateway(served):
    assert served.call("blue", body=b'{"data": [1]}') == (200, json.dumps({"answer": '{"data": [1]}'}).encode())


def test_the_instances_are_gunicorns_of_the_deployments_environment(served):
    for pid in served.pids(str(BLUE)):
        command = psutil.Process(pid).cmdline()
        assert str(served.layout.environments) in command[0]
        assert command[1:3] == ["-m", "gunicorn"]


def test_an_instance_listens_on_its_own_socket_and_nowhere_else(served):
    for each in served.live(str(BLUE)).detail["instances"]:
        processes = [psutil.Process(each["pid"]), *psutil.Process(each["pid"]).children()]
        assert [found for process in processes for found in process.net_connections("inet")] == []
        named = {found.laddr for process in processes for found in process.net_connections("unix") if found.laddr}
        assert named == {str(served.layout.socket(each["name"]))}


def test_what_the_script_logs_as_info_and_prints_is_kept(served):
    served.call("blue")
    found = printed(served)
    assert " I [" in found
    assert all(line in found for line in ("score - init logs this", "init prints this", "root - run logs this"))


def test_an_init_that_fails_is_told_with_its_traceback(served):
    script = "def init(): raise ValueError('no such table')\ndef run(raw_data): pass\n"
    with pytest.raises(ProviderError, match=r"init\(\) failed \(exit code 3\)") as error:
        served.do("create", "deployment/credit/broken", served.deployment(script, environment=ENVIRONMENT))
    assert "ValueError: no such table" in "\n".join(error.value.log_tail)


def test_a_request_in_flight_is_answered_before_its_instance_stops(served, tmp_path):
    variables = {"environment_variables": {"FOLDER": str(tmp_path)}}
    settings = {**served.deployment(SCRIPT)["request_settings"], "request_timeout_ms": 60_000}
    slow = served.deployment(SCRIPT, environment=ENVIRONMENT, request_settings=settings, **variables)
    served.do("create", "deployment/credit/slow", slow)
    (before,) = served.pids("deployment/credit/slow")
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(served.call, "slow")
        until((tmp_path / "running").exists)
        rolled = pool.submit(served.do, "roll_out", "deployment/credit/slow", {**slow, "description": "another"})
        until(lambda: served.pids("deployment/credit/slow") != [before])
        (tmp_path / "go").touch()
        assert answer.result()[0] == 200
        rolled.result()
    assert not psutil.pid_exists(before)


def test_roll_outs_lose_no_request(served):
    served.route(blue=100)
    settings = {**served.deployment(SCRIPT)["request_settings"], "max_concurrent_requests_per_instance": 2}
    wanted = served.deployment(SCRIPT, environment=ENVIRONMENT, instance_count=2, request_settings=settings)
    with Load(served) as load:
        for number in range(2):
            served.do("roll_out", str(BLUE), {**wanted, "description": str(number)})
        load.go_on(10)
    assert load.lost == []


def test_what_a_server_of_others_has_loaded_is_not_known_and_that_is_said(served):
    told = [each for each in served.provider.served() if each.deployment == BLUE]
    assert [(each.parts, each.why) for each in told] == [({}, "its server is not ours")] * 2
