"""Requests and usages as metrics by Azure's names, and as Prometheus reads them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_made import request

from reconciler.core.address import Address
from reconciler.operate.metrics import METRICS, connection_samples, exposition, percentile, samples
from reconciler.operate.totals import BOUNDS_S, Totals
from reconciler.providers.provider import Connections, Usage

BLUE = Address.parse("deployment/credit/blue")
DURATIONS = st.lists(st.integers(0, 20_000), min_size=1, max_size=200)


def usage(cpu_seconds: float = 1.0, instance: str = "a", state: str = "running", memory_bytes: int = 250) -> Usage:
    return Usage(BLUE, instance, state, cpu_seconds, memory_bytes)


def values(found, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric by those of its labels."""
    return {tuple(each.labels.values()): each.value for each in found if each.name == name}


def test_requests_a_minute_are_told_by_deployment_and_by_status():
    answered = [request(), request(), request(status=424, model_status=500), request(deployment="", status=401)]
    assert values(samples(answered, window_s=30), "RequestsPerMinute") == {
        ("credit", "blue", "200", "2xx", "200"): 4,
        ("credit", "blue", "424", "4xx", "500"): 2,
        ("credit", "", "401", "4xx", ""): 2,
    }


def test_latency_is_of_the_requests_that_came_to_a_deployment():
    answered = [request(duration_ms=ms) for ms in (10, 20, 60)] + [request(deployment="", status=401, duration_ms=0)]
    found = samples(answered, window_s=60)
    assert values(found, "RequestLatency") == {("credit", "blue"): 30}
    assert values(found, "RequestLatency_P50") == {("credit", "blue"): 20}
    assert values(found, "RequestLatency_P99") == {("credit", "blue"): 60}


@given(DURATIONS, st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(durations: list[int], percent: int):
    naive = next(
        each for each in sorted(durations) if sum(d <= each for d in durations) * 100 >= percent * len(durations)
    )
    assert percentile(sorted(durations), percent) == naive


@given(DURATIONS)
def test_percentiles_do_not_depend_on_the_order_of_requests(durations: list[int]):
    one, other = (samples([request(duration_ms=ms) for ms in d], window_s=60) for d in (durations, sorted(durations)))
    assert [each for each in one if "_P" in each.name] == [each for each in other if "_P" in each.name]


def test_network_bytes_are_those_in_and_out_a_second():
    assert values(samples([request(), request()], window_s=10), "NetworkBytes") == {("credit",): 22}


def test_every_instance_counts_to_the_capacity_by_its_state():
    found = samples([], [usage(), usage(instance="b", state="not ready")], window_s=60)
    assert values(found, "DeploymentCapacity") == {
        ("credit", "blue", "a", "running"): 1,
        ("credit", "blue", "b", "not ready"): 1,
    }


def test_cpu_is_what_was_spent_between_two_looks():
    found = samples([], [usage(1.5)], window_s=60, before=[usage(1.0)], apart_s=2.0)
    assert values(found, "CpuUtilizationPercentage") == {("credit", "blue", "a"): 25}


@pytest.mark.parametrize("before", [[], [usage(2.0)], [usage(1.0, instance="b")]])
def test_cpu_is_not_told_of_an_instance_that_is_new_between_two_looks(before: list[Usage]):
    found = samples([], [usage(1.0)], window_s=60, before=before, apart_s=2.0)
    assert values(found, "CpuUtilizationPercentage") == {}


def test_memory_is_a_share_of_the_machines():
    found = samples([], [usage(memory_bytes=250)], window_s=60, memory_bytes=1000)
    assert values(found, "CpuMemoryUtilizationPercentage") == {("credit", "blue", "a"): 25}


def test_connections_are_told_of_the_whole_gateway():
    found = connection_samples(Connections(3, 110), Connections(5, 100), apart_s=2.0)
    assert {each.name: each.value for each in found} == {
        "ConnectionsActive": 3,
        "NewConnectionsPerSecond": 5,
        "mlops_connections_total": 110,
    }
    assert "ConnectionsActive 3\n" in exposition(found)


def test_new_connections_are_not_told_over_the_start_of_a_proxy():
    found = connection_samples(Connections(1, 2), Connections(5, 100), apart_s=2.0)
    assert [each.name for each in found] == ["ConnectionsActive", "mlops_connections_total"]


def test_totals_only_grow():
    totals = Totals()
    totals.add([request(), request(status=424)])
    totals.add([request()])
    found = totals.samples()
    assert values(found, "mlops_requests_total") == {("credit", "blue", "200"): 2, ("credit", "blue", "424"): 1}
    assert values(found, "mlops_request_bytes_total") == {("credit", "blue"): 300}
    assert values(found, "mlops_response_bytes_total") == {("credit", "blue"): 30}


@given(DURATIONS)
def test_a_bucket_holds_every_request_up_to_its_bound(durations: list[int]):
    totals = Totals()
    totals.add(request(duration_ms=ms) for ms in durations)
    found = totals.samples()
    bounds = [*BOUNDS_S, float("inf")]
    naive = [sum(ms / 1000 <= bound for ms in durations) for bound in bounds]
    assert list(values(found, "mlops_request_duration_seconds_bucket").values()) == naive
    assert values(found, "mlops_request_duration_seconds_count") == {("credit", "blue"): len(durations)}
    [total] = values(found, "mlops_request_duration_seconds_sum").values()
    assert total == pytest.approx(sum(durations) / 1000)


def test_prometheus_is_told_the_type_of_a_metric_once_and_before_its_values():
    totals = Totals()
    totals.add([request(), request(status=424)])
    text = exposition((*samples([request()], [usage()], window_s=60), *totals.samples()))
    told = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE)
    assert len(told) == len(dict(told))
    assert all(METRICS[name].type == kind for name, kind in told)
    known = set()
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            known.add(line.split()[2])
        elif not line.startswith("#"):
            name, labels, value = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line).groups()
            assert name in known or name.rpartition("_")[0] in known
            assert re.fullmatch(r'(\w+="[^"]*",?)+', labels)
            float(value)


def test_a_label_with_a_quote_or_a_line_end_stays_one_label():
    text = exposition(samples([request(deployment='a"b\\c\nd')], window_s=60))
    assert 'deployment="a\\"b\\\\c\\nd"' in text
