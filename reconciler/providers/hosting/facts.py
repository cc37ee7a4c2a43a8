"""What the proxy was last brought to, kept in a file: its address, who it says it is, and by which options.

A look at the target reads it, and needs neither the certificate nor the proxy.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path
from typing import Any

from reconciler.frozen import dataclass
from reconciler.gateway.files import write_private
from reconciler.gateway.values import Place
from reconciler.providers.hosting.layout import Layout
from reconciler.providers.hosting.options import Options

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Facts:
    """How the proxy serves.

    Args:
        process: the number of the process that serves.
        identity: of that process's binary, command line and bootstrap.
        image: of that process's container; empty where it is a process of this machine.
        host: by which clients of this machine reach it.
        options: a text that differs whenever an option does, by the option's name in `mlops.yaml`.
        certificate: the file of the certificate that it shows; empty without TLS.
        self_signed: whether clients must be told to trust that file.
        renew_at: seconds since the epoch from which on another certificate is due; 0 for never.
    """

    port: int
    process: int = 0
    identity: str = ""
    host: str = HOST
    options: Mapping[str, str] = field(default_factory=dict)
    certificate: str = ""
    self_signed: bool = False
    renew_at: float = 0.0
    image: str = ""

    @property
    def address(self) -> str:
        """The first part of every endpoint's address."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"

    def told(self) -> dict[str, Any]:
        """What a client has to know besides the address."""
        if not self.certificate:
            return {}
        return {"certificate": {"file": self.certificate, "self_signed": self.self_signed}}

    def outdated(self, options: Options, now: float) -> list[str]:
        """Return the names of the options that the proxy does not follow, or not for much longer."""
        found = [name for name, value in told(options).items() if self.options.get(name, "") != value]
        if options.port not in (None, self.port):
            found.append("gateway.port")
        if self.renew_at and self.renew_at <= now:
            found.append("gateway.tls (its certificate is about to expire)")
        return found


def told(options: Options) -> dict[str, str]:
    """The options that shape the proxy, each as a text that differs whenever it does."""
    tls, issuer = options.tls, options.issuer
    return {
        "gateway.tls": f"{tls.cert_file or 'self-signed'} {tls.key_file or ''}" if tls else "",
        "gateway.image": options.image,
        "gateway.max_request_bytes": str(options.max_request_bytes),
        "gateway.max_request_seconds": f"{options.max_request_seconds:g}",
        "tokens": f"{issuer} {_digest(issuer.jwks_file)}" if issuer else "",
    }


def read_facts(file: Path) -> Facts | None:
    """Return what was kept; None where the proxy never served."""
    try:
        return Facts(**json.loads(file.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def place_in_force(layout: Layout) -> Place:
    """Return the place of the process that serves, or of the one that will."""
    facts = read_facts(layout.gateway_facts)
    return Place(layout.gateway, layout.sockets, facts.process if facts else 0)


def keep_facts(file: Path, facts: Facts) -> None:
    """Keep them, if they are new."""
    if read_facts(file) != facts:
        write_private(file, json.dumps(asdict(facts)).encode())


def _digest(file: Path | None) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() if file else ""
    except OSError:
        return "unreadable"
