"""The container of an instance, as the engine is told to make it: confined, limited, and known by its labels."""

import os
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from docker.errors import APIError

from reconciler.core.address import Address
from reconciler.core.plan import Operation
from reconciler.kinds import KINDS
from reconciler.providers.docker.capacity import capacity_in
from reconciler.providers.docker.containers import Instance, configuration, instance_user
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.launch import Image, Launch, Mount, Route, Routes, routes_from_text, routes_text
from reconciler.providers.docker.limits import (
    LEAST_CPUS,
    LEAST_MEMORY_BYTES,
    Capacity,
    Limits,
    limits_of,
    memory_at_least_limited,
    quantity,
    refused,
    told,
    within,
)
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.surroundings import Placed, command, model_folder, variables
from reconciler.providers.hosting.objects import version_of

GIB = 1 << 30
SPEC = {**KINDS["deployment"].defaults["managed"], "instance_type": "Standard_DS3_v2"}
NAMES = Names("shop-dev")
OPERATION = Operation("op-7", "lineage-1", 7)
BLUE = Address.parse("deployment/credit/blue")
OURS = Image("shop/image:1", "/opt/venv/bin/python", ("/opt/venv/bin",))
BROUGHT = Image("tensorflow/serving:2")
CODE = {"name": "src", "digest": "sha256:c0de"}
PROBES = (
    '{"liveness": {"failure_threshold": 30, "initial_delay": 10, "period": 10, "success_threshold": 1, "timeout": 2}, '
    '"readiness": {"failure_threshold": 30, "initial_delay": 10, "period": 10, "success_threshold": 1, "timeout": 2}}'
)
LAUNCH = Launch(
    SPEC,
    OURS,
    mounts=(Mount("volume-1", PurePosixPath("/var/azureml-app/src")),),
    variables={"B": "2", "A": "1"},
    command=("/opt/venv/bin/python", "-m", "reconciler.scoring"),
    folder="/var/mlops/runtime",
    limits=Limits(cpus=2.0, memory_bytes=14 * GIB),
)
INSTANCE = Instance(BLUE, "0123456789ab", OPERATION, {5001: 23456}, "mlops-shop-dev-network-instances", "1000:1000")


def test_the_container_of_an_instance():
    assert configuration(NAMES, LAUNCH, INSTANCE) == {
        "Image": "shop/image:1",
        "Entrypoint": ["/opt/venv/bin/python", "-m", "reconciler.scoring"],
        "Cmd": [],
        "WorkingDir": "/var/mlops/runtime",
        "User": "1000:1000",
        "Env": ["A=1", "B=2"],
        "Labels": {
            "mlops.project": "shop-dev",
            "mlops.kind": "instance",
            "mlops.address": "deployment/credit/blue",
            "mlops.lineage": "lineage-1",
            "mlops.generation": "7",
            "mlops.operation": "op-7",
            "mlops.digest": version_of(SPEC),
            "mlops.instance": "0123456789ab",
            "mlops.routes": '{"liveness": {"path": "/", "port": 23456}, "readiness": {"path": "/", "port": 23456}, '
            '"scoring": {"path": "/score", "port": 23456}}',
            "mlops.server": "ours",
            "mlops.probes": PROBES,
        },
        "ExposedPorts": {"5001/tcp": {}},
        "StopSignal": "SIGTERM",
        "StopTimeout": 14,
        "HostConfig": {
            "Init": True,
            "ReadonlyRootfs": True,
            "Tmpfs": {
                "/tmp": "rw,nosuid,nodev,mode=1777,uid=1000,gid=1000,exec,size=1073741824",
                "/var/tmp": "rw,nosuid,nodev,mode=1777,uid=1000,gid=1000,noexec,size=67108864",
                "/run": "rw,nosuid,nodev,mode=1777,uid=1000,gid=1000,noexec,size=16777216",
            },
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
            "PidsLimit": 4096,
            "IpcMode": "private",
            "NanoCpus": 2_000_000_000,
            "Memory": 14 * GIB,
            "MemorySwap": 14 * GIB,
            "RestartPolicy": {"Name": "no"},
            "NetworkMode": "mlops-shop-dev-network-instances",
            "PortBindings": {"5001/tcp": [{"HostIp": "127.0.0.1", "HostPort": "23456"}]},
            "Mounts": [
                {
                    "Type": "volume",
                    "Source": "volume-1",
                    "Target": "/var/azureml-app/src",
                    "ReadOnly": True,
                    "VolumeOptions": {"NoCopy": True},
                }
            ],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}},
        },
    }


