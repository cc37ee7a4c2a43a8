"""The listening socket: bound before init() so that a taken address shows at once, listening only after."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class BindError(Exception):
    """The address cannot be had; the message is one line."""


class FairSocket(socket.socket):
    """A listening socket that gives one connection at each waking of the event loop.

    Asyncio asks for more until there are none, and so one of several workers would take a whole burst.
    """

    _given = False

    def accept(self) -> tuple[socket.socket, object]:
        """Accept a connection, and after it say once that there is none."""
        self._given = not self._given
        if not self._given:
            raise BlockingIOError
        return super().accept()


@contextmanager
def bound_unix(path: Path) -> Iterator[socket.socket]:
    """Bind a socket file that only its owner may use, and take it away at the end."""
    _remove_stale(path)
    with FairSocket(socket.AF_UNIX) as sock:
        _bind(sock, str(path), str(path))
        path.chmod(0o600)
        bound, owner = path.stat().st_ino, os.getpid()
        try:
            yield sock
        finally:
            # A forked worker leaves here too; and a successor may have put its own socket in this place.
            with suppress(FileNotFoundError):
                if os.getpid() == owner and path.stat().st_ino == bound:
                    path.unlink()


@contextmanager
def bound_tcp(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a TCP address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named so that asyncio knows it, and lets an answer's parts go without waiting for each other.
    with FairSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(sock, (host, port), f"{host}:{port}")
        yield sock


def _bind(sock: socket.socket, address: str | tuple[str, int], name: str) -> None:
    try:
        sock.bind(address)
    except OSError as error:
        raise BindError(f"cannot listen on {name}: {error}") from error


def _remove_stale(path: Path) -> None:
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise BindError(f"cannot listen on {path}: a file that is no socket is there")
        path.unlink()
