"""What a service is told, and what is made of what a swarm tells: pure functions, and an engine without a swarm."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.errors import ProviderError
from reconciler.keeper.values import Exit
from reconciler.kinds import KINDS
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.launch import Image, Launch, Mount, Route, Routes
from reconciler.providers.docker.limits import Limits
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.reaching import way
from reconciler.providers.docker.swarm import Swarm
from reconciler.providers.docker.swarm_files import packed, small_files
from reconciler.providers.docker.swarm_instances import exit_of_task, places
from reconciler.providers.docker.swarm_services import Attached, Service, body, is_read_at_start, service_name
from reconciler.providers.docker.swarm_tasks import Look, Task, task_of
from tests.engine.posing import Request, posing

BLUE = Address.parse("deployment/credit/blue")
SPEC = {**KINDS["deployment"].defaults["managed"], "instance_count": 7}
OPERATION = Operation("op", "lineage", 3)
OWN = Routes(Route(8081, "/live"), Route(8081, "/ready"), Route(8080, "/predict"))


def service(**fields) -> Service:
    launch = Launch(**{"spec": SPEC, "image": Image("risk:1", "/usr/bin/python3"), "command": ("python3",), **fields})
    return Service(BLUE, launch, (), None, "node")


def container(made: Service):
    return body(Names("p"), made, OPERATION)["TaskTemplate"]["ContainerSpec"]


def task(**fields) -> Task:
    labels = {
        "mlops.address": str(BLUE),
        "mlops.server": "image",
        "mlops.routes": (
            '{"liveness": {"port": 8081, "path": "/live"}, "readiness": {"port": 8081, "path": "/ready"}, '
            '"scoring": {"port": 8080, "path": "/predict"}}'
        ),
    }
    published = [(8080, 32001), (8080, 32002), (8081, 32003), (8081, 32004)]
    ports = [{"TargetPort": target, "PublishedPort": port} for target, port in published]
    facts = {
        "ID": "t1",
        "CreatedAt": "2026-01-01T00:00:00Z",
        "Spec": {"ContainerSpec": {"Labels": labels}},
        "Slot": 2,
        "NodeID": "node",
        "DesiredState": "running",
        "Status": {"State": "running", "Timestamp": "2026-01-01T00:00:00Z", "PortStatus": {"Ports": ports}},
    }
    return replace(task_of(facts), **fields)


def test_an_update_takes_20_per_cent_at_once_new_ones_first_and_goes_back_where_one_fails():
    update = body(Names("p"), service(), OPERATION)["UpdateConfig"]
    assert (update["Parallelism"], update["Order"], update["FailureAction"], update["Delay"]) == (
        2,
        "start-first",
        "rollback",
        0,
    )


def test_ports_are_published_by_the_node_and_chosen_by_the_engine():
    made = body(Names("p"), service(routes=OWN), OPERATION)
    assert made["EndpointSpec"]["Ports"] == [
        {"Protocol": "tcp", "TargetPort": port, "PublishedPort": 0, "PublishMode": "host"} for port in (8080, 8081)
    ]


def test_an_instance_is_asked_often_enough_to_start_fast_and_given_up_no_sooner_than_the_probe_says():
    check = container(service())["Healthcheck"]
    assert (check["Interval"], check["Retries"], check["StartPeriod"]) == (5 * 10**9, 60, 10 * 10**9)
    assert "5001" in check["Test"][-1]


def test_an_image_with_its_own_server_has_its_own_health_check_and_its_instances_time_to_get_ready():
    made = service(image=Image("risk:1"), command=(), routes=OWN)
    assert "Healthcheck" not in container(made)
    assert "Command" not in container(made)
    assert body(Names("p"), made, OPERATION)["UpdateConfig"]["Delay"] == 10 * 10**9


def test_instances_are_confined():
    found = container(service(limits=Limits(0.5, 1 << 30)))
    assert (found["User"].partition(":")[0] != "0", found["ReadOnly"], found["Init"]) == (True, True, True)
    assert found["CapabilityDrop"] == ["ALL"]
    limits = body(Names("p"), service(limits=Limits(0.5, 1 << 30)), OPERATION)["TaskTemplate"]["Resources"]["Limits"]
    assert limits == {"NanoCPUs": 5 * 10**8, "MemoryBytes": 1 << 30, "Pids": 4096}


def test_every_version_and_every_setting_makes_another_template_and_the_operation_does_not():
    def template(made: Service, operation: Operation = OPERATION) -> str:
        return body(Names("p"), made, operation)["TaskTemplate"]["ContainerSpec"]["Labels"]["mlops.template"]

    first = template(service())
    assert template(service(), Operation("other", "lineage", 4)) == first
    assert template(service(image=Image("risk:2", "/usr/bin/python3"))) != first
    assert template(service(spec={**SPEC, "description": "new"})) != first
    assert template(service(spec={**SPEC, "instance_count": 8})) == first


def test_what_other_nodes_lack_is_run_on_this_node_alone():
    placed = body(Names("p"), replace(service(), bound=True), OPERATION)["TaskTemplate"]["Placement"]
    assert placed == {"Constraints": ["node.id==node"]}
    assert "Placement" not in body(Names("p"), service(), OPERATION)["TaskTemplate"]


def test_a_secret_is_a_file_that_the_user_of_instances_alone_reads():
    made = replace(service(), secret=Attached("s1", "name", "/run/secrets/v.json"))
    (secret,) = container(made)["Secrets"]
    assert (secret["File"]["Mode"], secret["File"]["UID"]) == (0o400, container(made)["User"].partition(":")[0])
    assert "MLOPS_VARIABLES_FILE=/run/secrets/v.json" in container(made)["Env"]


@pytest.mark.parametrize(("name", "early"), [("PYTHONPATH", True), ("LD_PRELOAD", True), ("TOKEN", False)])
def test_what_an_interpreter_reads_as_it_starts_cannot_wait_for_a_file(name, early):
    assert is_read_at_start(name) is early


def test_a_name_is_never_longer_than_a_swarm_takes_and_of_one_deployment_alone():
    short = service_name(Names("p"), BLUE)
    long = [service_name(Names("p" * 40), Address("deployment", f"{'b' * 30}{n}", endpoint="e" * 32)) for n in (1, 2)]
    assert short == "mlops-p-credit-blue"
    assert max(map(len, long)) <= 63
    assert len(set(long)) == 2


def test_instances_of_other_nodes_are_reached_by_the_address_of_their_node():
    here, there = task(), task(id="t2", slot=3, node="far")
    look = Look({}, [here, there], {"node": "127.0.0.1", "far": "10.0.0.7"})
    known = places(look, look.serving(BLUE))
    found = way(list(known), known)
    assert [(each.name, each.address, each.health_port) for each in found.backends] == [
        ("credit.blue.2", "127.0.0.1:32001", 32003),
        ("credit.blue.3", "10.0.0.7:32001", 32003),
    ]
    assert (found.scoring_path, found.readiness_path, found.own_paths, found.queues) == (
        "/predict",
        "/ready",
        True,
        False,
    )


def test_a_task_that_leaves_is_sent_nothing_and_the_youngest_of_an_instance_counts():
    leaving = task(wanted=False)
    old, new = task(slot=1), task(slot=1, id="t3", created="2026-01-02T00:00:00Z")
    look = Look({}, [leaving, new, old], {"node": "127.0.0.1"})
    assert {name: each.id for name, each in look.serving(BLUE).items()} == {"credit.blue.1": "t3"}


def test_how_a_task_ended_is_said_in_the_words_of_the_keeper():
    assert exit_of_task(task(exit_code=137)) == Exit(signal=9)
    assert exit_of_task(task(exit_code=3)) == Exit(code=3)
    assert exit_of_task(task(exit_code=None, error="task: unhealthy container")) == Exit(cause="unhealthy container")


def test_small_content_goes_as_configs(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "score.py").write_text("a")
    (tmp_path / "__init__.py").touch()
    assert small_files(tmp_path, "m") == {
        PurePosixPath("m/__init__.py"): b"\n",
        PurePosixPath("m/deep/score.py"): b"a",
    }
    assert small_files(tmp_path / "deep" / "score.py", "score.py") == {PurePosixPath("score.py"): b"a"}


def test_modules_of_one_archive_are_imported_and_it_is_the_same_each_time(tmp_path: Path):
    files = {PurePosixPath("pack/__init__.py"): b"", PurePosixPath("pack/inner.py"): b"answer = 42"}
    (tmp_path / "modules").write_bytes(packed(files))
    words = [sys.executable, "-c", "from pack.inner import answer; print(answer)"]
    done = subprocess.run(words, env={"PYTHONPATH": str(tmp_path / "modules")}, capture_output=True, check=True)
    assert done.stdout == b"42\n"
    assert packed(dict(reversed(files.items()))) == packed(files)


@pytest.mark.parametrize("odd", ["large", "many", "empty", "link", "folder", "program"])
def test_content_that_configs_cannot_hold_goes_into_a_volume(tmp_path: Path, odd: str):
    content = tmp_path / "content"
    content.mkdir()
    file = content / "model"
    match odd:
        case "large":
            file.write_bytes(bytes(500_001))
        case "many":
            for number in range(101):
                (content / f"{number}").write_text("x")
        case "empty":
            file.touch()
        case "link":
            file.symlink_to("nowhere")
        case "folder":
            file.mkdir()
        case "program":
            file.write_text("#!/bin/sh\n")
            file.chmod(0o755)
    assert small_files(content) is None


def test_mounts_are_volumes_that_are_read_only():
    made = service(mounts=(Mount("v", PurePosixPath("/models")),))
    found = [each for each in container(made)["Mounts"] if each["Type"] == "volume"]
    assert [(each["Source"], each["Target"], each["ReadOnly"]) for each in found] == [("v", "/models", True)]


def test_an_engine_without_a_swarm_is_refused_and_it_is_said_what_to_do(tmp_path: Path):
    def answer(request: Request) -> None:
        if request.path.endswith("/info"):
            request.say({"Swarm": {"LocalNodeState": "inactive", "ControlAvailable": False, "NodeID": ""}})
        elif request.path.endswith("/version"):
            request.say({"Version": "20.10.24", "ApiVersion": "1.41"})
        else:
            request.say({"message": 'This node is not a swarm manager. Use "docker swarm init" to be one.'}, 503)

    with posing(tmp_path / "e.sock", answer) as host:
        engine = Engine(host)
        swarm = Swarm(engine, Names("p"))
        for look in (swarm.look, lambda: swarm.node):
            with pytest.raises(ProviderError, match=r"manages no swarm; .*docker swarm init") as caught:
                look()
            assert "\n" not in str(caught.value)
        engine.close()
