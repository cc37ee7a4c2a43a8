"""HTTP/2 written frame by frame, as no client library would: RFC 9113, and of RFC 7541 only literals as they are."""

import socket
import struct
from collections.abc import Iterator, Mapping, Sequence

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Fields = Sequence[tuple[str, str]]


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(fields: Fields) -> bytes:
    """A list of headers."""
    return b"".join(b"\x10" + _text(name) + _text(value) for name, value in fields)


def headers(stream: int, fields: Fields, flags: int = END_HEADERS | END_STREAM) -> bytes:
    return frame(HEADERS, flags, stream, block(fields))


def begun(settings: bytes = b"") -> bytes:
    """What a client begins with."""
    return PREFACE + frame(SETTINGS, payload=settings)


def frames(client: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    """What a server sends, until it closes: kind, flags, stream, payload."""
    data = b""
    while True:
        while len(data) >= 9 and len(data) >= 9 + (length := int.from_bytes(data[:3], "big")):
            yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + length]
            data = data[9 + length :]
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return
        if not piece:
            return
        data += piece


def settings_of(payload: bytes) -> Mapping[int, int]:
    """The values of a SETTINGS frame by their number."""
    return dict(struct.iter_unpack(">HI", payload))


def _text(text: str) -> bytes:
    raw = text.encode("latin-1")
    return _length(len(raw)) + raw


def _length(value: int) -> bytes:
    """A whole number with a prefix of seven bits."""
    if value < 127:
        return bytes([value])
    value, out = value - 127, b"\x7f"
    while value >= 128:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])
