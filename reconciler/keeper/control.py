"""The keeper's unix socket: one line of JSON asks, one answers."""

import json
import os
import selectors
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.keeper.say import say

LONGEST_REQUEST = 4 << 20

Json = dict[str, Any]


class Connection:
    """One client: its request as far as it was read, and the way to answer it."""

    def __init__(self, connection: socket.socket, control: "Control") -> None:
        self._connection = connection
        self._control = control
        self._read = b""

    def receive(self) -> None:
        """Read what has come, and hand over the request once its line is whole."""
        try:
            chunk = self._connection.recv(1 << 16)
        except OSError:
            chunk = b""
        self._read += chunk
        if not chunk or len(self._read) > LONGEST_REQUEST:
            self._control.forget(self._connection)
            self._connection.close()
        elif self._read.endswith(b"\n"):
            self._control.forget(self._connection)
            self._hand_over()

    def _hand_over(self) -> None:
        try:
            request = json.loads(self._read)
        except ValueError as error:
            self.answer({"error": f"not a request: {error}"})
        else:
            self._control.handle(request, self)

    def answer(self, message: Json) -> None:
        """Answer and close; a client that went away in the meantime is no concern of the keeper's."""
        try:
            self._connection.settimeout(2)
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            say(f"a client went before its answer: {error}")
        finally:
            self._connection.close()

    def leave(self) -> None:
        """Close without an answer, as if nobody were here."""
        self._connection.close()


class Control:
    """The listening socket. Whoever holds the keeper's lock owns its path, so a stale one is removed."""

    def __init__(
        self, path: Path, selector: selectors.BaseSelector, handle: Callable[[Json, Connection], None]
    ) -> None:
        self._path = path
        self._selector = selector
        self.handle = handle
        self._listener = self._listening()
        self._inode = self._path.stat().st_ino

    def _listening(self) -> socket.socket:
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        except OSError:
            listener.close()
            raise
        finally:
            os.umask(before)
        listener.listen(64)
        listener.settimeout(0)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        return listener

    def is_reachable(self) -> bool:
        """Whether the socket is where clients look for it."""
        return self._path.exists()

    def listen_again(self) -> None:
        """Make the socket again if somebody deleted it, such as what clears the system's temporary folder."""
        say(f"the socket {self._path} is gone and is made again")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        former, self._listener = self._listener, self._listening()
        self._inode = self._path.stat().st_ino
        self._selector.unregister(former)
        former.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            say(f"a client was not let in: {error}")
            return
        connection.settimeout(0)
        self._selector.register(connection, selectors.EVENT_READ, Connection(connection, self).receive)

    def forget(self, connection: socket.socket) -> None:
        """Read no more from a client."""
        self._selector.unregister(connection)

    def close(self) -> None:
        """Take the socket away, so that clients see at once that nobody is there."""
        with suppress(FileNotFoundError):
            # Where the folder was moved, another keeper may have its socket in this place.
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        self._listener.close()