def test_an_image_with_a_server_of_its_own_runs_what_it_says_and_publishes_each_of_its_ports():
    routes = Routes(Route(8500, "/live"), Route(8501, "/ready"), Route(8501, "/v1/models/m:predict"))
    launch = replace(LAUNCH, image=BROUGHT, routes=routes, command=())
    body = configuration(NAMES, launch, replace(INSTANCE, ports={8500: 20001, 8501: 20002}))
    assert not {"Entrypoint", "Cmd", "WorkingDir"} & body.keys()
    assert body["HostConfig"]["PortBindings"] == {
        "8500/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20001"}],
        "8501/tcp": [{"HostIp": "127.0.0.1", "HostPort": "20002"}],
    }
    assert body["Labels"]["mlops.server"] == "image"
    published = Routes(Route(20001, "/live"), Route(20002, "/ready"), Route(20002, "/v1/models/m:predict"))
    assert routes_from_text(body["Labels"]["mlops.routes"]) == published


def test_routes_are_read_back_as_they_were_written():
    routes = Routes(Route(1, "/a"), Route(2, '/b"'), Route(3, "/ü"))
    assert routes_from_text(routes_text(routes)) == routes


def test_temporary_files_take_a_quarter_of_a_small_memory():
    launch = replace(LAUNCH, limits=Limits(memory_bytes=256 << 20))
    assert configuration(NAMES, launch, INSTANCE)["HostConfig"]["Tmpfs"]["/tmp"].endswith(f"size={64 << 20}")


def test_what_is_not_limited_is_not_mentioned():
    host = configuration(NAMES, replace(LAUNCH, limits=Limits()), INSTANCE)["HostConfig"]
    assert not {"NanoCpus", "Memory", "MemorySwap", "MemoryReservation", "CpuShares", "DeviceRequests"} & host.keys()


def test_whole_gpus_are_asked_for():
    host = configuration(NAMES, replace(LAUNCH, limits=Limits(gpus=2)), INSTANCE)["HostConfig"]
    assert host["DeviceRequests"] == [{"Driver": "nvidia", "Count": 2, "Capabilities": [["gpu"]]}]


@pytest.mark.parametrize(("uid", "user"), [(0, "1000:1000"), (1234, "1234:99")])
def test_instances_run_as_the_operator_unless_that_is_root(monkeypatch, uid, user):
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "getgid", lambda: 99)
    assert instance_user() == user


@pytest.mark.parametrize(
    ("size", "limits"),
    [
        ("Standard_DS3_v2", Limits(4.0, 14 * GIB)),
        ("standard_ds1_v2", Limits(1.0, int(3.5 * GIB))),
        ("Standard_NC4as_T4_v3", Limits(4.0, 28 * GIB, gpus=1)),
        ("Standard_NV6ads_A10_v5", Limits(6.0, None, gpus=1)),
        ("Standard_NC64as_T4_v3", Limits(64.0, 440 * GIB, gpus=4)),
        ("Standard_D2a_v4", Limits(2.0, None)),
        ("defaultinstancetype", Limits()),
    ],
)
def test_an_instance_type_limits_to_the_machine_of_that_size(size, limits):
    assert limits_of({"instance_type": size}) == limits


