"""Which backends get requests: those that pass their readiness probe, and that take connections."""

from reconciler.gateway.durations import seconds
from reconciler.gateway.replies import Json
from reconciler.gateway.values import Probe


def health_check(probe: Probe) -> Json:
    """A backend that is not up is asked often, so that it serves as soon as it can; one that is up, as its probe says.

    Any answer but 200 counts as one failure; by itself Envoy would take a backend out at the first such answer.
    """
    period, soon = seconds(probe.period_s), "0.1s"
    return {
        "timeout": seconds(probe.timeout_s),
        "interval": period,
        "no_traffic_interval": soon,
        "no_traffic_healthy_interval": period,
        "unhealthy_interval": soon,
        "unhealthy_edge_interval": soon,
        "unhealthy_threshold": probe.failure_threshold,
        "healthy_threshold": probe.success_threshold,
        "http_health_check": {
            "path": probe.path,
            "host": "localhost",
            "retriable_statuses": [{"start": 100, "end": 200}, {"start": 201, "end": 600}],
        },
    }


def unreachable() -> Json:
    """Leave out a backend that takes no connection for some seconds, or until its next good probe, if there is another.

    A dead backend is the least busy of all, so the retries of a request would find it again and again.
    """
    others = ("consecutive_5xx", "consecutive_gateway_failure", "success_rate", "local_origin_success_rate")
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 1,
        "enforcing_consecutive_local_origin_failure": 100,
        **{f"enforcing_{each}": 0 for each in others},
        "interval": "1s",
        "base_ejection_time": "1s",
        "max_ejection_time": "5s",
        # One is always left: the share that would be out then is rounded down and compared with this.
        "max_ejection_percent": 99,
    }
