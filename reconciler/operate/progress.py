"""When traffic on its way takes its next step, holds, or goes back: decided from what the gateway answered since."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from reconciler.core.rollout import Rollout
from reconciler.operate.traffic import Request
from reconciler.operate.verdicts import verdict


@dataclass(frozen=True)
class Observed:
    """What the receiving deployments answered since a step began.

    Args:
        requests: how many requests ended.
        errors: how many of them failed.
        p95_ms: within which 95 % of them were answered; None where there were none.
        lost: those of them that lost an instance.
    """

    requests: int = 0
    errors: int = 0
    p95_ms: float | None = None
    lost: tuple[str, ...] = ()

    @property
    def error_rate(self) -> float:
        """The share of requests that failed, 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0


class Tally:
    """Counts what a roll-out's receiving deployments answer in one step, however many requests that are.

    Durations are kept to three digits. Requests that began before the step are not its doing, and what clients got
    wrong says nothing of a deployment.
    """

    def __init__(self, endpoint: str, rollout: Rollout) -> None:
        self._endpoint, self._deployments, self._since = endpoint, rollout.receiving, rollout.since
        self._durations: Counter[float] = Counter()
        self._errors = 0

    def add(self, requests: Iterable[Request]) -> None:
        """Count requests, each of which may be given once; those of others are passed over."""
        for each in requests:
            if each.endpoint != self._endpoint or each.deployment not in self._deployments or each.time < self._since:
                continue
            good = verdict(each)
            if good is not None:
                self._errors += not good
                self._durations[float(f"{each.duration_ms:.3g}")] += 1

    def observed(self) -> Observed:
        """What was counted."""
        total = self._durations.total()
        return Observed(total, self._errors, self._percentile(95, total) if total else None)

    def _percentile(self, percent: float, total: int) -> float:
        rank, below = math.ceil(total * percent / 100), 0
        for duration in sorted(self._durations):
            below += self._durations[duration]
            if below >= rank:
                return duration
        raise AssertionError("a rank is at most the number of requests")


def decided(rollout: Rollout, seen: Observed, now: float) -> Rollout:
    """The roll-out as it should be now; itself where nothing is to be done.

    A gate that is not kept, or an instance that is lost, counts at once, also within the pause. Too few requests hold
    it: nothing is known then. A clock that was set back begins the step anew.

    Args:
        rollout: unfinished.
        seen: since its step began.
        now: seconds since the epoch.
    """
    if now < rollout.since:
        return replace(rollout, since=now)
    broken = _broken(rollout, seen)
    if broken and rollout.returns:
        return replace(rollout, returned=f"at {rollout.percent} %, {broken}", held="")
    if broken:
        return _held(rollout, _named(broken))
    if now < rollout.since + rollout.pause_s:
        return _held(rollout, "")
    if seen.requests < rollout.gates.min_requests:
        return _held(rollout, f"fewer than {rollout.gates.min_requests} requests to judge by")
    return rollout.at(rollout.place + 1, now)


def _broken(rollout: Rollout, seen: Observed) -> str:
    """Which gate is not kept, in words; empty while too few requests were answered to tell.

    That instances hold out is a gate of every roll-out, and needs no request.
    """
    gates = rollout.gates
    if seen.lost:
        return f"instances lost: {', '.join(seen.lost)}"
    if seen.requests < max(1, gates.min_requests):
        return ""
    if gates.error_rate is not None and seen.error_rate > gates.error_rate:
        rate = f"{seen.errors} of {seen.requests} requests failed"
        return f"error_rate above {gates.error_rate:g}: {rate}"
    if gates.p95_ms is not None and (seen.p95_ms or 0) > gates.p95_ms:
        return f"p95_ms above {gates.p95_ms:g}: {math.ceil(seen.p95_ms or 0)} ms in {seen.requests} requests"
    return ""


def _named(broken: str) -> str:
    """The gate without its measure, which changes with every look."""
    return broken.partition(":")[0]


def _held(rollout: Rollout, why: str) -> Rollout:
    return rollout if rollout.held == why else replace(rollout, held=why)
