"""How many requests a deployment takes: Azure refuses what exceeds twice the requests that can run."""

from reconciler.gateway.replies import Json
from reconciler.gateway.values import Deployment

_UNLIMITED = 1_000_000
# So many requests more than are taken still reach backends that count for themselves, which refuse them.
_BEYOND = 64


def limits(deployment: Deployment) -> Json:
    """Return the limits of a deployment's cluster."""
    in_flight = 2 * deployment.max_concurrent * max(1, len(deployment.backends))
    return _flood(in_flight) if deployment.queues else _held_back(in_flight, deployment.max_concurrent)


def limits_of_copies(deployment: Deployment) -> Json:
    """Return the limits of copies: each has a connection at once or is lost, for one that waits holds up the live."""
    most = 2 * deployment.max_concurrent * max(1, len(deployment.backends))
    total = {"max_connections": _UNLIMITED, "max_pending_requests": most, "max_requests": most}
    return {"thresholds": [{**total, "max_retries": _UNLIMITED}]}


def _flood(in_flight: int) -> Json:
    """The backends hold back and refuse by themselves, exactly; the proxy is only there for a flood, which it refuses.

    A request to a backend that is full needs a connection too, and that of a flood no backend.
    """
    most = in_flight + max(in_flight, _BEYOND)
    total = {"max_connections": _UNLIMITED, "max_pending_requests": most, "max_requests": most}
    return {"thresholds": [{**total, "max_retries": _UNLIMITED}]}


def _held_back(in_flight: int, max_concurrent: int) -> Json:
    """One connection is one request (HTTP/1.1), so a backend never runs more than it may; the others wait in the proxy.

    The proxy counts a request as waiting while its connection is being made, so the queue has room for all of those: a
    burst is not refused because the proxy was idle before. The price is that a busy deployment takes more than twice
    what it runs, by as many as run.
    """
    total = {"max_connections": _UNLIMITED, "max_requests": _UNLIMITED, "max_retries": _UNLIMITED}
    return {
        "thresholds": [{**total, "max_pending_requests": in_flight}],
        "per_host_thresholds": [{"max_connections": max_concurrent}],
    }
