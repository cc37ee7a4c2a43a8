"""The metrics of a target for Prometheus, at `http://127.0.0.1:PORT/metrics`."""

import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from reconciler.errors import MlopsError
from reconciler.operate.measure import measured
from reconciler.operate.metrics import exposition
from reconciler.operate.totals import Totals
from reconciler.operate.traffic import Request
from reconciler.workspace import Workspace

HOST = "127.0.0.1"
# What is not counted from the begin on is measured over this span.
_WINDOW_S = 60.0


class Prometheus:
    """Answers from a thread of its own; what it counts begins with the process, as Prometheus expects of counters.

    Args:
        port: of 127.0.0.1.
        workspace: gives the target, which may be opened anew in between.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, port: int, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace
        self._totals, self._counting = Totals(), threading.Lock()
        self._server = ThreadingHTTPServer((HOST, port), _handler(self.text))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="prometheus", daemon=True).start()

    def count(self, requests: Iterable[Request]) -> None:
        """Count requests, each of which may be given once."""
        with self._counting:
            self._totals.add(requests)

    def text(self) -> str:
        """The metrics as they are now.

        Raises:
            MlopsError: the target cannot be looked at.
        """
        found = measured(self._workspace(), window_s=_WINDOW_S)
        with self._counting:
            return exposition((*found.samples, *self._totals.samples()))

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


def _handler(text: Callable[[], str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self._answer(404, "the metrics are at /metrics\n")
                return
            try:
                self._answer(200, text())
            except (MlopsError, OSError) as error:
                self._answer(503, f"{error}\n")

        def _answer(self, status: int, body: str) -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's names
            """Every scrape would be a line."""

    return Handler
