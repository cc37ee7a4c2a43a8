"""Asking instances on this machine's loopback whether they are ready."""

import http.client
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

from reconciler.providers.docker.containers import LOOPBACK
from reconciler.providers.docker.launch import Route

_AT_ONCE = 16
_TIMEOUT_S = 2.0


def is_ready(route: Route, host: str = LOOPBACK, *, timeout_s: float = _TIMEOUT_S) -> bool:
    """Whether there is a good answer, one of 200 to 399, on a port of this machine or of another host."""
    connection = http.client.HTTPConnection(host, route.port, timeout=timeout_s)
    try:
        connection.request("GET", route.path, headers={"connection": "close"})
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ready_ones(routes: Mapping[str, Route], hosts: Mapping[str, str] = MappingProxyType({})) -> frozenset[str]:
    """Those of the instances that are ready, by where each says so; on this machine where no host is named."""
    places = [hosts.get(name, LOOPBACK) for name in routes]
    if len(routes) < 2:
        return frozenset(name for name, host in zip(routes, places, strict=True) if is_ready(routes[name], host))
    with ThreadPoolExecutor(min(_AT_ONCE, len(routes))) as pool:
        answers: Iterable[bool] = pool.map(is_ready, routes.values(), places)
        return frozenset(name for name, ready in zip(routes, answers, strict=True) if ready)
