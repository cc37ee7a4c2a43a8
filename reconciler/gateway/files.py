"""Writing the proxy's files, in the order that loses no request, and knowing that it took each of them."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError
from reconciler.gateway.admin import Admin
from reconciler.gateway.clusters import clusters
from reconciler.gateway.envoy import bootstrap, listener
from reconciler.gateway.replies import Json
from reconciler.gateway.routes import NAME, routes
from reconciler.gateway.values import Gateway, Place


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
        self._routes = _Part(place.routes, f"http.{NAME}.rds.{NAME}")
        self._listeners = _Part(place.listeners, "listener_manager.lds")

    def write(self, gateway: Gateway) -> None:
        """Write every file, for a proxy that is not running."""
        for folder in (self._place.folder, self._place.sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._place.bootstrap, _text(bootstrap(self._place)))
        write_private(self._place.clusters, _document(clusters(gateway)))
        write_private(self._place.routes, _document([routes(gateway)]))
        write_private(self._place.listeners, _document([listener(gateway, self._place)]))

    def apply(self, gateway: Gateway) -> None:
        """Bring the running proxy to a gateway: new backends before the routes to them, old ones away after.

        Raises:
            ProviderError: the proxy refused a file, whose former content was put back, or did not take it in time.
        """
        wanted = clusters(gateway)
        names = {each["name"] for each in wanted}
        leaving = [each for each in read_resources(self._place.clusters) if each["name"] not in names]
        self._publish(self._clusters, [*wanted, *leaving])
        self._until(lambda: self._gauge("cluster_manager.warming_clusters") == 0, "check the new instances' health")
        self._publish(self._routes, [routes(gateway)])
        self._publish(self._listeners, [listener(gateway, self._place)])
        self._publish(self._clusters, wanted)

    def confirm(self) -> None:
        """Wait until a proxy that was just started has taken every file as it is.

        Raises:
            ProviderError: it refused one, or did not take it in time.
        """
        self._until(self._admin.running, "start")
        for part in (self._clusters, self._listeners, self._routes):
            self._taken(part, _version(read_resources(part.path)), refusals=0, since=0)

    def traffic_file(self) -> Json:
        """Return the route configuration of the file, for `traffic_of`."""
        return read_resources(self._place.routes)[0]

    def _publish(self, part: _Part, resources: list[Json]) -> None:
        version, document = _version(resources), _document(resources)
        former = part.path.read_bytes() if part.path.exists() else b""
        if former == document and self._counter(part, "version_text") == version:
            return
        refusals, since = self._refusals(part), _size(self._log)
        write_private(part.path, document)
        try:
            self._taken(part, version, refusals=refusals, since=since)
        except ProviderError:
            if former:
                write_private(part.path, former)
            raise

    def _taken(self, part: _Part, version: str, *, refusals: int, since: int) -> None:
        def settled() -> bool:
            return self._counter(part, "version_text") == version or self._refusals(part) > refusals

        self._until(settled, f"take {part.path.name}")
        if self._refusals(part) > refusals:
            raise ProviderError(f"the gateway refused {part.path.name}: {self._reason(since)}")

    def _reason(self, since: int) -> str:
        with contextlib.suppress(OSError), self._log.open("rb") as log:
            log.seek(since)
            lines = log.read(100_000).decode(errors="replace").splitlines()
            told = [line.partition("] ")[2] or line for line in lines if "rejected" in line or "config" in line.lower()]
            if told:
                return told[-1]
        return f"see {self._log}"

    def _refusals(self, part: _Part) -> int:
        return sum(int(self._counter(part, name) or 0) for name in ("update_rejected", "update_failure"))

    def _counter(self, part: _Part, name: str) -> int | str:
        return self._gauge(f"{part.counters}.{name}")

    def _gauge(self, name: str) -> int | str:
        pattern = "^" + name.replace(".", "[.]") + "$"
        return self._admin.stats(pattern).get(name, 0)

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = self._now() + self._timeout_s
        while not condition():
            if self._now() > deadline:
                raise ProviderError(f"the gateway did not {what} in {self._timeout_s:g} s; see {self._log}")
            self._sleep(0.005)


def read_resources(path: Path) -> list[Json]:
    """Return the resources of a file; none if it is not there."""
    if not path.exists():
        return []
    found: list[Json] = json.loads(path.read_bytes())["resources"]
    return found


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner alone: a temporary one, to the disk, renamed."""
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


def _document(resources: list[Json]) -> bytes:
    return _text({"version_info": _version(resources), "resources": resources})


def _version(resources: list[Json]) -> str:
    """Return what the proxy reports of a file's content once it has taken it."""
    return hashlib.sha256(_text(resources)).hexdigest()[:16]


def _text(value: Any) -> bytes:
    # Without an indent, which would cost ten times as much: there may be megabytes.
    return json.dumps(value).encode() + b"\n"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
