"""What is to be seen of a watcher: well or not, ready or not, and metrics that Prometheus reads."""

import re
import socket
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from reconciler.errors import MlopsError
from reconciler.watch.deciding import Hold, Outage
from reconciler.watch.serving import Served
from reconciler.watch.sight import Sight, ailment, metrics, readiness

WELL = Sight(branch="main", interval_s=60, due=1_000, head="c2", in_force="c2", rounds=3, leads=True)


def test_a_watcher_that_gives_signs_of_life_is_well_and_one_that_does_not_is_stuck():
    assert ailment(WELL, 999) == ""
    assert ailment(WELL, 1_001).startswith("stuck")


def test_a_watcher_whose_rounds_fail_for_longer_than_three_intervals_is_not_well():
    failing = WELL.failed(Outage.GIT, 100)
    assert failing.failed(Outage.STATE, 200).failing_since == 100
    assert ailment(failing, 280) == ""
    assert ailment(failing, 281) == "failing: no round was good for 181 s"


def test_a_watcher_is_ready_once_it_leads_or_stands_by():
    assert readiness(replace(WELL, rounds=0)) == ""
    assert (readiness(WELL), readiness(replace(WELL, leads=False))) == ("leader", "standby")


def test_metrics_are_lines_that_prometheus_reads():
    sight = replace(
        WELL.failed(Outage.GIT, 100), head="c3", hold=Hold.UNDONE, drift=2, changes=4, fetched=990, succeeded=12.5
    )
    text = metrics(sight, 1_000)
    sample = re.compile(r'[a-z_]+(\{([a-z]+="[^"\n]*",?)+\})? [0-9.]+')
    assert [line for line in text.splitlines() if not line.startswith("# ") and not sample.fullmatch(line)] == []
    for line in (
        'mlops_watch_commit_info{branch="main",commit="c2"} 1',
        "mlops_watch_behind 1",
        'mlops_watch_outages_total{kind="git"} 1',
        'mlops_watch_outages_total{kind="disk"} 0',
        'mlops_watch_held{reason="rolled_back"} 1',
        "mlops_watch_drift 2",
        "mlops_watch_plan_changes 4",
        "mlops_watch_fetch_age_seconds 10",
        "mlops_watch_last_success_timestamp_seconds 12.5",
    ):
        assert f"{line}\n" in text


def test_a_branch_of_any_name_stays_one_label():
    text = metrics(replace(WELL, branch='a"}\nmlops_watch_leader 0\\'), 0)
    assert 'branch="a\\"}\\nmlops_watch_leader 0\\\\"' in text


def test_a_port_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(MlopsError, match="--listen"):
        Served(("127.0.0.1", taken.getsockname()[1]), lambda: WELL, lambda: 0.0)


def test_many_clients_that_say_nothing_keep_nobody_from_an_answer_for_long():
    """As many as are served at once; further ones are turned away, and those that are silent are let go."""
    served = Served(("127.0.0.1", 0), lambda: WELL, lambda: 0.0, patience_s=0.5)
    silent = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(40)]
    try:
        for client in silent:
            client.settimeout(60)
            assert client.recv(1) == b""
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/healthz", timeout=60) as answer:
            assert (answer.status, answer.read()) == (200, b"ok\n")
    finally:
        for client in silent:
            client.close()
        served.close()


def test_clients_that_dawdle_keep_nobody_from_an_answer_for_long():
    """As many as are served at once, each with a byte of a question before it counts as silent."""
    served = Served(("127.0.0.1", 0), lambda: WELL, lambda: 0.0, patience_s=0.5)
    dawdling = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(16)]
    try:
        deadline = time.monotonic() + 30
        while dawdling and time.monotonic() < deadline:
            for client in list(dawdling):
                try:
                    client.sendall(b"x")
                except OSError:
                    client.close()
                    dawdling.remove(client)
            time.sleep(0.1)
        assert dawdling == []
        with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/healthz", timeout=60) as answer:
            assert answer.read() == b"ok\n"
    finally:
        for client in dawdling:
            client.close()
        served.close()


def test_nothing_is_taken_but_questions():
    served = Served(("127.0.0.1", 0), lambda: WELL, lambda: 0.0)
    try:
        asked = urllib.request.Request(f"http://127.0.0.1:{served.port}/metrics", data=b"x", method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=60)
        assert refused.value.code == 501
        refused.value.close()
    finally:
        served.close()
