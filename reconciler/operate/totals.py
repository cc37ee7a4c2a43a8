"""Counters of a target's requests that only grow, as Prometheus wants them."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from reconciler.operate.metrics import Sample
from reconciler.operate.traffic import Request

# Upper bounds of the histogram's buckets, in seconds; the last bucket is without bound.
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass
class _Durations:
    """A histogram of one deployment: how many requests fell between two bounds, and how long all took."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds


class Totals:
    """Counters that only grow, as Prometheus wants them, since this was made."""

    def __init__(self) -> None:
        self._answered: Counter[tuple[str, str, int]] = Counter()
        self._received: Counter[tuple[str, str]] = Counter()
        self._sent: Counter[tuple[str, str]] = Counter()
        self._durations: defaultdict[tuple[str, str], _Durations] = defaultdict(_Durations)

    def add(self, requests: Iterable[Request]) -> None:
        """Count requests, each of which may be given once."""
        for each in requests:
            which = (each.endpoint, each.deployment)
            self._answered[*which, each.status] += 1
            self._received[which] += each.request_bytes
            self._sent[which] += each.response_bytes
            self._durations[which].add(each.duration_ms / 1000)

    def samples(self) -> tuple[Sample, ...]:
        """The counters as they are now."""
        return tuple(self._samples())

    def _samples(self) -> Iterator[Sample]:
        for (endpoint, deployment, status), count in sorted(self._answered.items()):
            labels = {"endpoint": endpoint, "deployment": deployment, "code": str(status)}
            yield Sample("mlops_requests_total", labels, count)
        for name, counted in (
            ("mlops_request_bytes_total", self._received),
            ("mlops_response_bytes_total", self._sent),
        ):
            for (endpoint, deployment), size in sorted(counted.items()):
                yield Sample(name, {"endpoint": endpoint, "deployment": deployment}, size)
        for (endpoint, deployment), durations in sorted(self._durations.items()):
            yield from _histogram({"endpoint": endpoint, "deployment": deployment}, durations)


def _histogram(labels: Mapping[str, str], durations: _Durations) -> Iterator[Sample]:
    name = "mlops_request_duration_seconds"
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    for bound, count in zip(bounds, accumulate(durations.counts), strict=True):
        yield Sample(f"{name}_bucket", {**labels, "le": bound}, count)
    yield Sample(f"{name}_sum", labels, durations.total_s)
    yield Sample(f"{name}_count", labels, sum(durations.counts))
