"""What an endpoint promises (`slo:`) against what its requests met: how much of the error budget is left.

A request counts as good where the client got an answer, and as bad where the serving side failed it: by any 5xx, 408
(the deployment's timeout), 424 (the model failed) or 429 (too few instances). What the client got wrong, such as 401,
404, 405 or 413, or a 424 by which the model itself says 400, and requests whose client went away, count as neither.
Of a promise of latency, the good requests are all, and those in time are the good.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.operate.traffic import Request

_FAILURES = frozenset({408, 424, 429})
# The burn rate is that of the last hour: over the whole window it would say what the budget says.
BURN_WINDOW_S = 3600.0


@dataclass(frozen=True)
class Objective:
    """One promise, and what became of it.

    Args:
        name: `availability`, or the latency that is promised.
        target: percent of the requests that are to be good; below 100.
        good: of the window's requests.
        total: all that count; `good` of them or more.
        burn_rate: how many times faster than evenly over the window the budget went in the last hour; 0 without
            requests.
    """

    name: str
    target: float
    good: int
    total: int
    burn_rate: float = 0.0

    @property
    def achieved(self) -> float | None:
        """Percent of the requests that were good; None without requests."""
        return 100 * self.good / self.total if self.total else None

    @property
    def budget_left(self) -> float:
        """Percent of the bad requests that the promise allows which have not happened; below 0 if more happened."""
        return 100 * (1 - _spending(self.good, self.total, self.target))

    @property
    def spent(self) -> bool:
        """Whether nothing of the budget is left."""
        return self.budget_left <= 0


@dataclass(frozen=True)
class Report:
    """The promises of one endpoint.

    Args:
        window_s: over which they are made, in seconds.
        covered_s: how much of it the kept logs reach back.
    """

    window_s: float
    covered_s: float
    objectives: tuple[Objective, ...]


def report(slo: Mapping[str, Any], requests: Iterable[Request], *, now: float, oldest: float | None) -> Report:
    """Hold an endpoint's requests against its promises.

    Args:
        slo: `availability` in percent, `latency` with `percentile` and `ms`, one of them or both; `window` in seconds.
        requests: of the endpoint; older ones than the window are passed over.
        now: in seconds since the epoch.
        oldest: when the first request that is still in the logs ended; None where there is none.
    """
    window_s = float(slo["window"])
    within = [each for each in requests if each.ended >= now - window_s]
    covered_s = 0.0 if oldest is None else min(window_s, now - oldest)
    return Report(window_s, covered_s, tuple(_objectives(slo, within, now)))


def verdict(request: Request) -> bool | None:
    """Whether a request was good (True) or bad (False); None where it counts as neither."""
    told = request.model_status
    status = told if told is not None and 400 <= told < 500 else request.status
    if status >= 500 or status in _FAILURES:
        return False
    return True if 100 <= status < 400 else None


def _objectives(slo: Mapping[str, Any], requests: Sequence[Request], now: float) -> Iterator[Objective]:
    judged = [(each, good) for each in requests if (good := verdict(each)) is not None]
    if availability := slo.get("availability"):
        yield _objective("availability", float(availability), judged, now)
    if latency := slo.get("latency"):
        percent, limit = float(latency["percentile"]), float(latency["ms"])
        timed = [(each, each.duration_ms <= limit) for each, good in judged if good]
        yield _objective(f"latency P{percent:g} <= {limit:g} ms", percent, timed, now)


def _objective(name: str, target: float, judged: Sequence[tuple[Request, bool]], now: float) -> Objective:
    recent = [good for request, good in judged if request.ended >= now - BURN_WINDOW_S]
    burn_rate = _spending(sum(recent), len(recent), target)
    return Objective(name, target, sum(good for _, good in judged), len(judged), burn_rate)


def _spending(good: int, total: int, target: float) -> float:
    """Bad requests as a multiple of those allowed."""
    allowed = total * (100 - target) / 100
    # Rounded, for 99.9 is not exactly that: one bad request of a thousand is all that it allows, not almost all.
    return round((total - good) / allowed, 9) if total else 0.0
