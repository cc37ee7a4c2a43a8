"""The requests of an endpoint by the minute: what an error budget needs of them, for far longer than they are kept."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.operate.traffic import Request
from reconciler.operate.verdicts import verdict

MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Minute:
    """What one endpoint was asked in one minute.

    Args:
        begin: in seconds since the epoch, a multiple of 60.
        counted: requests that were good or bad.
        failed: those of them that were bad.
        slow: the good ones that took longer than `limit_ms`.
        limit_ms: the latency that was promised at the time; None where none was.
    """

    begin: float
    endpoint: str
    counted: int = 0
    failed: int = 0
    slow: int = 0
    limit_ms: float | None = None

    @property
    def end(self) -> float:
        """Where the next minute begins."""
        return self.begin + MINUTE_S

    @property
    def line(self) -> bytes:
        """The minute as a line of JSON."""
        row = {
            "minute": int(self.begin),
            "endpoint": self.endpoint,
            "counted": self.counted,
            "failed": self.failed,
            "slow": self.slow,
            "limit_ms": self.limit_ms,
        }
        return json.dumps(row).encode() + b"\n"


def minute_of(line: bytes) -> Minute | None:
    """The minute of a line; None where the line is torn or tells of none."""
    try:
        row: Mapping[str, Any] = json.loads(line)
        counted, failed, slow = int(row["counted"]), int(row["failed"]), int(row["slow"])
        limit_ms = None if row["limit_ms"] is None else float(row["limit_ms"])
        return Minute(float(row["minute"]), str(row["endpoint"]), counted, failed, slow, limit_ms)
    except (ValueError, TypeError, KeyError):
        return None


def begin_of(moment: float) -> float:
    """The begin of the minute in which a moment is."""
    return moment - moment % MINUTE_S


def limit_of(slo: Mapping[str, Any]) -> float | None:
    """The latency that an `slo` policy promises, in milliseconds; None where it promises none."""
    return float(slo["latency"]["ms"]) if "latency" in slo else None


def by_endpoint(requests: Iterable[Request]) -> dict[str, list[Request]]:
    """Requests by the name of the endpoint that they were for."""
    found: dict[str, list[Request]] = {}
    for each in requests:
        found.setdefault(each.endpoint, []).append(each)
    return found


def resumed(until: float | None, oldest: float | None) -> float | None:
    """From when on requests are counted, where minutes are known already: none twice, and as far back as there are any.

    Args:
        until: the end of the last minute that is known.
        oldest: when the first request that is still in the log ended.
    """
    if oldest is None:
        return until
    return max(begin_of(oldest), until or 0.0)


def minutes(
    endpoint: str, requests: Iterable[Request], *, limit_ms: float | None, since: float, until: float
) -> Iterator[Minute]:
    """Every minute that begins from one time up to another, also those in which nothing was asked.

    Args:
        requests: of the endpoint, by when they ended; others than of these minutes are passed over.
        limit_ms: the latency that is promised.
        since: the begin of a minute.
        until: in seconds since the epoch.
    """
    answered, failed, slow = Counter[float](), Counter[float](), Counter[float]()
    for each in requests:
        good, begin = verdict(each), begin_of(each.ended)
        if good is None or not since <= each.ended < until:
            continue
        answered[begin] += 1
        failed[begin] += not good
        slow[begin] += good and limit_ms is not None and each.duration_ms > limit_ms
    begin = since
    while begin < until:
        yield Minute(begin, endpoint, answered[begin], failed[begin], slow[begin], limit_ms)
        begin += MINUTE_S
