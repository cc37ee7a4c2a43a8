"""The deployments' backends as Envoy's clusters: balancing, limits and health checks."""

import ipaddress

from reconciler.gateway.replies import Json
from reconciler.gateway.values import Backend, Deployment, Gateway, cluster_name

_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_LEAST = "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest"
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def clusters(gateway: Gateway) -> list[Json]:
    """Return the clusters of all deployments; never none, for Envoy ignores an empty list."""
    found = [cluster(cluster_name(end.name, each.name), each) for end in gateway.endpoints for each in end.deployments]
    return found or [cluster("none", Deployment("none"))]


def cluster(name: str, deployment: Deployment) -> Json:
    """Return one deployment's backends under their cluster's name."""
    return {
        "@type": _CLUSTER,
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_backend(each) for each in deployment.backends]}],
        },
        "load_balancing_policy": _least_busy(),
        # Without healthy backends the answer is 503, not a try at unhealthy ones.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": _limits(deployment),
        "health_checks": [_health_check(deployment.readiness.path)],
        "outlier_detection": _unreachable(),
        "typed_extension_protocol_options": {_HTTP: _http()},
    }


def _least_busy() -> Json:
    policy = {"@type": _LEAST, "selection_method": "FULL_SCAN"}
    return {"policies": [{"typed_extension_config": {"name": "least_request", "typed_config": policy}}]}


def _limits(deployment: Deployment) -> Json:
    """One connection is one request (HTTP/1.1), so a backend never runs more than it may.

    Azure refuses what exceeds twice the requests that can run. Envoy counts a request as waiting while its connection
    is being made, so the queue has room for all of those: a burst is not refused because the proxy was idle before.
    """
    in_flight = 2 * deployment.max_concurrent * max(1, len(deployment.backends))
    unlimited = 1_000_000
    total = {"max_connections": unlimited, "max_requests": unlimited, "max_retries": unlimited}
    return {
        "thresholds": [{**total, "max_pending_requests": in_flight}],
        "per_host_thresholds": [{"max_connections": deployment.max_concurrent}],
    }


def _health_check(path: str) -> Json:
    """A backend that is not yet up is asked often, so that it serves as soon as it can; one that is up, seldom."""
    return {
        "timeout": "2s",
        "interval": "2s",
        "no_traffic_interval": "0.1s",
        "no_traffic_healthy_interval": "2s",
        "unhealthy_interval": "0.1s",
        "unhealthy_edge_interval": "0.25s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 1,
        "http_health_check": {"path": path, "host": "localhost"},
    }


def _unreachable() -> Json:
    """Leave out a backend that takes no connection until its next good health check, if there is another.

    A dead backend is the least busy of all, so the retries of a request would find it again and again.
    """
    others = ("consecutive_5xx", "consecutive_gateway_failure", "success_rate", "local_origin_success_rate")
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 1,
        "enforcing_consecutive_local_origin_failure": 100,
        **{f"enforcing_{each}": 0 for each in others},
        "max_ejection_percent": 99,
    }


def _http() -> Json:
    return {
        "@type": f"type.googleapis.com/{_HTTP}",
        "explicit_http_config": {"http_protocol_options": {}},
        # Below the 5 s after which uvicorn closes an idle connection: whoever closes first never meets a request.
        "common_http_protocol_options": {"idle_timeout": "4s"},
    }


def _backend(backend: Backend) -> Json:
    return {"endpoint": {"hostname": backend.name, "address": _address(backend.address)}}


def _address(address: str) -> Json:
    if address.startswith("/"):
        return {"pipe": {"path": address}}
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": str(ipaddress.ip_address(host.strip("[]"))), "port_value": int(port)}}
