"""The one proxy of a target: its configuration follows from the objects, and every change is waited for."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from reconciler.core.address import Address
from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway.admin import Admin
from reconciler.gateway.files import system_ca_file
from reconciler.gateway.reading import mirror_of, scoring_paths_of, traffic_of
from reconciler.gateway.values import PREFIX, Gateway, cluster_name
from reconciler.providers.hosting.certificates import identity
from reconciler.providers.hosting.envoys import Envoys, KeptEnvoys, Program
from reconciler.providers.hosting.facts import HOST, Facts, keep_facts, read_facts, told
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.locking import locked
from reconciler.providers.hosting.objects import Objects
from reconciler.providers.hosting.options import Options
from reconciler.providers.hosting.processes import Processes
from reconciler.providers.hosting.proxy import Proxy, free_port, must_be_free
from reconciler.providers.hosting.serving import Backends, Serving

Shares = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Routed:
    """Where requests go.

    Args:
        traffic: percent by deployment by endpoint, of those that are answered.
        mirror: the same of those that are copied.
        paths: by endpoint, the path below it that its clients are told.
    """

    traffic: Shares = field(default_factory=dict)
    mirror: Shares = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)


class Front:
    """The proxy and its files.

    Changes of several threads are put in force together: whoever finds that the configuration was written after its
    own change has nothing left to do.

    Args:
        processes: the target's keeper, which ends with the last endpoint.
        backends: how deployments are reached.
        envoys: what runs the proxy; without it the keeper does.
    """

    def __init__(
        self,
        layout: Layout,
        objects: Objects,
        processes: Processes,
        options: Options,
        backends: Backends,
        envoys: Envoys | None = None,
    ) -> None:
        self._layout = layout
        self._objects = objects
        self._processes = processes
        self._options = options
        self._envoys = envoys or KeptEnvoys(layout, processes, options.envoy)
        self._proxy = Proxy(layout, self._envoys)
        self._serving = Serving(objects, layout, options, backends)
        self.backends = backends
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
            # Of other processes one may feed the gateway, too.
            with locked(self._layout.gateway_lock):
                self._apply()
            self._done = covered

    def look(self, paths: Mapping[str, str]) -> Callable[[str], dict[str, Any]]:
        """Look at the proxy, and return what tells a client what it has to know of an endpoint by its name.

        Args:
            paths: as `routed` has them.
        """
        facts = read_facts(self._layout.gateway_facts)
        if facts is None:
            return lambda _endpoint: {"scoring_uri": "", "gateway": "not running"}
        state = "running" if self._envoys.seen(facts.process) else "not running"
        return lambda endpoint: {
            "scoring_uri": f"{facts.address}{PREFIX}{endpoint}{paths.get(endpoint, '/score')}",
            "gateway": state,
            **facts.told(),
        }

    def outdated(self) -> str:
        """Which options the proxy does not follow yet, by their names in `mlops.yaml`; empty where there is none."""
        facts = read_facts(self._layout.gateway_facts)
        if facts is None:
            return ""
        found = facts.outdated(self._options, time.time())
        return ", ".join([*found, *([] if self._envoys.is_current(facts.identity) else ["gateway.envoy"])])

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
        former = read_facts(self._layout.gateway_facts)
        gateway, wanted, program = self._wanted(former)
        if former is None or not self._proxy.serves(former.process):
            number = self._proxy.start(program, gateway)
            keep_facts(self._layout.gateway_facts, replace(wanted, process=number))
            return
        if gateway.port != former.port:
            must_be_free(gateway.host, gateway.port)
        if program.identity != former.identity:
            number = self._proxy.succeed(former.process, program)
            former = replace(former, process=number, identity=program.identity, image=program.image)
            # Before the first one stops to listen: whoever comes after a crash finds the one that goes on.
            keep_facts(self._layout.gateway_facts, former)
        self._proxy.retire_others(former.process, gateway.host, former.port)
        self._proxy.files(former.process).apply(gateway)
        keep_facts(self._layout.gateway_facts, replace(wanted, process=former.process))

    def _end(self) -> None:
        """With the last endpoint everything that runs for the target ends."""
        # The keeper first, with all that it keeps: one that keeps nothing more ends by itself, and nobody knows when.
        self._processes.shutdown()
        self._proxy.end()
        self._layout.clear_sockets()

    def _wanted(self, former: Facts | None) -> tuple[Gateway, Facts, Program]:
        """What the proxy is to serve, what is to be remembered of it, and what is to run it."""
        # As told, else chosen once and remembered, so that addresses stay.
        port = self._options.port or (former.port if former else free_port(HOST))
        facts = Facts(port, options=told(self._options))
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
            max_request_s=self._options.max_request_seconds,
            ca_file=system_ca_file(),
        )
        program = self._envoys.choose(gateway)
        return gateway, replace(facts, identity=program.identity, image=program.image), program


def _routed(configuration: dict[str, Any]) -> Routed:
    return Routed(traffic_of(configuration), mirror_of(configuration), scoring_paths_of(configuration))
