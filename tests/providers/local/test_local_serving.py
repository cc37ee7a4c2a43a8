"""The local target serves: real processes, a real proxy, requests over HTTP."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from local_world import ENDPOINT, answering

from reconciler.core.address import Address
from reconciler.core.secret import Secret
from reconciler.errors import ProviderError
from reconciler.providers.provider import CredentialSource, LogSource
from tests.waiting import until

FAILING = "import os\ndef init(): raise ValueError('no model here')\ndef run(raw_data): return 1\n"


def test_a_deployment_answers_by_its_header_and_by_traffic(world):
    world.endpoint_with(blue=answering("blue"))
    assert world.score("blue") == "blue"
    assert world.call()[0] == 404
    world.route(blue=100)
    assert world.score() == "blue"


def test_either_key_opens_the_endpoint_and_nothing_else_does(world):
    world.endpoint_with(blue=answering("blue"))
    assert world.score("blue", key="secondaryKey") == "blue"
    assert world.call("blue", key="guess")[0] == 401


def test_traffic_is_shared_by_weights(world):
    world.endpoint_with(blue=answering("blue"), green=answering("green"))
    world.route(blue=50, green=50)
    assert {world.score() for _ in range(40)} == {"blue", "green"}
    world.route(blue=0, green=100)
    assert {world.score() for _ in range(10)} == {"green"}


def test_what_is_live_is_what_was_asked_for(world):
    secret = Secret.of("hunter2", b"key")
    spec = world.deployment(answering("blue"), environment_variables={"TOKEN": secret})
    world.do("create", "endpoint/credit", ENDPOINT)
    operation = world.do("create", "deployment/credit/blue", spec)
    world.route(blue=100)
    live = world.live("deployment/credit/blue")
    assert (live.spec, live.operation, live.generation) == (spec, operation.id, 1)
    assert world.live("endpoint/credit").spec == {**ENDPOINT, "traffic": {"blue": 100}}


def test_secrets_reach_the_script_and_no_object(world):
    script = "import os\ndef init(): pass\ndef run(raw_data): return os.environ['TOKEN']\n"
    spec = world.deployment(script, environment_variables={"TOKEN": Secret.of("hunter2", b"key")})
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", "deployment/credit/blue", spec)
    assert world.score("blue") == "hunter2"
    assert not any("hunter2" in path.read_text() for path in world.layout.folder.glob("objects/*"))


def test_an_empty_value_is_a_value(world):
    script = "import os\ndef init(): pass\ndef run(raw_data): return [os.environ['PREFIX']]\n"
    spec = world.deployment(script, environment_variables={"PREFIX": Secret.of("", b"key")})
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", "deployment/credit/blue", spec)
    assert world.score("blue") == [""]


def test_instances_started_later_get_the_values_that_were_kept(world):
    script = "import os\ndef init(): pass\ndef run(raw_data): return os.environ['TOKEN'] + str(os.getpid())\n"
    secret = Secret.of("hunter2", b"key")
    spec = world.deployment(script, environment_variables={"TOKEN": secret})
    world.do("create", "endpoint/credit", ENDPOINT)
    world.do("create", "deployment/credit/blue", spec)
    recorded = {**spec, "environment_variables": {"TOKEN": Secret(secret.digest)}, "instance_count": 2}
    world.do("scale", "deployment/credit/blue", recorded)
    expected = {f"hunter2{pid}" for pid in world.pids("deployment/credit/blue")}
    assert {world.score("blue") for _ in range(20)} == expected


def test_a_model_appears_under_its_own_name(world):
    model = world.contents.path("sha256:0a")
    model.mkdir()
    (model / "weights.txt").write_text("42")
    script = (
        "import os\ndef init(): pass\n"
        "def run(raw_data): return open(os.path.join(os.getenv('AZUREML_MODEL_DIR'), 'model/weights.txt')).read()\n"
    )
    world.do("create", "endpoint/credit", ENDPOINT)
    path = {"path": {"name": "model", "digest": "sha256:0a"}, "type": "custom_model"}
    world.do("create", "model/risk:1", path)
    world.do("create", "deployment/credit/blue", world.deployment(script, model=path))
    world.do("create", "deployment/credit/green", world.deployment(script, model="azureml:risk:1"))
    assert (world.score("blue"), world.score("green")) == ("42", "42")


def test_a_roll_out_loses_no_request(world):
    world.endpoint_with(blue=answering("one"))
    world.route(blue=100)
    answers, over = [], threading.Event()

    def trickle():
        while not over.is_set():
            answers.append(world.call())

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(trickle) for _ in range(2)]
        world.do("roll_out", "deployment/credit/blue", world.deployment(answering("two")))
        until(lambda: answers[-1][1] == b'"two"')
        over.set()
        for each in asking:
            each.result()
    assert {status for status, _ in answers} == {200}
    assert len(world.pids("deployment/credit/blue")) == 1


def test_an_init_that_fails_leaves_the_old_version_serving(world):
    world.endpoint_with(blue=answering("old"))
    before = world.live("deployment/credit/blue")
    with pytest.raises(ProviderError, match=r"init\(\) failed \(exit code 3\)") as error:
        world.do("roll_out", "deployment/credit/blue", world.deployment(FAILING))
    assert "ValueError: no model here" in error.value.log_tail[-1]
    assert world.score("blue") == "old"
    assert world.live("deployment/credit/blue") == before


def test_a_creation_that_fails_leaves_nothing(world):
    world.endpoint_with()
    with pytest.raises(ProviderError, match=r"init\(\) failed"):
        world.do("create", "deployment/credit/blue", world.deployment(FAILING))
    assert [str(live.address) for live in world.provider.list()] == ["endpoint/credit"]
    assert list(world.layout.sockets.glob("?" * 12 + ".sock")) == []


def test_scaling_keeps_what_runs_and_drains_what_goes(world):
    world.endpoint_with(blue=answering("blue"))
    spec, first = world.deployment(answering("blue")), world.pids("deployment/credit/blue")
    world.do("scale", "deployment/credit/blue", {**spec, "instance_count": 3})
    assert world.live("deployment/credit/blue").spec["instance_count"] == 3
    assert world.reports[-1] == "2 of 2 instances ready"
    world.do("scale", "deployment/credit/blue", {**spec, "instance_count": 1})
    assert world.pids("deployment/credit/blue") == first
    assert world.score("blue") == "blue"


def test_the_address_stays_when_the_proxy_is_started_anew(world):
    world.endpoint_with()
    uri = world.live("endpoint/credit").detail["scoring_uri"]
    world.do("delete", "endpoint/credit")
    world.endpoint_with()
    assert world.live("endpoint/credit").detail["scoring_uri"] == uri


def test_with_the_last_endpoint_everything_ends(world):
    world.endpoint_with(blue=answering("blue"))
    world.do("delete", "deployment/credit/blue")
    world.do("delete", "endpoint/credit")
    assert world.provider.list() == []
    assert running_in(world) == []


def test_an_endpoint_takes_its_deployments_along(world):
    world.endpoint_with(blue=answering("blue"))
    world.route(blue=100)
    world.do("delete", "endpoint/credit")
    assert world.provider.list() == []
    assert running_in(world) == []


def test_what_is_gone_may_be_deleted_again(world):
    world.do("delete", "deployment/credit/blue")
    world.do("delete", "model/risk:1")
    assert world.provider.list() == []


def test_several_threads_deploy_at_once(world):
    def deploy(name):
        world.do("create", f"endpoint/{name}", ENDPOINT)
        world.do("create", f"deployment/{name}/blue", world.deployment(answering(name)))
        return world.score("blue", endpoint=name)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(deploy, ("one", "two", "three"))) == ["one", "two", "three"]


def test_logs_are_what_the_instances_printed(world):
    world.endpoint_with(blue=answering("blue"))
    address = Address.parse("deployment/credit/blue")
    assert isinstance(world.provider, LogSource)
    assert "init of blue" in "\n".join(world.provider.logs(address, tail=50, follow=False))
    following = iter(world.provider.logs(address, tail=0, follow=True))
    log = next(world.layout.logs(address).glob("*.log"))
    with log.open("a") as file:
        file.write("one more line\n")
    assert next(following) == "one more line"


def test_credentials_are_of_endpoints_that_are_there(world):
    assert isinstance(world.provider, CredentialSource)
    with pytest.raises(ProviderError, match="endpoint/none is not there"):
        world.provider.credentials(Address.parse("endpoint/none"))


def test_files_are_private(world):
    world.endpoint_with(blue=answering("blue"))
    secret = [*world.layout.folder.glob("objects/*"), *world.layout.folder.glob("secrets/*")]
    assert {path.stat().st_mode & 0o077 for path in [world.layout.folder, *secret]} == {0}


def running_in(world):
    """The processes that were started for the target."""
    marks = {str(world.layout.folder), str(world.layout.sockets)}
    own = psutil.Process(os.getpid())
    others = (each for each in psutil.process_iter(["cmdline", "status"]) if each != own)
    return [
        each.info["cmdline"]
        for each in others
        if each.info["status"] != psutil.STATUS_ZOMBIE
        and any(mark in argument for argument in each.info["cmdline"] or () for mark in marks)
    ]
