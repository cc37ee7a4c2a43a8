"""Writing the proxy's files, in the order that loses no request, and knowing that it took each of them."""

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reconciler.errors import ProviderError
from reconciler.frozen import dataclass
from reconciler.gateway import tls, tokens
from reconciler.gateway.admin import Admin
from reconciler.gateway.certificates import serial_number
from reconciler.gateway.clusters import clusters
from reconciler.gateway.documents import document, read_resources, text, version
from reconciler.gateway.envoy import bootstrap, listener
from reconciler.gateway.replies import Json
from reconciler.gateway.routes import NAME, routes
from reconciler.gateway.values import Gateway, Place

# Debian, Alpine and others; Fedora and its kin; macOS.
_CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

# Longer than the interval after which Envoy writes its log.
_REASON_S = 1.0
# Every message of the log begins with its date.
_MESSAGES = re.compile(r"^(?=\[\d{4}-)", re.MULTILINE)
# Stands before a resource that is printed.
_DUMPED = re.compile(r"\s*goo\.gle/\S+\s*$")


@dataclass(frozen=True)
class _Part:
    """One watched file, and the counters that tell what became of it."""

    path: Path
    counters: str


class Files:
    """The files of one proxy. `log` is where its standard error goes: the reason of a refusal is read from there."""

    def __init__(
        self,
        place: Place,
        log: Path,
        *,
        timeout_s: float = 10.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._place = place
        self._log = log
        self._timeout_s = timeout_s
        self._now = now
        self._sleep = sleep
        self._admin = Admin(place.admin)
        self._clusters = _Part(place.clusters, "cluster_manager.cds")
        self._tokens = _Part(place.tokens, f"extension_config_discovery.http_filter.{tokens.FILTER}")
        self._routes = _Part(place.routes, f"http.{NAME}.rds.{NAME}")
        self._certificates = _Part(place.certificates, f"sds.{tls.NAME}")
        self._listeners = _Part(place.listeners, "listener_manager.lds")

    def write(self, gateway: Gateway) -> None:
        """Write every file, for a process that is not running.

        Raises:
            ProviderError: the certificate cannot be read, or its key is another's.
        """
        for folder in (self._place.folder, self._place.sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if gateway.tls:
            serial_number(gateway.tls)
            write_private(self._place.certificates, document([tls.certificate(gateway.tls)]))
        write_private(self._place.bootstrap, text(bootstrap(self._place)))
        write_private(self._place.clusters, document(clusters(gateway)))
        write_private(self._place.tokens, document([tokens.token_filter(gateway)]))
        write_private(self._place.routes, document([routes(gateway)]))
        write_private(self._place.listeners, document([listener(gateway, self._place)]))

    def apply(self, gateway: Gateway) -> None:
        """Bring the running proxy to a gateway: new backends before the routes to them, old ones away after.

        Raises:
            ProviderError: the proxy refused a file, whose former content was put back, or did not take it in time; or
                the certificate cannot be read, or its key is another's.
        """
        serial = serial_number(gateway.tls) if gateway.tls else None
        wanted, verifying = clusters(gateway), tokens.token_filter(gateway)
        names = {each["name"] for each in wanted}
        leaving = [each for each in read_resources(self._place.clusters) if each["name"] not in names]
        self._publish(self._clusters, [*wanted, *leaving])
        self._until(self._all_checked, "check the new instances' health", more_s=_longest_probe(gateway))
        self._publish(self._tokens, [tokens.with_former(verifying, read_resources(self._place.tokens))])
        self._publish(self._routes, [routes(gateway)])
        if gateway.tls:
            self._publish(self._certificates, [tls.certificate(gateway.tls)])
        self._publish(self._listeners, [listener(gateway, self._place)])
        if gateway.tls:
            self._until(lambda: serial in self._admin.certificates(), f"take the certificate {gateway.tls.cert_file}")
        self._publish(self._tokens, [verifying])
        self._publish(self._clusters, wanted)

    def confirm(self) -> None:
        """Wait until a process that was just started has taken every file as it is.

        Raises:
            ProviderError: it refused one, or did not take it in time.
        """
        self._until(self._admin.running, "start")
        parts = [self._clusters, self._listeners, self._routes, self._tokens]
        if tls.is_secured(read_resources(self._place.listeners)):
            parts.append(self._certificates)
        for part in parts:
            self._taken(part, version(read_resources(part.path)), refusals=0, since=0)

    def traffic_file(self) -> Json:
        """Return the route configuration of the file, for `traffic_of`."""
        return read_resources(self._place.routes)[0]

    def live_routes(self) -> Json:
        """Return the route configuration in force, for `traffic_of`: that of the file, if the proxy has taken this one.

        Raises:
            ProviderError: the proxy does not answer, or its routes are not those of the file.
        """
        resources = read_resources(self._place.routes)
        if not resources or self._counter(self._routes, "version_text") != version(resources):
            raise ProviderError(f"the gateway's routes are not those of {self._place.routes}")
        return resources[0]

    def _publish(self, part: _Part, resources: list[Json]) -> None:
        content, former = document(resources), part.path.read_bytes() if part.path.exists() else b""
        if not self._counter(part, "update_attempt"):
            # Nothing in force refers to this file yet; what will, has it read.
            return write_private(part.path, content)
        if former == content and self._counter(part, "version_text") == version(resources):
            return None
        refusals, since = self._refusals(part), _size(self._log)
        write_private(part.path, content)
        try:
            self._taken(part, version(resources), refusals=refusals, since=since)
        except ProviderError:
            if former:
                write_private(part.path, former)
            raise

    def _all_checked(self) -> bool:
        return self._gauge("cluster_manager.warming_clusters") == 0

    def _taken(self, part: _Part, expected: str, *, refusals: int, since: int) -> None:
        def settled() -> bool:
            return self._counter(part, "version_text") == expected or self._refusals(part) > refusals

        self._until(settled, f"take {part.path.name}")
        if self._refusals(part) > refusals:
            raise ProviderError(f"the gateway refused {part.path.name}: {self._reason(since)}")

    def _reason(self, since: int) -> str:
        """Return why the proxy refused; a file of its own is written a moment after the refusal shows."""
        deadline = self._now() + _REASON_S
        while not (told := self._told(since)) and self._now() < deadline:
            self._sleep(0.02)
        return told or f"see {self._log}"

    def _told(self, since: int) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(since)
                content = log.read().decode(errors="replace")
        except OSError:
            return ""
        told = [_in_short(each) for each in _MESSAGES.split(content) if "rejected" in each or "config" in each.lower()]
        return told[-1] if told else ""

    def _refusals(self, part: _Part) -> int:
        return sum(int(self._counter(part, name) or 0) for name in ("update_rejected", "update_failure"))

    def _counter(self, part: _Part, name: str) -> int | str:
        return self._gauge(f"{part.counters}.{name}")

    def _gauge(self, name: str) -> int | str:
        pattern = "^" + name.replace(".", "[.]") + "$"
        return self._admin.stats(pattern).get(name, 0)

    def _until(self, condition: Callable[[], bool], what: str, *, more_s: float = 0) -> None:
        timeout_s = self._timeout_s + more_s
        deadline = self._now() + timeout_s
        while not condition():
            if self._now() > deadline:
                raise ProviderError(f"the gateway did not {what} in {timeout_s:g} s; see {self._log}")
            self._sleep(0.005)


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner alone: a temporary one, to the disk, renamed, its name too."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if sys.platform != "win32":  # there the names of files are durable already, and folders cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def system_ca_file() -> Path:
    """Return the authorities that this machine trusts, a PEM file, for `Gateway.ca_file`; Debian's if there is none."""
    known = [os.environ.get("SSL_CERT_FILE", ""), *_CA_FILES]
    return next((Path(each) for each in known if each and Path(each).is_file()), Path(_CA_FILES[0]))


def _in_short(message: str) -> str:
    """Return a message of the proxy without the resource that it prints in the middle, keys and all."""
    first, *rest = message.splitlines()
    words = _DUMPED.sub("", first.partition("] ")[2] or first)
    end = rest[-1].lstrip("}: ") if rest and rest[-1].startswith((":", "}:")) else ""
    return f"{words} {end}".strip()


def _longest_probe(gateway: Gateway) -> float:
    return max((each.readiness.timeout_s for end in gateway.endpoints for each in end.deployments), default=0)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