def test_the_resources_of_a_kubernetes_deployment_limit_and_reserve():
    resources = {"requests": {"cpu": "250m", "memory": "0.5Gi"}, "limits": {"cpu": "1.5", "memory": "1Gi"}}
    limits = limits_of({"type": "kubernetes", "instance_type": "Standard_DS3_v2", "resources": resources})
    assert limits == Limits(1.5, GIB, 0.25, GIB // 2)
    host = configuration(NAMES, replace(LAUNCH, limits=limits), INSTANCE)["HostConfig"]
    assert (host["NanoCpus"], host["Memory"]) == (1_500_000_000, GIB)
    assert (host["CpuShares"], host["MemoryReservation"]) == (256, GIB // 2)


@pytest.mark.parametrize(
    ("limits", "fields"),
    [
        ({"limits": {"cpu": "0"}}, ["limits.cpu"]),
        ({"limits": {"cpu": "9m"}}, ["limits.cpu"]),
        ({"limits": {"memory": "100m"}}, ["limits.memory"]),
        ({"limits": {"memory": "6291455"}}, ["limits.memory"]),
        ({"requests": {"memory": "1Mi"}}, ["requests.memory"]),
        ({"requests": {"cpu": "2"}, "limits": {"cpu": "1999m"}}, ["requests.cpu"]),
        ({"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}, ["requests.memory"]),
        ({"requests": {"cpu": "0", "memory": "0"}, "limits": {"cpu": "10m", "memory": "6Mi"}}, []),
        ({"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}, []),
        ({"requests": {"cpu": "64"}}, []),
    ],
)
def test_what_an_engine_would_refuse_or_take_for_no_limit_is_found(limits, fields):
    assert [field for field, _ in refused(limits_of({"resources": limits}))] == fields


def test_the_least_limits_are_those_of_a_real_engine(engine_host, project, base_image):
    api = Engine(engine_host).api
    names = Names(project)

    def made(**limits):
        host = configuration(names, replace(LAUNCH, limits=Limits(**limits)), INSTANCE)["HostConfig"]
        share = {name: host[name] for name in ("NanoCpus", "Memory", "MemorySwap", "MemoryReservation") if name in host}
        body = {"Image": base_image, "Cmd": ["true"], "Labels": names.labels("test"), "HostConfig": share}
        container = api.create_container_from_config(body)["Id"]
        try:
            api.start(container)
        finally:
            api.remove_container(container, force=True)

    made(cpus=LEAST_CPUS, memory_bytes=LEAST_MEMORY_BYTES, reserved_memory_bytes=LEAST_MEMORY_BYTES)
    for refused_by_engine in (
        {"cpus": LEAST_CPUS / 2},
        {"memory_bytes": LEAST_MEMORY_BYTES - 1},
        {"reserved_memory_bytes": LEAST_MEMORY_BYTES - 1},
        {"memory_bytes": GIB, "reserved_memory_bytes": 2 * GIB},
    ):
        assert list(refused(Limits(**refused_by_engine)))
        with pytest.raises(APIError, match=r"cpu\.|Minimum memory"):
            made(**refused_by_engine)
    api.close()


@pytest.mark.parametrize(
    ("devices", "given"),
    [
        ([], ()),
        (["vendor.com/net=0", "nvidia.com/gpu=all"], ()),
        (
            ["nvidia.com/gpu=10", "nvidia.com/gpu=2", "nvidia.com/gpu=GPU-5a", "nvidia.com/gpu=all"],
            ("nvidia.com/gpu=2", "nvidia.com/gpu=10"),
        ),
        (["nvidia.com/gpu=GPU-5a", "nvidia.com/gpu=all"], ("nvidia.com/gpu=GPU-5a",)),
    ],
)
def test_gpus_that_an_engine_knows_by_cdi_are_asked_for_by_name(devices, given):
    info = {"NCPU": 2, "MemTotal": GIB, "DiscoveredDevices": [{"Source": "cdi", "ID": name} for name in devices]}
    capacity = capacity_in(info)
    assert (capacity.has_gpus, capacity.cdi_gpus) == (bool(given), given)
    launch = replace(LAUNCH, limits=within(Limits(gpus=1), capacity))
    asked = configuration(NAMES, launch, INSTANCE)["HostConfig"]["DeviceRequests"]
    if given:
        assert asked == [{"Driver": "cdi", "DeviceIDs": [given[0]]}]


def test_the_runtime_of_nvidia_gives_gpus_by_number():
    info = {"NCPU": 2, "MemTotal": GIB, "Runtimes": {"nvidia": {}}, "DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}]}
    assert capacity_in(info) == Capacity(2, GIB, has_gpus=True)
    assert within(Limits(gpus=1), capacity_in(info)) == Limits(gpus=1)


@pytest.mark.parametrize("name", ["gpu", "nvidia.com/gpu"])
def test_gpus_of_a_kubernetes_deployment_are_asked_for(name):
    assert limits_of({"resources": {"limits": {name: "1"}}}).gpus == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.5", 0.5),
        ("500m", 0.5),
        ("2", 2),
        ("1Gi", GIB),
        ("1G", 10**9),
        ("128Mi", 128 << 20),
        ("1e3", 1000),
        ("1k", 1000),
    ],
)
def test_quantities_are_those_of_kubernetes(text, number):
    assert quantity(text) == number


@pytest.mark.parametrize("text", ["", "one", "1 Gi", "1gi", "-1", "Gi", "1e"])
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="is no quantity; write one such as"):
        quantity(text)


def test_an_engine_gives_no_more_than_it_has_and_that_is_said():
    wanted = Limits(4.0, 14 * GIB)
    granted = within(wanted, Capacity(cpus=2, memory_bytes=8 * GIB))
    assert granted == Limits(2.0, 8 * GIB)
    assert (
        told(wanted, granted) == "instances get 2 CPUs and 8 GiB instead of 4 CPUs and 14 GiB: the engine has no more"
    )


def test_nothing_is_said_where_the_engine_has_enough():
    wanted = Limits(1.0, None)
    assert told(wanted, within(wanted, Capacity(2, GIB))) == ""


SERVED = Placed(PurePosixPath("/var/azureml-app/src"), "scripts/score.py", PurePosixPath("/var/azureml-app/m"))


def test_an_instance_is_told_what_azure_tells_it():
    found = variables(SPEC, OURS, SERVED, {})
    assert found["AML_APP_ROOT"] == "/var/azureml-app/src/scripts"
    assert found["AZUREML_ENTRY_SCRIPT"] == "score.py"
    assert found["AZUREML_MODEL_DIR"] == "/var/azureml-app/m"
    assert found["AZUREML_INFERENCE_PYTHON_PATH"] == "/opt/venv/bin"
    assert "PATH" not in found, "the image says it"
    assert found["PYTHONPATH"] == "/var/mlops/runtime"
    assert (found["MLOPS_MAX_CONCURRENT_REQUESTS"], found["SCORING_TIMEOUT_MS"]) == ("1", "6000")


def test_the_users_variables_win():
    given = {"AZUREML_MODEL_DIR": "/elsewhere", "MLOPS_MAX_CONCURRENT_REQUESTS": "9", "MINE": "1"}
    found = variables(SPEC, OURS, SERVED, given)
    assert {name: found[name] for name in given} == given


def test_the_users_python_path_comes_after_the_servers_and_is_relative_to_the_code():
    found = variables(SPEC, OURS, SERVED, {"PYTHONPATH": "lib:/abs"})
    assert found["PYTHONPATH"] == "/var/mlops/runtime:/var/azureml-app/src/scripts/lib:/abs"


def test_an_image_with_a_server_of_its_own_is_told_nothing_of_ours():
    found = variables(SPEC, BROUGHT, Placed(model=PurePosixPath("/var/azureml-app/m")), {"MODEL_NAME": "half"})
    assert found == {
        "AML_APP_ROOT": "/var/azureml-app/m",
        "AZUREML_MODEL_DIR": "/var/azureml-app/m",
        "HOME": "/tmp",
        "MODEL_NAME": "half",
        "USER": "mlops",
    }
    assert command(BROUGHT, 8501) == ()


@pytest.mark.parametrize(
    ("spec", "folder"),
    [
        ({"model": "azureml:risk:3"}, "/var/azureml-app/azureml-models/risk/3"),
        ({"model": {"path": CODE}}, "/var/azureml-app/azureml-models/c0de/1"),
        ({"model": "azureml:risk:3", "model_mount_path": "/models"}, "/models/risk/3"),
    ],
)
def test_a_model_lies_where_azure_has_it(spec, folder):
    assert str(model_folder(spec, {"path": CODE})) == folder


@pytest.mark.parametrize(
    ("size", "unknown"),
    [("Standard_E4s_v3", "the memory of the size Standard_E4s_v3"), ("Standard_New", "the size Standard_New")],
)
def test_a_size_of_unknown_memory_leaves_a_tenth_to_the_engine(size: str, unknown: str):
    spec = {"instance_type": size}
    limits, said = memory_at_least_limited(limits_of(spec), spec, Capacity(cpus=8, memory_bytes=10 * GIB))
    assert limits == replace(limits_of(spec), memory_bytes=9 * GIB)
    assert said == f"{unknown} is not known; instances get at most 9 GiB, nine tenths of the engine's"


@pytest.mark.parametrize("spec", [{"instance_type": "Standard_DS3_v2"}, {"type": "kubernetes"}])
def test_memory_that_is_known_or_left_open_by_kubernetes_stays(spec: dict[str, str]):
    limits = limits_of(spec)
    assert memory_at_least_limited(limits, spec, Capacity(cpus=8, memory_bytes=10 * GIB)) == (limits, "")
