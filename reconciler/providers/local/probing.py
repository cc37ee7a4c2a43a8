"""Asking instances over their sockets whether they are ready."""

import socket
from collections.abc import Iterable
from pathlib import Path

_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_AT_ONCE = 16


def is_ready(path: Path, *, timeout_s: float = 2.0) -> bool:
    """Whether the server on a unix socket has ended its init() and takes requests."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout_s)
        try:
            probe.connect(str(path))
            probe.sendall(_REQUEST)
            return probe.recv(12) == b"HTTP/1.1 200"
        except OSError:
            return False


def ready_ones(paths: Iterable[Path]) -> frozenset[Path]:
    """Those of the sockets behind which a server is ready."""
    asked = list(paths)
    if len(asked) < 2:
        return frozenset(path for path in asked if is_ready(path))
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - brings logging along

    with ThreadPoolExecutor(min(_AT_ONCE, len(asked))) as pool:
        return frozenset(path for path, ready in zip(asked, pool.map(is_ready, asked), strict=True) if ready)
