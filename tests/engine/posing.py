"""A server on a socket that poses as a Docker engine, for what a real one does but once in a blue moon."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

ENGINE = {"Version": "20.10.24", "ApiVersion": "1.41"}


class Request(BaseHTTPRequestHandler):
    """What the engine is asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.answer(self)  # type: ignore[attr-defined]

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        pass

    def say(self, content: object, status: int = 200, **headers: str) -> None:
        """Answer with JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, answer: Callable[[Request], None]) -> None:
        self.answer = answer
        super().__init__(str(path), Request)


@contextmanager
def posing(path: Path, answer: Callable[[Request], None], version: object = ENGINE) -> Iterator[str]:
    """Pose as an engine that says its version, and whatever `answer` does to all other calls; gives its address."""

    def answered(request: Request) -> None:
        if request.path.endswith("/version"):
            request.say(version)
        else:
            answer(request)

    with _Server(path, answered) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            server.shutdown()
            thread.join()
