"""Asking the running proxy, over its admin socket, what it has in force."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.asking import BrokenAnswerError, asked


@dataclass(frozen=True)
class Host:
    """A backend as the proxy sees it; `active` is how many requests it is working on."""

    name: str
    healthy: bool
    active: int


class Admin:
    """The admin interface of one proxy, on a unix socket."""

    def __init__(self, path: Path, *, timeout_s: float = 5.0) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def running(self) -> bool:
        """Tell whether the proxy answers and has loaded its first configuration."""
        try:
            return bool(self._get("/server_info")["state"] == "LIVE")
        except ProviderError:
            return False

    def listening(self) -> bool:
        """Tell whether the proxy runs and has its port: without one, as when another program has it, it runs on."""
        return self.running() and bool(self._get("/listeners?format=json").get("listener_statuses"))

    def stats(self, pattern: str) -> dict[str, int | str]:
        """Return the counters, gauges and texts whose names match a regular expression."""
        found = self._get(f"/stats?format=json&filter={quote(pattern)}")["stats"]
        return {each["name"]: each["value"] for each in found if "name" in each}

    def hosts(self, cluster: str) -> tuple[Host, ...]:
        """Return a cluster's backends; none if the proxy does not know the cluster."""
        found = self._get("/clusters?format=json").get("cluster_statuses", [])
        return tuple(_host(host) for each in found if each["name"] == cluster for host in each.get("host_statuses", []))

    def healthy(self, cluster: str) -> frozenset[str]:
        """Return the names of a cluster's backends that take requests."""
        return frozenset(host.name for host in self.hosts(cluster) if host.healthy)

    def certificates(self) -> frozenset[str]:
        """Return the serial numbers of the certificates that are shown to clients, in hexadecimal without leading 0."""
        shown = [chain for each in self._get("/certs").get("certificates", []) for chain in each["cert_chain"]]
        return frozenset(each["serial_number"].lstrip("0") for each in shown)

    def post(self, path: str) -> None:
        """Tell the proxy to do something, such as `/reopen_logs` or `/drain_listeners?graceful`."""
        self._request("POST", path)

    def _get(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._request("GET", path))
        return answer

    def _request(self, method: str, path: str) -> bytes:
        try:
            status, body = asked(self._path, method, path, timeout_s=self._timeout_s)
        except (OSError, BrokenAnswerError) as error:
            raise ProviderError(f"the gateway does not answer at {self._path}: {error}") from error
        if status != 200:
            raise ProviderError(f"the gateway refused {method} {path}: {status} {body.decode(errors='replace')[:200]}")
        return body


def _host(status: dict[str, Any]) -> Host:
    health = dict(status.get("health_status", {}))
    known = health.pop("eds_health_status", "HEALTHY")
    active = next((int(each.get("value", 0)) for each in status.get("stats", []) if each["name"] == "rq_active"), 0)
    return Host(status.get("hostname", ""), known == "HEALTHY" and not any(health.values()), active)
