"""One request to whoever listens on a unix socket, without what `http.client` brings along: it is part of each look."""

import socket
from collections.abc import Iterator
from pathlib import Path


class BrokenAnswerError(Exception):
    """What came back is no whole answer."""


def asked(path: Path, method: str, target: str, *, timeout_s: float) -> tuple[int, bytes]:
    """The status and the body of an answer.

    Raises:
        OSError: nobody listens, or nothing came in time.
        BrokenAnswerError: what came is no whole answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout_s)
        line.connect(str(path))
        line.sendall(
            f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        with line.makefile("rb") as answer:
            return _read(answer.read())


def _read(answer: bytes) -> tuple[int, bytes]:
    head, ended, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if not ended or len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise BrokenAnswerError("it is cut off" if answer.startswith(b"HTTP/") else "it is no HTTP")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        return int(words[1]), b"".join(_chunks(body))
    if b"content-length" in headers and len(body) != int(headers[b"content-length"]):
        raise BrokenAnswerError("it is cut off")
    return int(words[1]), body


def _chunks(body: bytes) -> Iterator[bytes]:
    """The parts of a body that is sent in parts; the last one is empty."""
    while True:
        size, _, rest = body.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            raise BrokenAnswerError("it is cut off") from None
        if not length:
            return
        if len(rest) < length + 2:
            raise BrokenAnswerError("it is cut off")
        yield rest[:length]
        body = rest[length + 2 :]
