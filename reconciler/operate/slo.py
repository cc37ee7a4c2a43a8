"""What an endpoint promises (`slo:`) against what it was asked: how much of the error budget is left.

Of a promise of latency, the good requests are all, and those in time are the good.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.core.address import Address
from reconciler.operate.minutes import Minute

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
        covered_s: of how much of the window the requests are known, in seconds.
        burn_rate: how many times faster than evenly over the window the budget went in the last hour; 0 without
            requests.
    """

    name: str
    target: float
    good: int
    total: int
    covered_s: float
    burn_rate: float

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
    """The promises of one endpoint, made over a window of so many seconds."""

    window_s: float
    objectives: tuple[Objective, ...]


def promises(policies: Mapping[Address, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The `slo` policies of a target by the names of their endpoints."""
    return {address.name: found["slo"] for address, found in policies.items() if "slo" in found}


def report(slo: Mapping[str, Any], minutes: Sequence[Minute], *, now: float) -> Report:
    """Hold an endpoint's requests against its promises.

    Args:
        slo: `availability` in percent, `latency` with `percentile` and `ms`, one of them or both; `window` in seconds.
        minutes: of the endpoint, each once; those before the window are passed over.
        now: in seconds since the epoch.
    """
    return Report(float(slo["window"]), tuple(_objectives(slo, minutes, now)))


def _objectives(slo: Mapping[str, Any], minutes: Sequence[Minute], now: float) -> Iterator[Objective]:
    window_s = float(slo["window"])
    if availability := slo.get("availability"):
        yield _objective("availability", float(availability), minutes, _available, window_s, now)
    if latency := slo.get("latency"):
        percent, limit = float(latency["percentile"]), float(latency["ms"])
        # What was slow by another promise says nothing about this one.
        held = [each for each in minutes if each.limit_ms == limit]
        yield _objective(f"latency P{percent:g} <= {limit:g} ms", percent, held, _in_time, window_s, now)


def _available(minute: Minute) -> tuple[int, int]:
    return minute.counted - minute.failed, minute.counted


def _in_time(minute: Minute) -> tuple[int, int]:
    answered = minute.counted - minute.failed
    return answered - minute.slow, answered


def _objective(
    name: str,
    target: float,
    minutes: Sequence[Minute],
    kept: Callable[[Minute], tuple[int, int]],
    window_s: float,
    now: float,
) -> Objective:
    within = [each for each in minutes if each.end > now - window_s and each.begin <= now]
    good, total = _sums(map(kept, within))
    recent = _sums(kept(each) for each in within if each.end > now - BURN_WINDOW_S)
    covered_s = sum(min(each.end, now) - max(each.begin, now - window_s) for each in within)
    return Objective(name, target, good, total, covered_s, _spending(*recent, target))


def _sums(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    found = list(pairs)
    return sum(good for good, _ in found), sum(total for _, total in found)


def _spending(good: int, total: int, target: float) -> float:
    """Bad requests as a multiple of those allowed."""
    allowed = total * (100 - target) / 100
    # Rounded, for 99.9 is not exactly that: one bad request of a thousand is all that it allows, not almost all.
    return round((total - good) / allowed, 9) if total else 0.0
