"""The deployments' backends as Envoy's clusters: balancing, addresses, and what they share."""

import ipaddress

from reconciler.gateway.health import health_check, unreachable
from reconciler.gateway.limits import limits, limits_of_copies
from reconciler.gateway.mirroring import led_to
from reconciler.gateway.replies import Json
from reconciler.gateway.tokens import issuer_clusters
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, cluster_name, shadow_name

_CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
_LEAST = "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest"
_COPY_BYTES = 64 << 20
_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def clusters(gateway: Gateway) -> list[Json]:
    """Return the clusters of all deployments; never none, for Envoy ignores an empty list."""
    deployments = [(end, each) for end in gateway.endpoints for each in end.deployments]
    found = [
        *(cluster(cluster_name(end.name, each.name), each) for end, each in deployments),
        *(shadow(end, each) for end, each in deployments if end.mirror.get(each.name)),
        *issuer_clusters(gateway),
    ]
    return found or [cluster("none", Deployment("none"))]


def cluster(name: str, deployment: Deployment) -> Json:
    """Return one deployment's backends under their cluster's name."""
    return {
        **_backends(name, deployment),
        "common_lb_config": {
            # Without healthy backends the answer is 503, not a try at unhealthy ones.
            "healthy_panic_threshold": {"value": 0},
            # By default a change of health is shown by the admin socket a second before requests go by it.
            "update_merge_window": "0s",
        },
        "health_checks": [health_check(deployment.readiness)],
        "outlier_detection": unreachable(),
    }


def shadow(endpoint: Endpoint, deployment: Deployment) -> Json:
    """Return one deployment's backends for copies of requests, which count against no limit of the live ones.

    Nobody waits for a copy, so it needs no healthy backend: without one it is lost.
    """
    found = _backends(shadow_name(endpoint.name, deployment.name), deployment)
    found["circuit_breakers"] = limits_of_copies(deployment)
    # What a backend does not take at once is kept here: else the live request, from which the copy is fed, would wait.
    found["per_connection_buffer_limit_bytes"] = _COPY_BYTES
    if any(each.scoring_path != deployment.scoring_path for each in endpoint.deployments):
        found["typed_extension_protocol_options"] = {_HTTP: {**_http(), **led_to(deployment.scoring_path)}}
    return found


def _backends(name: str, deployment: Deployment) -> Json:
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
        "circuit_breakers": limits(deployment),
        "typed_extension_protocol_options": {_HTTP: _http()},
    }


def _least_busy() -> Json:
    policy = {"@type": _LEAST, "selection_method": "FULL_SCAN"}
    return {"policies": [{"typed_extension_config": {"name": "least_request", "typed_config": policy}}]}


def _http() -> Json:
    return {
        "@type": f"type.googleapis.com/{_HTTP}",
        "explicit_http_config": {"http_protocol_options": {}},
        # Below the 5 s after which uvicorn closes an idle connection: whoever closes first never meets a request.
        "common_http_protocol_options": {"idle_timeout": "4s"},
    }


def _backend(backend: Backend) -> Json:
    health = {"health_check_config": {"port_value": backend.health_port}} if backend.health_port else {}
    return {"endpoint": {"hostname": backend.name, "address": _address(backend.address), **health}}


def _address(address: str) -> Json:
    if address.startswith("/"):
        return {"pipe": {"path": address}}
    host, _, port = address.rpartition(":")
    return {"socket_address": {"address": str(ipaddress.ip_address(host.strip("[]"))), "port_value": int(port)}}
