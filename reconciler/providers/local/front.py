"""The one proxy of a local target: its configuration follows from the objects, and every change is waited for."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.files import system_ca_file
from reconciler.gateway.reading import mirror_of, traffic_of
from reconciler.gateway.routes import PREFIX
from reconciler.gateway.values import Gateway, cluster_name
from reconciler.keeper.values import Status
from reconciler.providers.local import proxy
from reconciler.providers.local.certificates import identity
from reconciler.providers.local.facts import HOST, Facts, keep_facts, read_facts, told
from reconciler.providers.local.layout import Layout
from reconciler.providers.local.objects import Objects
from reconciler.providers.local.options import Options
from reconciler.providers.local.processes import Processes
from reconciler.providers.local.proxy import Proxy
from reconciler.providers.local.serving import Serving

Shares = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Routed:
    """Where requests go: percent by deployment by endpoint, of those that are answered and of those that are copied."""

    traffic: Shares = field(default_factory=dict)
    mirror: Shares = field(default_factory=dict)


class Front:
    """The proxy and its files.

    Changes of several threads are put in force together: whoever finds that the configuration was written after its
    own change has nothing left to do.
    """

    def __init__(self, layout: Layout, objects: Objects, processes: Processes, options: Options) -> None:
        self._layout = layout
        self._objects = objects
        self._processes = processes
        self._options = options
        self._proxy = Proxy(layout, processes)
        self._serving = Serving(objects, layout, options)
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._asked = 0
        self._done = 0

    def sync(self) -> None:
        """Put in force what the objects and the options say as they are now.

        The proxy runs as long as there is an endpoint. Where its binary, command line or bootstrap are others than
        those of the process that runs, a second one takes over from it.

        Raises:
            ProviderError: an option leads to nothing, or the proxy cannot be started, or refuses.
        """
        with self._counting:
            self._asked += 1
            ticket = self._asked
        with self._writing:
            if self._done >= ticket:
                return
            covered = self._asked
            self._apply()
            self._done = covered

    def detail(self, endpoint: str, statuses: Mapping[str, Status]) -> dict[str, Any]:
        """What a client has to know of an endpoint, and how the proxy is; `statuses` are the kept processes."""
        facts = read_facts(self._layout.gateway_facts)
        if facts is None:
            return {"scoring_uri": "", "gateway": "not running"}
        status = statuses.get(proxy.kept(facts.process))
        state = "running" if status and status.running else "not running"
        return {"scoring_uri": f"{facts.address}{PREFIX}{endpoint}/score", "gateway": state, **facts.told()}

    def outdated(self) -> str:
        """Which options the proxy does not follow yet, by their names in `mlops.yaml`; empty where there is none."""
        facts = read_facts(self._layout.gateway_facts)
        if facts is None:
            return ""
        try:
            same = proxy.identity(proxy.binary_of(self._options.envoy)) == facts.identity
        except ProviderError:
            same = False
        found = facts.outdated(self._options, time.time())
        return ", ".join([*found, *([] if same else ["gateway.envoy"])])

    def taken_out(self, deployments: Iterable[Address]) -> frozenset[str]:
        """The instances of these deployments that the proxy sends nothing, as they fail their readiness probe.

        None where no proxy answers, which is told elsewhere.
        """
        facts = read_facts(self._layout.gateway_facts)
        if facts is None:
            return frozenset()
        admin = Admin(self._proxy.place(facts.process).admin)
        try:
            hosts = [host for each in deployments for host in admin.hosts(cluster_name(each.endpoint, each.name))]
        except ProviderError:
            return frozenset()
        return frozenset(host.name for host in hosts if not host.healthy)

    def routed(self) -> tuple[Routed, Routed]:
        """Where requests go, as the routes file says and as the running proxy has it; nowhere where there is none."""
        facts = read_facts(self._layout.gateway_facts)
        number = facts.process if facts else 0
        files = self._proxy.files(number)
        try:
            written = _routed(files.traffic_file())
        except (OSError, IndexError, KeyError, ValueError):
            written = Routed()
        try:
            running = _routed(files.live_routes())
        except (ProviderError, OSError, KeyError, ValueError):
            running = Routed()
        return written, running

    def _apply(self) -> None:
        if not self._objects.has_endpoints():
            self._end()
            return
        binary, former = proxy.binary_of(self._options.envoy), read_facts(self._layout.gateway_facts)
        gateway, wanted = self._wanted(former, binary)
        if former is None or not self._proxy.serves(former.process):
            number = self._proxy.start(binary, gateway)
            keep_facts(self._layout.gateway_facts, replace(wanted, process=number))
            return
        if gateway.port != former.port:
            proxy.must_be_free(gateway.host, gateway.port)
        if wanted.identity != former.identity:
            former = replace(former, process=self._proxy.succeed(former.process, binary), identity=wanted.identity)
            # Before the first one stops to listen: whoever comes after a crash finds the one that goes on.
            keep_facts(self._layout.gateway_facts, former)
        self._proxy.retire_others(former.process, gateway.host, former.port)
        self._proxy.files(former.process).apply(gateway)
        keep_facts(self._layout.gateway_facts, replace(wanted, process=former.process))

    def _end(self) -> None:
        """With the last endpoint everything that runs for the target ends."""
        self._processes.shutdown()
        self._layout.clear_sockets()

    def _wanted(self, former: Facts | None, binary: Path) -> tuple[Gateway, Facts]:
        """What the proxy is to serve, and what is to be remembered of it."""
        # As told, else chosen once and remembered, so that addresses stay.
        port = self._options.port or (former.port if former else proxy.free_port(HOST))
        facts = Facts(port, options=told(self._options), identity=proxy.identity(binary))
        shown = identity(self._options.tls, self._layout.certificate) if self._options.tls else None
        if shown:
            facts = replace(
                facts,
                host=shown.host,
                certificate=str(shown.file),
                self_signed=shown.self_signed,
                renew_at=shown.renew_at,
            )
        gateway = Gateway(
            HOST,
            port,
            self._serving.endpoints(),
            tls=shown.tls if shown else None,
            max_body_bytes=self._options.max_request_bytes,
            ca_file=system_ca_file(),
        )
        return gateway, facts


def _routed(configuration: dict[str, Any]) -> Routed:
    return Routed(traffic_of(configuration), mirror_of(configuration))
