"""The attendant of a target: a process that decides between two applies, kept up by the keeper."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path

from reconciler.core.address import Address
from reconciler.frozen import dataclass
from reconciler.gateway.admin import Admin
from reconciler.keeper.values import Process
from reconciler.providers.hosting.facts import place_in_force
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.processes import Processes
from reconciler.record.environment import passed_on

# What a process of ours gets of the operator's environment: never keys or tokens, which may well be there.
PASSED_ON = (
    *("HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"),
)
NAME = "attendant"
_DEMAND = r"^cluster\..*\.(upstream_rq_active|upstream_rq_pending_active)$"


@dataclass(frozen=True)
class Attending:
    """Starts and ends the attendant, and tells it what the gateway is asked for."""

    layout: Layout
    processes: Processes
    outer: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def attend(self, argv: Sequence[str], folder: Path) -> None:
        """Have the attendant run; one that runs by the same words stays."""
        names = (*PASSED_ON, "PATH")
        env = {name: self.outer[name] for name in names if name in self.outer} | passed_on(self.outer)
        env["PYTHONUNBUFFERED"] = "1"
        log = str(self.layout.attendant_log)
        self.processes.start(Process(NAME, tuple(argv), env, cwd=str(folder), log=log, log_max_bytes=1_000_000))
        self.processes.settle([NAME])

    def unattend(self) -> None:
        """End it."""
        self.processes.remove([NAME])

    def attended(self) -> bool:
        """Whether the keeper has it."""
        return NAME in (self.processes.seen() or {})

    def demand(self) -> Mapping[Address, int]:
        """By deployment, the requests that the gateway has sent on or holds."""
        found: dict[Address, int] = {}
        for name, value in Admin(place_in_force(self.layout).admin).stats(_DEMAND).items():
            endpoint, _, deployment = name.removeprefix("cluster.").rpartition(".")[0].partition("/")
            if deployment:
                address = Address("deployment", deployment, endpoint=endpoint)
                found[address] = found.get(address, 0) + int(value)
        return found
