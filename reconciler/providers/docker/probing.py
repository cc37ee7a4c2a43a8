"""Asking instances on this machine's loopback whether they are ready."""

import http.client
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

from reconciler.providers.docker.containers import LOOPBACK
from reconciler.providers.docker.launch import Route

_AT_ONCE = 16
_TIMEOUT_S = 2.0


def refusal(route: Route, port: int) -> str:
    """Say how an instance on this machine answers when it is asked whether it is ready.

    Args:
        route: where it is asked, at its published port.
        port: the same port within its container, which its maker knows.
    """
    what = f"GET :{port}{route.path}"
    connection = http.client.HTTPConnection(LOOPBACK, route.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", route.path, headers={"connection": "close"})
        return f"{what} answers {connection.getresponse().status}"
    except TimeoutError:
        return f"{what} is not answered within {_TIMEOUT_S:g} s"
    # What publishes the port takes connections for a server that is not there, and closes them.
    except ConnectionError:
        return f"connection refused on port {port}; nothing listens there"
    except (OSError, http.client.HTTPException) as error:
        return f"{what} is not answered in HTTP ({type(error).__name__})"
    finally:
        connection.close()


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
