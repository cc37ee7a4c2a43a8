"""The ids by which a request is known: echoed to the client, and written into the logs."""

from __future__ import annotations

import random
import uuid
from typing import NamedTuple

from reconciler.scoring.messages import RawHeaders

LIMIT = 100
REQUEST, LEGACY, CLIENT, TRACE = b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id", b"traceid"
ECHOED = frozenset({REQUEST, LEGACY, CLIENT, TRACE})


class Identity(NamedTuple):
    """A request's own id for the logs, the headers to send back, and the header that was too long, if one was."""

    request_id: str
    echo: RawHeaders
    too_long: str


def identify(headers: RawHeaders) -> Identity:
    """Take the ids from the headers, make those that are missing, refuse those over 100 characters."""
    sent = {name: value for name, value in headers if name in ECHOED}
    too_long = [name for name in (REQUEST, LEGACY, CLIENT) if len(sent.get(name, b"")) > LIMIT]
    if too_long:
        return Identity("", (), too_long[0].decode())
    request = sent.get(REQUEST) or _made()
    # x-ms-request-id once meant both: each of the two newer names stands in for it, and it for the client's.
    client = sent.get(CLIENT) or sent.get(LEGACY)
    echo = [(REQUEST, request), (LEGACY, sent.get(LEGACY) or client or request)]
    if client:
        echo.append((CLIENT, client))
    if TRACE in sent:
        echo.append((TRACE, sent[TRACE]))
    return Identity(_printable(request), echo, "")


def _printable(name: bytes) -> str:
    """An id as it may stand in a log: some characters move a terminal's cursor, and others end a line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name.decode("latin-1"))


def _made() -> bytes:
    # Not uuid4(), which asks the kernel each time and lets another thread in meanwhile; an id is no secret.
    return str(uuid.UUID(int=random.getrandbits(128), version=4)).encode()
