"""Deployments as services of a swarm: made, scaled, mended, taken away, and what is kept from those who look."""

import json

import pytest
from docker_world import ENDPOINT, answering
from swarm_world import BLUE, SwarmWorld

from reconciler.core.manifest import Manifest, Resource
from reconciler.core.plan import Operation
from reconciler.core.secret import Secret
from reconciler.errors import ProviderError
from tests.hosted_world import DEPLOYMENT
from tests.waiting import until

# Scores on 8080 and tells its health on 8081.
OWN_SERVER = """
import json, os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        known = {8080: ["/predict"], 8081: ["/live", "/ready"]}[self.server.server_port]
        self.send_response(200 if self.path in known else 404)
        text = json.dumps(os.environ["TOKEN"]).encode()
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_POST = do_GET

threading.Thread(target=ThreadingHTTPServer(("", 8081), Handler).serve_forever, daemon=True).start()
ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""
FAILING = "def init(): raise ValueError('no more of these')\ndef run(raw_data): return 1\n"
# Tells who answers, and as whom.
TELLING = """
import json, os
def init(): pass
def run(raw_data):
    status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
    words = {name: status[name].strip() for name in ("Uid", "CapEff", "CapBnd", "Seccomp")}
    return {**words, "root": os.access("/", os.W_OK), "secret": os.environ.get("SECRET"), "plain": os.environ["PLAIN"]}
