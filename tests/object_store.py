"""A server of S3 on loopback, of PyPI's `moto`, and what may stand before it: a line that is cut, busy, or lies."""

import http.client
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.ports import free_port
from tests.waiting import until

BUCKET = "assets"
_ANSWER_S = 60.0


def opened_by(port: int) -> Mapping[str, str]:
    """The environment in which a backend finds the server at a port."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "anybody",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_MAX_ATTEMPTS": "1",
    }


@contextmanager
def object_store(folder: Path) -> Iterator[int]:
    """Start a server with an empty bucket; its port. It ends with the test, and keeps nothing."""
    port = free_port()
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "object-store.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or _answers(port), patience_s=120)
        assert process.poll() is None, (folder / "object-store.log").read_text()
        made = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
        made.request("PUT", f"/{BUCKET}")
        assert made.getresponse().status == 200
        made.close()
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=_ANSWER_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


class Line:
    """The line to a server: each request may be passed on, or be met by something else.

    Args:
        port: of the server.
        meet: is told method, path and body of a request that came, and how many of its method came before; gives the
            body to pass on, a status to answer with in its place, or None to cut the connection.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.meet: Callable[[str, str, bytes, int], bytes | int | None] = lambda _method, _path, body, _count: body
        self.came: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def put(self) -> list[str]:
        """The parts that were sent, by their digests, as often as they were sent."""
        with self.lock:
            return [path.rpartition("/")[2] for method, path in self.came if method == "PUT" and "/parts/" in path]

    def pass_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, list, bytes]:
        server = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_ANSWER_S)
        try:
            server.request(method, path, body=body, headers=headers)
            answer = server.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            server.close()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    line = Line(port)
    try:
        yield line
    finally:
        line.close()


def _handler(line: Line) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with line.lock:
                count = sum(method == self.command for method, _ in line.came)
                line.came.append((self.command, self.path))
            met = line.meet(self.command, self.path, body, count)
            if met is None:
                self.close_connection = True
                return
            if isinstance(met, int):
                self._answer(met, [], b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>")
                return
            self._answer(*line.pass_on(self.command, self.path, self._headers(met, body), met))

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any  # noqa: N815 - names of the standard library

        def _headers(self, met: bytes, body: bytes) -> dict[str, str]:
            """Those that came; of a body that is another one not those that would tell."""
            kept = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            if met != body:
                kept = {name: value for name, value in kept.items() if "checksum" not in name and "md5" not in name}
            return kept

        def _answer(self, status: int, headers: list, body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            length = {name.lower(): value for name, value in headers}.get("content-length", str(len(body)))
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
