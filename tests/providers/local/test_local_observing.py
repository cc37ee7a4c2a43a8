"""What a local target tells of its instances, its proxy and its logs."""

import os
import urllib.parse
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from local_world import answering

from reconciler.core.address import Address
from reconciler.keeper.logs import copy_of
from reconciler.providers.hosting.logs import log_lines
from reconciler.providers.hosting.observing import copies
from reconciler.providers.provider import ConnectionSource, TableSource, UsageSource
from tests.waiting import until

BLUE = Address.parse("deployment/credit/blue")
# A child that is started, works for a while and is waited for; another that stays.
PARENT = """
import subprocess, sys
def init():
    subprocess.run([sys.executable, "-c", "sum(i * i for i in range(3_000_000))"], check=True)
    global child
    child = subprocess.Popen([sys.executable, "-c", "x = bytearray(50_000_000); input()"], stdin=subprocess.PIPE)
def run(raw_data): return 1
"""


def test_usage_is_of_every_instance(world):
    world.endpoint_with(blue=answering("blue"), green=answering("green"))
    assert isinstance(world.provider, UsageSource)
    told = {(str(each.deployment), each.instance, each.state) for each in world.provider.usage()}
    names = {
        address: world.live(address).detail["instances"][0]["name"]
        for address in ("deployment/credit/blue", "deployment/credit/green")
    }
    assert told == {(address, name, "running") for address, name in names.items()}


def test_usage_counts_what_an_instance_starts(world):
    world.endpoint_with(blue=PARENT)
    [pid] = world.pids("deployment/credit/blue")
    alone = psutil.Process(pid)
    until(lambda: sum(each.memory_info().rss for each in alone.children()) > 50_000_000)
    [usage] = world.provider.usage()
    own = alone.cpu_times()
    assert usage.memory_bytes > 50_000_000
    assert own.children_user > 0
    assert usage.cpu_seconds >= own.children_user


def test_an_instance_that_does_not_run_takes_nothing(world):
    world.endpoint_with(blue=answering("blue"))
    [pid] = world.pids("deployment/credit/blue")
    psutil.Process(pid).suspend()
    [suspended] = world.provider.usage()
    psutil.Process(pid).resume()
    assert (suspended.state, suspended.memory_bytes > 0) == ("not ready", True)


def test_connections_are_those_of_the_proxy(world):
    assert isinstance(world.provider, ConnectionSource)
    assert world.provider.connections() is None
    world.endpoint_with(blue=answering("blue"))
    place = urllib.parse.urlsplit(world.live("endpoint/credit").detail["scoring_uri"])
    before = world.provider.connections()
    connection = HTTPConnection(place.hostname, place.port, timeout=20)
    connection.connect()
    until(lambda: world.provider.connections().accepted == before.accepted + 1)
    assert world.provider.connections().active == before.active + 1
    connection.close()
    until(lambda: world.provider.connections().active == before.active)


def test_the_tables_are_files_of_what_happened(world):
    world.endpoint_with(blue=answering("blue"))
    world.route(blue=100)
    world.score()
    assert isinstance(world.provider, TableSource)

    def hold(table: str, *words: str) -> bool:
        return all(word in "".join(path.read_text() for path in world.provider.tables()[table]) for word in words)

    until(lambda: hold("AmlOnlineEndpointTrafficLog", "/api/v1/endpoint/credit/score", "blue"))
    until(lambda: hold("AmlOnlineEndpointConsoleLog", "init of blue", "inference-server", "storage-initializer"))
    until(lambda: hold("AmlOnlineEndpointEventLog", "Started"))


def test_copies_of_a_log_come_oldest_first(tmp_path: Path):
    log = tmp_path / "x.jsonl"
    assert copies(log) == []
    for path in (log, copy_of(log, 1), copy_of(log, 2), copy_of(log, 10), tmp_path / "x.jsonl.new"):
        path.touch()
    assert copies(log) == [copy_of(log, 10), copy_of(log, 2), copy_of(log, 1), log]


def for_a_while() -> Callable[[float], None]:
    """A sleep of no time that ends a vain wait."""
    left = iter(range(100))
    return lambda _: next(left)


@pytest.mark.parametrize("cut", [0, 10, 5000])
def test_followed_lines_come_once_when_the_log_is_cut_in_front(tmp_path: Path, cut: int):
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {number}\n" for number in range(2000)))
    following = log_lines(lambda: [log], tail=1, follow=True, sleep=for_a_while())
    assert next(following) == "line 1999"
    with log.open("a") as file:
        file.write("line 2000\n")
    assert next(following) == "line 2000"
    text = log.read_bytes()
    log.write_bytes(text[cut:] + b"line 2001\n")
    assert next(following) == "line 2001"


def test_a_log_that_was_begun_anew_is_read_from_its_start(tmp_path: Path):
    log = tmp_path / "a.log"
    log.write_text("one of the old lines\n")
    following = log_lines(lambda: [log], tail=1, follow=True, sleep=for_a_while())
    assert next(following) == "one of the old lines"
    os.truncate(log, 0)
    log.write_text("a new one\n")
    assert next(following) == "a new one"