"""


@pytest.fixture
def served(swarm: SwarmWorld) -> SwarmWorld:
    """Two instances, to which all traffic goes."""
    swarm.do("create", "endpoint/credit", ENDPOINT)
    swarm.do("create", str(BLUE), swarm.deployment(answering("old"), instance_count=2))
    swarm.route(blue=100)
    return swarm


def test_a_deployment_is_a_service_and_answers(served: SwarmWorld) -> None:
    assert served.score() == "old"
    live = served.live(str(BLUE))
    assert (live.status, live.spec["instance_count"], live.detail["ready"]) == ("Succeeded", 2, 2)
    assert [each["name"] for each in live.detail["instances"]] == ["credit.blue.1", "credit.blue.2"]
    labels = served.service()["Spec"]["Labels"]
    # The image was built here.
    assert served.service()["Spec"]["TaskTemplate"]["Placement"]["Constraints"] == [f"node.id=={served.node()}"]
    assert (labels["mlops.address"], labels["mlops.lineage"], labels["mlops.kind"]) == (str(BLUE), "lineage", "service")


def test_scaling_changes_how_many_there_are_and_restarts_none(served: SwarmWorld) -> None:
    before = {task["ID"] for task in served.tasks()}
    served.do("scale", str(BLUE), served.deployment(answering("old"), instance_count=4))
    assert before < {task["ID"] for task in served.tasks()}
    assert served.live(str(BLUE)).detail["ready"] == 4
    served.do("scale", str(BLUE), served.deployment(answering("old"), instance_count=1))
    assert len(served.tasks()) == 1
    assert served.live(str(BLUE)).spec["instance_count"] == 1
    assert served.score() == "old"


def test_deleting_leaves_nothing(served: SwarmWorld) -> None:
    served.do("delete", str(BLUE))
    assert served.left() == []
    assert served.provider.observe(BLUE) is None


def test_a_deployment_that_does_not_start_leaves_nothing_and_says_why(swarm: SwarmWorld) -> None:
    swarm.do("create", "endpoint/credit", ENDPOINT)
    with pytest.raises(ProviderError, match=r"init\(\) failed \(exit code 3\)") as caught:
        swarm.do("create", str(BLUE), swarm.deployment(FAILING))
    assert "no more of these" in "\n".join(caught.value.log_tail)
    assert swarm.left() == []
    assert swarm.provider.observe(BLUE) is None


def test_variables_are_no_matter_of_whoever_looks_at_the_service(swarm: SwarmWorld) -> None:
    swarm.do("create", "endpoint/credit", ENDPOINT)
    given = {"SECRET": Secret.of("hunter2", b"key"), "PLAIN": "told"}
    swarm.do("create", str(BLUE), swarm.deployment(TELLING, environment_variables=given))
    swarm.route(blue=100)
    told = swarm.score()
    assert (told["secret"], told["plain"]) == ("hunter2", "told")
    seen = [swarm.services(), swarm.tasks(), [swarm.api.inspect_container(each) for each in swarm.containers()]]
    assert "hunter2" not in json.dumps(seen)
    assert "told" not in json.dumps(swarm.services())


def test_instances_are_confined_as_far_as_a_swarm_can(swarm: SwarmWorld) -> None:
    swarm.do("create", "endpoint/credit", ENDPOINT)
    swarm.do(
        "create",
        str(BLUE),
        swarm.deployment(TELLING, environment_variables={"PLAIN": "told"}, instance_type="Standard_DS2_v2"),
    )
    swarm.route(blue=100)
    told = swarm.score()
    assert (int(told["CapEff"], 16), int(told["CapBnd"], 16), told["Seccomp"], told["root"]) == (0, 0, "2", False)
    assert "0" not in told["Uid"].split()
    (container,) = swarm.containers()
    host = swarm.api.inspect_container(container)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0


def test_a_killed_instance_is_drift_the_gateway_follows_and_scaling_acknowledges_it(served: SwarmWorld) -> None:
    former = {task["ID"] for task in served.tasks()}
    served.api.kill(served.tasks()[0]["Status"]["ContainerStatus"]["ContainerID"])
    until(lambda: served.live(str(BLUE)).spec.get("lost_instances") == 1)
    until(lambda: served.live(str(BLUE)).detail["ready"] == 2)
    assert {task["ID"] for task in served.tasks()} != former
    # Nobody but the feed tells the gateway of the new port.
    until(lambda: served.routed() == served.published())
    assert [served.score() for _ in range(20)] == ["old"] * 20
    served.do("scale", str(BLUE), served.deployment(answering("old"), instance_count=2))
    assert "lost_instances" not in served.live(str(BLUE)).spec


def test_a_plan_costs_one_list_of_services_and_one_of_tasks(served: SwarmWorld, monkeypatch) -> None:
    asked: list[str] = []
    api = served.provider._engine.api
    send = api.send
    monkeypatch.setattr(api, "send", lambda request, **more: asked.append(request.path_url) or send(request, **more))
    served.provider.list()
    assert [url.partition("?")[0].rpartition("/")[2] for url in asked] == ["services", "tasks"]


def test_a_younger_operation_fences_off_older_ones_by_the_service_alone(served: SwarmWorld) -> None:
    (served.layout.folder / "fences").rename(served.layout.folder / "lost")
    late = served.operation(str(BLUE))
    served.do("scale", str(BLUE), served.deployment(answering("old"), instance_count=2))
    (served.layout.folder / "fences").rename(served.layout.folder / "lost-too")
    with pytest.raises(ProviderError, match=r"generation \d+ is late"):
        served.again("scale", str(BLUE), served.deployment(answering("old"), instance_count=1), late)
    assert len(served.tasks()) == 2


def test_code_reaches_instances_as_configs_and_old_ones_are_swept(served: SwarmWorld) -> None:
    container = served.service()["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert "/var/azureml-app/code/score.py" in {each["File"]["Name"] for each in container["Configs"]}
    assert [each["Type"] for each in container["Mounts"]] == ["tmpfs"] * 3
    former = {each["ID"] for each in served.api.configs(filters=served.ours())}
    served.do("roll_out", str(BLUE), served.deployment(answering("new"), instance_count=2))
    present = {each["ID"] for each in served.api.configs(filters=served.ours())}
    assert len(present) == len(former)
    assert len(present - former) == 1
    assert served.score() == "new"


def test_logs_are_those_of_the_instances_there_are(served: SwarmWorld) -> None:
    lines = list(served.provider.logs(BLUE, tail=100, follow=False))
    assert sum("init of old" in line for line in lines) == 2
    one = list(served.provider.logs(BLUE, tail=100, follow=False, instance="credit.blue.2"))
    assert sum("init of old" in line for line in one) == 1


def test_an_image_with_a_server_of_its_own_is_reached_on_its_own_ports_and_has_its_variables(
    swarm: SwarmWorld, base_image: str
) -> None:
    image, command = f"mlops-test/{swarm.project}:1", json.dumps(["python3", "-c", OWN_SERVER])
    made = swarm.api.create_container(base_image, ["true"])["Id"]
    swarm.api.commit(made, *image.split(":"), changes=[f"CMD {command}", f"LABEL mlops.project={swarm.project}"])
    swarm.api.remove_container(made)
    routes = {
        "liveness_route": {"port": 8081, "path": "/live"},
        "readiness_route": {"port": 8081, "path": "/ready"},
        "scoring_route": {"port": 8080, "path": "/predict"},
    }
    spec = {
        **DEPLOYMENT,
        "environment": {"image": image, "inference_config": routes},
        "environment_variables": {"TOKEN": "t1"},
    }
    swarm.do("create", "endpoint/credit", ENDPOINT)
    swarm.do("create", str(BLUE), spec)
    swarm.route(blue=100)
    assert swarm.score() == "t1"
    assert any("has no HEALTHCHECK" in line for line in swarm.reports)


def test_content_too_large_for_configs_is_in_a_volume(swarm: SwarmWorld) -> None:
    reading = "import os\ndef init(): pass\ndef run(raw_data): return os.path.getsize(os.environ['LARGE'])\n"
    code = swarm.contents.script(reading)
    (swarm.contents.path(code["digest"]) / "large").write_bytes(bytes(600_000))
    swarm.do("create", "endpoint/credit", ENDPOINT)
    spec = swarm.deployment(reading, environment_variables={"LARGE": "/var/azureml-app/code/large"})
    swarm.do("create", str(BLUE), spec)
    swarm.route(blue=100)
    assert swarm.score() == 600_000
    container = swarm.service()["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert [each["Target"] for each in container["Mounts"] if each["Type"] == "volume"] == ["/var/azureml-app/code"]
    # What a process has laid down it spares until it ends.
    swarm.switch(mode="swarm")
    swarm.do("delete", str(BLUE))
    assert [*swarm.left(), *swarm.api.volumes(filters=swarm.ours("content"))["Volumes"]] == []


def test_gpus_are_objected_to(swarm: SwarmWorld) -> None:
    spec = swarm.deployment(answering("old"), instance_type="Standard_NC4as_T4_v3")
    blue = Resource(BLUE, spec, Manifest("blue.yml", "deployment", "managed", {}, {}, {}))
    (problem,) = swarm.provider.objections([blue])
    assert "a swarm gives no GPUs" in str(problem)


def test_usage_is_measured_of_every_instance(served: SwarmWorld) -> None:
    found = served.provider.usage()
    assert [each.instance for each in found] == ["credit.blue.1", "credit.blue.2"]
    assert all(each.memory_bytes > 1_000_000 for each in found)


def test_a_service_that_nothing_speaks_of_is_told_and_removed(served: SwarmWorld) -> None:
    served.provider._objects.remove(BLUE)
    (orphan,) = [live for live in served.provider.list() if live.address == BLUE]
    assert (orphan.status, orphan.lineage, orphan.spec) == ("Orphaned", "lineage", {})
    assert orphan.detail["note"] == "a service that no record speaks of"
    served.do("delete", str(BLUE), None)
    assert served.services() == []


def test_a_service_of_another_state_is_told_and_not_touched(served: SwarmWorld) -> None:
    served.provider._objects.remove(BLUE)
    with pytest.raises(ProviderError, match=r"another state|not made by this state"):
        served.again("delete", str(BLUE), None, Operation("op-x", "another", 99))
    assert len(served.services()) == 1
