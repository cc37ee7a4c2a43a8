"""A relay before the Docker engine that writes down what the engine is asked."""

import contextlib
import os
import re
import socket
import threading
from pathlib import Path
from typing import Self

_REQUEST = re.compile(rb"^(?:GET|HEAD|POST|PUT|DELETE) \S+(?= HTTP/1)", re.MULTILINE)
_QUERY = re.compile(r"\?.*")


class Counted:
    """Listens on a unix socket and passes everything on to the engine's own, while it is entered.

    Args:
        socket_file: where it listens.
    """

    def __init__(self, socket_file: Path) -> None:
        self.calls: list[str] = []
        self.address = f"unix://{socket_file}"
        self._engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(socket_file))
        self._listening.listen()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # Wakes the thread that accepts.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        Path(self.address.removeprefix("unix://")).unlink()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listening.accept()[0]
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._engine)
            threading.Thread(target=self._pass_on, args=(client, engine), kwargs={"count": True}, daemon=True).start()
            threading.Thread(target=self._pass_on, args=(engine, client), kwargs={"count": False}, daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, *, count: bool) -> None:
        # The other direction may have ended first, and closed both.
        with contextlib.suppress(OSError), source:
            while data := source.recv(65536):
                if count:
                    self.calls += [_QUERY.sub("", call.decode()) for call in _REQUEST.findall(data)]
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
