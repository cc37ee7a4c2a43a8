"""Health and metrics of a watcher over HTTP: a few answers at once, each in bounded time, and nothing to be changed."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

from reconciler.errors import MlopsError
from reconciler.watch.sight import Sight, ailment, metrics, readiness

_AT_ONCE = 16
_PATIENCE_S = 5.0


class Served:
    """Answers from threads of its own.

    Args:
        place: host and port; port 0 is any that is free.
        sight: gives what is to be seen.
        now: seconds since the epoch.
        patience_s: how long a client may be silent, and half of how long it may take.

    Raises:
        MlopsError: the port cannot be had.
    """

    def __init__(
        self,
        place: tuple[str, int],
        sight: Callable[[], Sight],
        now: Callable[[], float],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        try:
            self._server = _Server(place, _handler(sight, now, patience_s), 2 * patience_s)
        except OSError as error:
            raise MlopsError(f"--listen {place[0]}:{place[1]}: {error.strerror or error}") from error
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler], patience_s: float) -> None:
        self._patience_s = patience_s
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self.address_family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
        super().__init__(place, handler)

    def process_request(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> None:
        """Take a connection if there is room for it, else end it."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(
        self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object
    ) -> None:
        """Answer, and make room; a client that lets a byte come now and then is let go, too."""
        limit = threading.Timer(self._patience_s, _end, [request])
        limit.daemon = True
        limit.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            limit.cancel()
            self._slots.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off is no event."""


def _end(request: socket.socket) -> None:
    with suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def _handler(sight: Callable[[], Sight], now: Callable[[], float], patience_s: float) -> type[BaseHTTPRequestHandler]:
    def health() -> tuple[int, str]:
        ails = ailment(sight(), now())
        return (503, ails) if ails else (200, "ok")

    def ready() -> tuple[int, str]:
        found = readiness(sight())
        return (200, found) if found else (503, "no round ended so far")

    answers: dict[str, Callable[[], tuple[int, str]]]
    answers = {"/healthz": health, "/readyz": ready, "/metrics": lambda: (200, metrics(sight(), now()).rstrip("\n"))}

    class Handler(BaseHTTPRequestHandler):
        timeout = patience_s

        def do_GET(self) -> None:
            answer = answers.get(self.path.partition("?")[0])
            code, text = answer() if answer else (404, f"there are {', '.join(answers)}")
            data = f"{text}\n".encode()
            self.send_response(code)
            self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def version_string(self) -> str:
            """Which Python this is concerns nobody."""
            return "mlops"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's names
            """Every probe would be a line."""

    return Handler
