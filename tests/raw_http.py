"""Requests that no client library would send: bytes as they are, and what came back."""

import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Server = str | tuple[str, int]
"""The path of a unix socket, or an address and a port."""

_PATIENCE_S = 12.0


@dataclass(frozen=True)
class Told:
    """What a server answered.

    Args:
        status: 0 where it answered nothing.
        ended: whether it closed the connection after it, as far as was waited for.
    """

    status: int
    head: str
    body: bytes
    ended: bool

    @property
    def code(self) -> str:
        """The word of an error's body; empty where there is none."""
        try:
            return str(json.loads(self.body)["error"]["code"])
        except (ValueError, KeyError, TypeError):
            return ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connected(server: Server, *, patience_s: float = _PATIENCE_S) -> socket.socket:
    """A connection."""
    if isinstance(server, str):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(patience_s)
        client.connect(server)
        return client
    return socket.create_connection(server, timeout=patience_s)


def ask(server: Server, *pieces: bytes, pause_s: float = 0.0, to_its_end: bool = False) -> Told:
    """Send pieces one after the other, each a moment after the one before, and read the first final answer.

    Args:
        pause_s: before every piece but the first.
        to_its_end: whether nothing more will be sent, which the server is told.
    """
    with connected(server) as client:
        try:
            for number, piece in enumerate(pieces):
                time.sleep(pause_s if number else 0)
                client.sendall(piece)
            if to_its_end:
                client.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It has answered before it had read everything.
        return read_answer(client)


def read_answer(client: socket.socket) -> Told:
    """Read the next answer that is not one of those in between, such as `100 Continue`."""
    data = b""
    while True:
        head, found, rest = data.partition(b"\r\n\r\n")
        if found and head.split(b" ", 2)[1].startswith(b"1"):
            data = rest
            continue
        if found and len(rest) >= (length := _length(head)):
            return Told(int(head[9:12]), head.decode("latin-1"), rest[:length], ended=False)
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            status = int(head[9:12]) if head.startswith(b"HTTP/1.") else 0
            return Told(status, head.decode("latin-1"), rest, ended=True)
        data += piece


def _length(head: bytes) -> float:
    """The length that an answer says it has; one without it goes to the connection's end."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return float("inf")


def request(
    *,
    method: str = "POST",
    path: str = "/score",
    lines: Sequence[str] = (),
    body: bytes = b"{}",
    length: bool = True,
    host: str = "host: test",
    version: str = "HTTP/1.1",
) -> bytes:
    """One request as it is written.

    Args:
        lines: of its head, besides.
        length: whether it says how long its body is.
    """
    said = [f"content-length: {len(body)}"] if length else []
    head = [f"{method} {path} {version}", *filter(None, [host]), *said, *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body
