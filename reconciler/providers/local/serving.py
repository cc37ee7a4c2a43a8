"""What the gateway is to serve: the objects of a target in the gateway's words."""

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.gateway.values import Backend, Deployment, Endpoint
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.objects import Object, Objects


def configured(objects: Objects, layout: Layout) -> tuple[Endpoint, ...]:
    """Every endpoint as the objects have it; a deployment takes part once it has instances in service."""
    held = list(objects.all())
    deployments = [item for item in held if item.address.kind == "deployment"]
    by_endpoint: dict[str, list[Object]] = {}
    for item in deployments:
        by_endpoint.setdefault(item.address.endpoint, []).append(item)
    return tuple(
        _endpoint(item, by_endpoint.get(item.address.name, ()), objects, layout)
        for item in held
        if item.address.kind == "endpoint"
    )


def _endpoint(item: Object, deployments: Iterable[Object], objects: Objects, layout: Layout) -> Endpoint:
    serving = tuple(_deployment(each, layout) for each in deployments if each.serving)
    names = {each.name for each in serving}
    traffic = {name: int(share) for name, share in item.spec.get("traffic", {}).items() if share and name in names}
    keys = tuple(objects.secrets(item.address).values())
    return Endpoint(item.address.name, keys, traffic, serving)


def _deployment(item: Object, layout: Layout) -> Deployment:
    requests: Mapping[str, Any] = item.spec["request_settings"]
    return Deployment(
        item.address.name,
        tuple(Backend(name, str(layout.socket(name))) for name in item.serving),
        timeout_ms=int(requests["request_timeout_ms"]),
        max_concurrent=int(requests["max_concurrent_requests_per_instance"]),
    )


def shares(traffic: Mapping[str, int]) -> dict[str, int]:
    """Traffic without those that get none: zero and absent are the same."""
    return {name: int(share) for name, share in traffic.items() if share}
