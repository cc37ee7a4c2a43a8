"""New connections to a port that two processes share go to the one that came second.

The system deals connections out to all processes that listen on a port. One that stops to listen loses those that were
dealt to it and that it has not taken yet, so before it stops it must get none.
"""

import ctypes
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Numbers of Linux that Python has no names for.
_ATTACH_FILTER = 26
_ATTACH_REUSEPORT_FILTER = 51
_RETURN = 0x06
_LISTENING = "0A"
_SECOND = 1


def steer_to_second(
    host: str,
    port: int,
    *,
    timeout_s: float = 2.0,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Have every new connection go to the second process, and wait until the first has taken what it was given.

    Where the system is not Linux nothing is done: there a connection may be lost in the moment of handing over.

    Args:
        host: the IPv4 address on which both listen.
        port: the port that they share.
    """
    if not sys.platform.startswith("linux"):
        return
    with socket.socket() as guest:
        guest.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        guest.bind((host, port))
        # Only who listens too may say how connections are dealt out. What is dealt to us meanwhile is left
        # unanswered, and its sender asks again after a second. Some systems let root alone do that: there, what comes
        # in the microseconds between the two calls is lost.
        with suppress(PermissionError):
            _attach(guest, _ATTACH_FILTER, answer=0)
        guest.listen()
        _attach(guest, _ATTACH_REUSEPORT_FILTER, answer=_SECOND)
    deadline = now() + timeout_s
    while _waiting(host, port) and now() < deadline:
        sleep(0.001)


def _attach(listener: socket.socket, option: int, *, answer: int) -> None:
    """Attach a program of one instruction, which always answers the same."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN, 0, 0, answer))
    listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("HP", 1, ctypes.addressof(program)))


def _waiting(host: str, port: int) -> int:
    """How many connections nobody who listens there has taken yet."""
    place = f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(int(row[4].partition(":")[2], 16) for row in rows if row[1] == place and row[3] == _LISTENING)
