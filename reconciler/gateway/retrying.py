"""Trying another backend, only where the first has certainly not run the request: a score is made at most once."""

from reconciler.gateway.replies import FULL, REASON, Json
from reconciler.gateway.values import Deployment

_UNSEEN = "connect-failure,reset-before-request"


def retries() -> Json:
    """Return how requests are tried again that reached no backend."""
    return _policy(_UNSEEN, times=3)


def full_again(deployment: Deployment) -> Json:
    """Return the part of a route by which what a backend refused, since it is full, is tried on the others.

    Backends are chosen by the requests that they are working on, which while connections are being made is none, so a
    burst on an idle proxy does not meet them evenly. What a model answers by itself is never tried again, whatever its
    code: only the server that holds requests back sets this header.
    """
    others = len(deployment.backends) - 1
    if not deployment.queues or not others:
        return {}
    full = {"name": REASON, "string_match": {"exact": FULL}}
    policy = _policy(f"{_UNSEEN},retriable-headers", times=others + 3)
    return {"retry_policy": {**policy, "retriable_headers": [full]}}


def _policy(on: str, *, times: int) -> Json:
    predicate = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": on,
        "num_retries": times,
        "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.030s"},
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": predicate}}
        ],
        "host_selection_retry_max_attempts": 3,
    }
