"""The tests' own engine leaves nothing behind, however it ends: no process, no mount, no network interface, no file."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from docker import APIClient

from tests.engine import dockerd
from tests.engine.posing import Request, posing


def left(folder: Path) -> list[str]:
    """What names the folder of an engine, of all that runs and is mounted."""
    running = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [line for line in (*running, *Path("/proc/self/mounts").read_text().splitlines()) if str(folder) in line]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_that_was_stopped_leaves_nothing_behind(own_engine, how):
    before = set(psutil.net_if_addrs())
    host = dockerd.start(own_engine, *dockerd.BESIDE_ANOTHER)
    with closing(APIClient(host, version="auto")) as api:
        bridge = f"br-{api.create_network('ours')['Id'][:12]}"
    dockerd.halt(own_engine, how)
    assert set(psutil.net_if_addrs()) - before >= {bridge}
    dockerd.stop(own_engine)
    assert left(own_engine) == []
    assert bridge not in psutil.net_if_addrs()
    assert not own_engine.exists()


def test_an_engine_that_cannot_start_says_why_and_leaves_nothing_behind(own_engine):
    with pytest.raises(dockerd.CannotStartError, match="no-such-driver"):
        dockerd.start(own_engine, *dockerd.BESIDE_ANOTHER, "--storage-driver=no-such-driver")
    assert left(own_engine) == []
    assert not own_engine.exists()


def test_an_engine_that_is_slow_to_become_itself_is_waited_for(own_engine, monkeypatch):
    # Its command line is empty until it is read from disk: it seems not to be there.
    monkeypatch.setattr(dockerd, "_left", lambda folder: [])
    host = dockerd.start(own_engine, *dockerd.BESIDE_ANOTHER)
    monkeypatch.undo()
    assert host == dockerd.address(own_engine)
    assert left(own_engine) != []


def test_what_an_engine_runs_that_goes_in_the_middle_of_its_end_is_ended_too(own_engine, monkeypatch):
    def answer(request: Request) -> None:
        if request.path == "/_ping":
            request.say("OK")
        else:
            request.close_connection = True

    words = [sys.executable, "-c", "import sys; sys.stdin.read()", f"{own_engine}/"]
    gone, seen = subprocess.Popen(["true"]), dockerd._left
    gone.wait()
    monkeypatch.setattr(dockerd, "_left", lambda folder: [gone.pid, *found] if (found := seen(folder)) else [])
    with posing(own_engine / "docker.sock", answer), subprocess.Popen(words, stdin=subprocess.PIPE) as run:
        dockerd.stop(own_engine)
        assert run.wait(60) == -signal.SIGKILL
    assert not own_engine.exists()
