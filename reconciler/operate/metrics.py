"""Requests and usages become metrics, by Azure's names and dimensions, and the text that Prometheus reads."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from reconciler.operate.traffic import Request
from reconciler.providers.provider import Connections, Usage

PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True)
class Metric:
    """What a metric is: Prometheus' type of it, and its meaning with its unit."""

    type: str
    meaning: str


METRICS: Mapping[str, Metric] = {
    "RequestsPerMinute": Metric("gauge", "Requests a minute"),
    "RequestLatency": Metric("gauge", "Mean time to the end of the answer, in milliseconds"),
    **{
        f"RequestLatency_P{each}": Metric("gauge", f"{each}th percentile of the time to the end, in milliseconds")
        for each in PERCENTILES
    },
    "NetworkBytes": Metric("gauge", "Bytes of bodies in and out, a second"),
    "ConnectionsActive": Metric("gauge", "Connections of clients to the gateway, of whichever endpoints"),
    "NewConnectionsPerSecond": Metric("gauge", "Connections that clients opened, a second"),
    "DeploymentCapacity": Metric("gauge", "Instances of a deployment"),
    "CpuUtilizationPercentage": Metric("gauge", "CPU of an instance, 100 is one core"),
    "CpuMemoryUtilizationPercentage": Metric("gauge", "Memory of an instance, in percent of the machine's"),
    "mlops_requests_total": Metric("counter", "Requests answered"),
    "mlops_request_bytes_total": Metric("counter", "Bytes of requests' bodies"),
    "mlops_response_bytes_total": Metric("counter", "Bytes of answers' bodies"),
    "mlops_connections_total": Metric("counter", "Connections that clients opened"),
    "mlops_request_duration_seconds": Metric("histogram", "Time from a request's first byte to its answer's last"),
}


@dataclass(frozen=True)
class Sample:
    """One value of a metric.

    Args:
        name: of `METRICS`, with `_bucket`, `_sum` or `_count` behind it for a histogram.
        labels: by Azure's names of dimensions, besides `endpoint`.
    """

    name: str
    labels: Mapping[str, str]
    value: float


def samples(
    requests: Iterable[Request],
    usages: Sequence[Usage] = (),
    *,
    window_s: float,
    before: Sequence[Usage] = (),
    apart_s: float = 0.0,
    memory_bytes: int = 0,
) -> tuple[Sample, ...]:
    """The metrics of a window of time, in the order of `METRICS`.

    Args:
        requests: those that ended in the window.
        usages: of the instances, now.
        window_s: how long the window is, in seconds; more than 0.
        before: usages of `apart_s` seconds ago, without which there is no CpuUtilizationPercentage.
        memory_bytes: of the machine, without which there is no CpuMemoryUtilizationPercentage.
    """
    answered = list(requests)
    found = [
        *_rates(answered, window_s),
        *_latencies(answered),
        *_network(answered, window_s),
        *_capacity(usages),
        *_cpu(usages, before, apart_s),
        *_memory(usages, memory_bytes),
    ]
    order = {name: place for place, name in enumerate(METRICS)}
    return tuple(sorted(found, key=lambda sample: (order[sample.name], *sample.labels.values())))


def connection_samples(now: Connections, before: Connections, *, apart_s: float) -> tuple[Sample, ...]:
    """The metrics of connections, from two looks that are `apart_s` seconds apart; they have no endpoint."""
    accepted = now.accepted - before.accepted
    return (
        Sample("ConnectionsActive", {}, now.active),
        # Fewer than before were counted by another proxy, which began anew.
        *([Sample("NewConnectionsPerSecond", {}, accepted / apart_s)] if accepted >= 0 and apart_s > 0 else []),
        Sample("mlops_connections_total", {}, now.accepted),
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least so many percent do not exceed (the nearest rank).

    Args:
        ordered: ascending, at least one.
        percent: more than 0, at most 100.
    """
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _rates(requests: Iterable[Request], window_s: float) -> Iterator[Sample]:
    counted = Counter((each.endpoint, each.deployment, each.status, _model_status(each)) for each in requests)
    for (endpoint, deployment, status, model_status), count in counted.items():
        labels = {
            "endpoint": endpoint,
            "deployment": deployment,
            "statusCode": str(status),
            "statusCodeClass": f"{status // 100}xx",
            "modelStatusCode": model_status,
        }
        yield Sample("RequestsPerMinute", labels, count * 60 / window_s)


def _model_status(request: Request) -> str:
    if request.model_status is None and request.status == 200 and request.instance:
        return "200"
    return "" if request.model_status is None else str(request.model_status)


def _latencies(requests: Iterable[Request]) -> Iterator[Sample]:
    """Of what reached a deployment: a refusal by the gateway says nothing of a model's speed."""
    durations: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for each in requests:
        if each.deployment:
            durations[each.endpoint, each.deployment].append(each.duration_ms)
    for (endpoint, deployment), taken in durations.items():
        labels = {"endpoint": endpoint, "deployment": deployment}
        taken.sort()
        yield Sample("RequestLatency", labels, math.fsum(taken) / len(taken))
        for percent in PERCENTILES:
            yield Sample(f"RequestLatency_P{percent}", labels, percentile(taken, percent))


def _network(requests: Iterable[Request], window_s: float) -> Iterator[Sample]:
    sizes: Counter[str] = Counter()
    for each in requests:
        sizes[each.endpoint] += each.request_bytes + each.response_bytes
    for endpoint, size in sizes.items():
        yield Sample("NetworkBytes", {"endpoint": endpoint}, size / window_s)


def _capacity(usages: Iterable[Usage]) -> Iterator[Sample]:
    for each in usages:
        yield Sample("DeploymentCapacity", {**_labels(each), "State": each.state}, 1)


def _cpu(usages: Iterable[Usage], before: Iterable[Usage], apart_s: float) -> Iterator[Sample]:
    earlier = {(each.deployment, each.instance): each.cpu_seconds for each in before}
    for each in usages:
        spent = each.cpu_seconds - earlier.get((each.deployment, each.instance), math.inf)
        if spent >= 0 and apart_s > 0:  # less than before is another process under the same name
            yield Sample("CpuUtilizationPercentage", _labels(each), 100 * spent / apart_s)


def _memory(usages: Iterable[Usage], memory_bytes: int) -> Iterator[Sample]:
    if memory_bytes:
        for each in usages:
            share = 100 * each.memory_bytes / memory_bytes
            yield Sample("CpuMemoryUtilizationPercentage", _labels(each), share)


def _labels(usage: Usage) -> dict[str, str]:
    deployment = usage.deployment
    return {"endpoint": deployment.endpoint, "deployment": deployment.name, "instanceId": usage.instance}


def exposition(samples: Iterable[Sample]) -> str:
    """The samples in Prometheus' text format; those of one metric stand together."""
    return "".join(line for family, found in groupby(samples, _family) for line in _lines(family, found))


def _family(sample: Sample) -> str:
    return sample.name if sample.name in METRICS else sample.name.rpartition("_")[0]


def _lines(family: str, samples: Iterable[Sample]) -> Iterator[str]:
    metric = METRICS[family]
    yield f"# HELP {family} {metric.meaning}\n# TYPE {family} {metric.type}\n"
    for sample in samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels.items())
        yield f"{sample.name}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}\n"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
