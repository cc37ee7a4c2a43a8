"""What code inside an instance finds: no privilege, no place to write to, no neighbour, and the limits that it has."""

import json

import pytest
from docker_world import BLUE, ENDPOINT, World

# Evaluates what it is sent, inside of the instance, and answers with the outcome or the error.
ASK = """
import json, os, pathlib, socket

def init(): pass

def run(raw_data):
    try:
        return repr(eval(json.loads(raw_data)))
    except OSError as error:
        return type(error).__name__ + ': ' + error.strerror if error.strerror else repr(error)
"""


@pytest.fixture
def blue(world: World) -> World:
    world.do("create", "endpoint/credit", ENDPOINT)
    model = world.contents.path("sha256:30de1")
    model.mkdir()
    (model / "weights.json").write_text("[1, 2]")
    spec = world.deployment(
        ASK,
        instance_type="Standard_DS1_v2",
        instance_count=2,
        model={"path": {"name": "net", "digest": "sha256:30de1"}, "type": "custom_model"},
    )
    world.do("create", str(BLUE), spec)
    return world


def inside(world: World, expression: str) -> str:
    status, answer = world.call("blue", body=json.dumps(expression).encode())
    assert status == 200, answer
    return str(json.loads(answer))


def evaluated(world: World, expression: str) -> str:
    """A string that an expression evaluates to inside of an instance."""
    return inside(world, expression).strip("'")


def test_an_instance_has_no_capability_gets_no_privilege_and_is_filtered(blue):
    lines = evaluated(blue, "pathlib.Path('/proc/self/status').read_text()").split("\\n")
    status = dict(line.split(":\\t", 1) for line in lines if ":\\t" in line)
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[capabilities], 16) == 0, capabilities
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "0" not in status["Uid"].split("\\t")
    assert "0" not in status["Gid"].split("\\t")


def test_its_root_is_read_only_and_so_are_code_model_and_server(blue):
    options = "[line.split() for line in open('/proc/self/mounts')]"
    mounts = {fields[1]: fields[3].split(",") for fields in eval(inside(blue, options))}
    for folder in ("/", "/var/azureml-app/code", "/var/mlops/runtime", "/var/azureml-app/azureml-models/30de1/1"):
        assert "ro" in mounts[folder], folder
    for folder in ("/", "/var/azureml-app/code/", "/etc/", "/home/", "/root/"):
        assert inside(blue, f"open('{folder}new', 'w')").startswith(("OSError: Read-only", "PermissionError")), folder


def test_temporary_folders_can_be_written_and_allow_no_device_and_no_set_user_id(blue):
    options = "[line.split() for line in open('/proc/self/mounts')]"
    mounts = {fields[1]: fields[3].split(",") for fields in eval(inside(blue, options))}
    for folder in ("/tmp", "/var/tmp", "/run"):
        assert {"rw", "nosuid", "nodev"} <= set(mounts[folder])
        assert inside(blue, f"open('{folder}/new', 'w').write('x')") == "1"
    assert "noexec" in mounts["/run"]
    assert "noexec" in mounts["/var/tmp"]


def test_model_and_code_are_where_azure_has_them(blue):
    assert evaluated(blue, "os.environ['AZUREML_MODEL_DIR']") == "/var/azureml-app/azureml-models/30de1/1"
    assert evaluated(blue, "open(os.environ['AZUREML_MODEL_DIR'] + '/net/weights.json').read()") == "[1, 2]"
    assert evaluated(blue, "os.environ['AML_APP_ROOT']") == "/var/azureml-app/code"
    assert evaluated(blue, "os.getcwd()") == "/var/azureml-app/code"
    assert evaluated(blue, "__file__") == "/var/azureml-app/code/score.py"


def test_an_instance_does_not_reach_its_neighbours(blue):
    addresses = [
        network["IPAddress"]
        for container in blue.containers()
        for network in blue.api.inspect_container(container)["NetworkSettings"]["Networks"].values()
    ]
    assert len(addresses) == 2
    for container in blue.containers():
        reached = [blue.run_in(container, "/usr/bin/python3", "-c", CONNECT, address).strip() for address in addresses]
        assert sorted(reached) == ["nobody", "somebody"], "it reaches itself alone"


CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], 5001), timeout=0.5)
    print("somebody")
except OSError:
    print("nobody")
"""


def test_the_engine_holds_it_to_its_size(blue):
    host = blue.api.inspect_container(blue.containers()[0])["HostConfig"]
    assert (host["NanoCpus"], host["Memory"], host["PidsLimit"]) == (1_000_000_000, int(3.5 * (1 << 30)), 4096)
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
    assert host["RestartPolicy"]["Name"] == "always"


def test_it_is_published_on_the_loopback_alone(blue):
    for container in blue.containers():
        ports = blue.api.inspect_container(container)["NetworkSettings"]["Ports"]
        assert [binding["HostIp"] for bindings in ports.values() for binding in bindings] == ["127.0.0.1"]


def test_more_memory_than_its_limit_ends_an_instance_and_that_is_said(world):
    world.do("create", "endpoint/credit", ENDPOINT)
    script = "def init(): return [bytes(1 << 20).replace(b'\\0', b'x') for _ in range(1 << 10)]\ndef run(raw): pass\n"
    resources = {"limits": {"cpu": "1", "memory": "128Mi"}}
    with pytest.raises(Exception, match="more memory than its limit"):
        world.do("create", str(BLUE), world.deployment(script, resources=resources))


def test_secrets_of_the_operator_are_not_in_an_instance(blue, monkeypatch):
    assert "AWS_SECRET" not in inside(blue, "dict(os.environ)")
    monkeypatch.setenv("AWS_SECRET", "hunter2")
    blue.do("roll_out", str(BLUE), blue.deployment(ASK, description="new"))
    assert "hunter2" not in inside(blue, "dict(os.environ)")
