"""Stand-ins for where traces go: a collector that reads them, and others that do what dead ones do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """A collector of traces over HTTP; `requests` holds what came, `body` all the bytes of it."""

    def __init__(self, server: ThreadingHTTPServer, bodies: list[bytes]) -> None:
        self.url, self._bodies = f"http://127.0.0.1:{server.server_address[1]}", bodies

    @property
    def body(self) -> bytes:
        return b"".join(self._bodies)

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self._bodies]

    @property
    def spans(self) -> list[Span]:
        scopes = [scope for each in self.requests for spans in each.resource_spans for scope in spans.scope_spans]
        return sorted((span for scope in scopes for span in scope.spans), key=lambda span: span.start_time_unix_nano)

    def resource(self) -> dict[str, str]:
        (spans,) = self.requests[0].resource_spans
        return {each.key: each.value.string_value for each in spans.resource.attributes}

    def tree(self) -> dict[str, str]:
        """By the name of a span, that of its parent; of two by one name, the last."""
        names = {span.span_id: span.name for span in self.spans}
        return {span.name: names.get(span.parent_span_id, "") for span in self.spans}


def facts(span: Span) -> dict[str, str | int]:
    """The attributes of a span."""
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@contextmanager
def collector() -> Iterator[Collector]:
    """A collector that takes everything."""
    bodies: list[bytes] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Collector(server, bodies)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mute() -> Iterator[str]:
    """An address at which connections are taken, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def trickling() -> Iterator[str]:
    """An address that answers a byte at a time, so that no single read ever waits long."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                with connection:
                    trickle(connection)

        def trickle(connection: socket.socket) -> None:
            try:
                for byte in b"HTTP/1.1 200 OK\r\nx-long: " + b"a" * 10_000:
                    connection.sendall(bytes([byte]))
                    if stop.wait(0.2):
                        return
            except OSError:
                return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()


@contextmanager
def closed() -> Iterator[str]:
    """A port at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def unroutable() -> Iterator[str]:
    """An address of a network that is kept for documentation: packets to it are lost."""
    yield "http://192.0.2.1:4318"


@contextmanager
def nameless() -> Iterator[str]:
    """A name that no server knows."""
    yield "http://collector.invalid:4318"
