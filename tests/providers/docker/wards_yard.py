"""Containers that look like instances, made by hand, with a warden that looks after them; and an engine that goes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from docker import APIClient

from reconciler.providers.docker.launch import Route, Routes, routes_text
from reconciler.providers.docker.names import ADDRESS, INSTANCE, PROBES, ROUTES, Names
from reconciler.providers.docker.restarts import Restarts, read_restarts
from reconciler.providers.hosting.layout import Layout
from tests.ports import free_port
from tests.waiting import until

# Answers each request as the file /tmp/mode says: a status, or `hang`. A restart takes the file away.
SERVER = """
import http.server, os, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        mode = open("/tmp/mode").read() if os.path.exists("/tmp/mode") else "200"
        time.sleep(1000 if mode == "hang" else 0)
        self.send_response(int(mode))
        self.end_headers()
    def log_message(self, *words):
        pass
if os.path.exists("/tmp/mode"):
    os.remove("/tmp/mode")
print("up", flush=True)
http.server.ThreadingHTTPServer(("0.0.0.0", 5001), Handler).serve_forever()
"""
QUICK = {"initial_delay": 0, "period": 1, "timeout": 1, "success_threshold": 1, "failure_threshold": 2}
LISTENS = "is listened to"
# As good as never.
SELDOM = {"initial_delay": 1000, "period": 1000}


class Yard:
    """A target's folder, a project on an engine, and a warden for both."""

    def __init__(self, folder: Path, host: str, project: str, image: str) -> None:
        self.layout = Layout(folder)
        self.layout.keeper.mkdir(parents=True)
        self.host, self.project, self.image = host, project, image
        self.names = Names(project)
        self.api = APIClient(base_url=host, version="auto")
        self._network = self.api.create_network(f"mlops-{project}-yard", labels=self.names.labels("network"))["Id"]
        self.wardens: list[subprocess.Popen[bytes]] = []

    def ward(self, host: str = "") -> None:
        """Start a warden, and wait until it listens; not where it is to find a way to the engine by itself."""
        words = [str(self.layout.folder), "--project", self.project, "--host", host or self.host]
        with (self.layout.folder / "warden.log").open("ab") as log:
            before = self.said().count(LISTENS)
            command = [sys.executable, "-m", "reconciler.providers.docker.warden", *words]
            self.wardens.append(subprocess.Popen(command, stderr=log))
        # What happens before it is told by the engine later, all at once, and as far as the engine remembers.
        until(lambda: host or self.said().count(LISTENS) > before)

    def kill_warden(self) -> None:
        self.wardens[-1].kill()
        self.wardens[-1].wait()

    def said(self) -> str:
        """What wardens said of themselves."""
        return (self.layout.folder / "warden.log").read_text()

    def instance(
        self,
        name: str,
        script: str = SERVER,
        *,
        kept: bool = True,
        liveness: Mapping[str, int] = SELDOM,
        readiness: Mapping[str, int] = SELDOM,
        **host_config: Any,
    ) -> str:
        """Start an instance of deployment blue that Python runs, and return its container."""
        port = free_port()
        route = Route(port, "/")
        labels = self.names.labels(
            "instance",
            **{
                ADDRESS: "deployment/credit/blue",
                INSTANCE: name,
                ROUTES: routes_text(Routes(route, route, route)),
                PROBES: json.dumps({"liveness": liveness, "readiness": readiness}),
            },
        )
        settings = self.api.create_host_config(
            init=True,
            network_mode=self._network,
            restart_policy={"Name": "always" if kept else "no"},
            port_bindings={5001: ("127.0.0.1", port)},
            **host_config,
        )
        container = f"mlops-{self.project}-credit-blue-{name}"
        made = self.api.create_container(
            self.image, ["python3", "-uc", script], name=container, ports=[5001], labels=labels, host_config=settings
        )["Id"]
        self.api.start(made)
        return str(made)

    def run_in(self, container: str, *command: str) -> None:
        self.api.exec_start(self.api.exec_create(container, list(command))["Id"])

    def kill_process(self, container: str) -> None:
        """Kill what runs in a container, not through the engine."""
        pid = self.state(container)["Pid"]
        assert pid, "it does not run"
        os.kill(pid, signal.SIGKILL)

    def state(self, container: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.inspect_container(container)["State"]
        return found

    def restarts(self, name: str) -> Restarts | None:
        return read_restarts(self.layout).get(name)

    def events(self, name: str = "") -> list[str]:
        """The names of events in the order in which they were written."""
        return [row["Name"] for row in self.rows(self.layout.warden_events) if name in ("", row["InstanceId"])]

    def messages(self, event: str) -> list[str]:
        """The messages of one sort of event; containers in them are called C."""
        rows = self.rows(self.layout.warden_events)
        return [re.sub(r"\b[0-9a-f]{12}\b", "C", row["Message"]) for row in rows if row["Name"] == event]

    def printed(self, name: str) -> list[str]:
        """What the console log has of an instance."""
        return [row["Message"] for row in self.rows(self.layout.console) if row["InstanceId"] == name]

    def rows(self, log: Path) -> list[dict[str, str]]:
        if not log.exists():
            return []
        # The last line may be under way.
        return [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]

    def end(self) -> None:
        for warden in self.wardens:
            warden.terminate()
            warden.wait()
        self.api.close()


class Relay:
    """A socket that leads to the engine, until it is cut."""

    def __init__(self, path: Path, host: str) -> None:
        self.path = path
        self._target = host.removeprefix("unix://")
        self._open: list[socket.socket] = []
        self._passing: list[threading.Thread] = []
        self._server: socket.socket | None = None
        self._accepting: threading.Thread | None = None

    @property
    def host(self) -> str:
        return f"unix://{self.path}"

    def open(self) -> None:
        self._server = server = socket.socket(socket.AF_UNIX)
        server.bind(str(self.path))
        server.listen(64)
        self._accepting = threading.Thread(target=self._accept, args=(server,))
        self._accepting.start()

    def cut(self) -> None:
        """End every connection, and take none; what was about to be taken is waited for, or nobody would close it."""
        assert self._server is not None
        assert self._accepting is not None
        self.path.unlink()
        _end(self._server)
        self._accepting.join()
        for each in self._open:
            _end(each)
        for thread in self._passing:
            thread.join()
        for each in (self._server, *self._open):
            each.close()
        self._server = self._accepting = None
        self._open.clear()
        self._passing.clear()

    def _accept(self, server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._target)
            self._open += [client, engine]
            for source, sink in ((client, engine), (engine, client)):
                self._passing.append(threading.Thread(target=_pass_on, args=(source, sink)))
                self._passing[-1].start()


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
