"""Measure a target now: the requests of its log, and what its instances take."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.core.address import Address
from reconciler.operate.access import live_object, table_source
from reconciler.operate.metrics import Sample, connection_samples, samples
from reconciler.operate.traffic import TABLE, Request, requests
from reconciler.providers.provider import Connections, ConnectionSource, Usage, UsageSource
from reconciler.workspace import Workspace

# Systems count CPU in hundredths of a second: over this span a share of it is known to 4 percent.
_APART_S = 0.25


@dataclass(frozen=True)
class Measured:
    """The metrics of a window of time.

    Args:
        since: the window's begin, in seconds since the epoch.
        until: its end.
    """

    since: float
    until: float
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class _Look:
    """The target at one moment, in seconds since the epoch."""

    at: float
    usages: Sequence[Usage]
    connections: Connections | None


def measured(
    workspace: Workspace,
    *,
    window_s: float,
    endpoint: str = "",
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Measured:
    """The metrics of the last `window_s` seconds, of every endpoint or of one.

    Raises:
        MlopsError: there is no such endpoint, or the target keeps no logs.
    """
    source = table_source(workspace)
    if endpoint:
        live_object(workspace, Address("endpoint", endpoint))
    before = _looked(workspace, endpoint, now)
    since = before.at - window_s
    found = requests(source.tables().get(TABLE, ()), since=since)
    answered = [each for each in found if endpoint in ("", each.endpoint)]
    sleep(max(0.0, before.at + _APART_S - now()))
    after = _looked(workspace, endpoint, now)
    return Measured(since, before.at, (*_samples(answered, window_s, before, after), *_of_connections(before, after)))


def _samples(answered: Sequence[Request], window_s: float, before: _Look, after: _Look) -> Sequence[Sample]:
    return samples(
        answered,
        after.usages,
        window_s=window_s,
        before=before.usages,
        apart_s=after.at - before.at,
        memory_bytes=memory_bytes(),
    )


def _of_connections(before: _Look, after: _Look) -> Sequence[Sample]:
    if before.connections is None or after.connections is None:
        return ()
    return connection_samples(after.connections, before.connections, apart_s=after.at - before.at)


def _looked(workspace: Workspace, endpoint: str, now: Callable[[], float]) -> _Look:
    """What is seen now; connections are of no one endpoint, and so only told of all."""
    provider = workspace.provider
    usages = provider.usage() if isinstance(provider, UsageSource) else ()
    connections = provider.connections() if isinstance(provider, ConnectionSource) and not endpoint else None
    return _Look(now(), [each for each in usages if endpoint in ("", each.deployment.endpoint)], connections)


def as_json(found: Measured) -> dict[str, Any]:
    """The metrics of a window in one value."""
    return {
        "since": _iso(found.since),
        "until": _iso(found.until),
        "metrics": [asdict(sample) for sample in found.samples],
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def memory_bytes() -> int:
    """What the machine has of memory."""
    import psutil  # noqa: PLC0415 - only metrics need it

    return int(psutil.virtual_memory().total)
