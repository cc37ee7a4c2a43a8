"""Connections to the place of one endpoint, kept for the next request; each is used by one request at a time."""

import http.client
import re
import select
import ssl
import threading
import time
import urllib.parse
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.answer import Answer, Headers
from reconciler.core.secret import masked
from reconciler.errors import MlopsError, NoAnswerError

_CONNECT_S = 10.0
# What stands between may have forgotten a connection that was idle for longer, without a word.
_IDLE_S = 60.0
_MOST_IDLE = 32
_ONE_WORD = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Access:
    """Where an endpoint is, and what opens it.

    Args:
        uri: its scoring URI.
        key: a key or a token; empty for none.
        certificate: what its gateway says of its own: `file`, and whether it is `self_signed`.
    """

    uri: str
    key: str = field(default="", repr=False)
    certificate: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One request; its headers are its own, and nobody's after it.

    Args:
        method: such as `POST`.
        path: with its query, as it is sent.
        headers: all but those of HTTP itself; one opens the endpoint.
        body: None for none.
        timeout_s: how long to wait for the other side to say something.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None
    timeout_s: float


class Line:
    """The way to one place.

    Args:
        access: where it is.
        now: in seconds, for how long a connection was idle.
    """

    def __init__(self, access: Access, *, now: Callable[[], float] = time.monotonic) -> None:
        self.access, self._now = access, now
        scheme, self._host, self._port = _place_of(access.uri)
        self._context = _trusting(access) if scheme == "https" else None
        self._lock, self._closed = threading.Lock(), False
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []
        weakref.finalize(self, _close_each, self._idle)  # whoever forgot its end

    def exchange(self, request: Request) -> Answer:
        """Send a request, and wait for its answer.

        Raises:
            NoAnswerError: none came.
            MlopsError: the certificate is not trusted; or a header cannot be sent.
        """
        connection = self._taken() or self._opened()
        try:
            connection.timeout = request.timeout_s
            connection.sock.settimeout(request.timeout_s)
            whole = _sent(connection, request)
            response = connection.getresponse()
            answer = Answer(response.status, response.reason, Headers(tuple(response.getheaders())), response.read())
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._silent(_said(error, request.timeout_s), maybe_seen=True) from error
        except BaseException:
            connection.close()  # Such as Ctrl-C in the middle of an answer, of which the rest is nobody's.
            raise
        self._give_back(connection, keep=whole and not response.will_close)
        return answer

    def close(self) -> None:
        """Close what is idle now, and what is in use once it no longer is."""
        with self._lock:
            self._closed = True
            _close_each(self._idle)

    def _taken(self) -> http.client.HTTPConnection | None:
        """An idle connection that is still one, as far as can be known without sending anything."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            # Between two requests a server says nothing: what can be read there is that it has closed.
            if self._now() - since < _IDLE_S and not _readable(connection):
                return connection
            connection.close()

    def _give_back(self, connection: http.client.HTTPConnection, *, keep: bool) -> None:
        with self._lock:
            if keep and not self._closed and len(self._idle) < _MOST_IDLE:
                self._idle.append((self._now(), connection))
                return
        connection.close()

    def _opened(self) -> http.client.HTTPConnection:
        """A new connection; one that does not come about has brought nobody anything."""
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=_CONNECT_S, context=self._context)
            if self._context
            else http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_S)
        )
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            connection.close()
            raise MlopsError(
                f"the certificate at {masked(self.access.uri)} is not trusted: {error.verify_message}; "
                "`mlops plan` tells whether it is due"
            ) from error
        except OSError as error:
            connection.close()
            raise self._silent(_said(error, _CONNECT_S), maybe_seen=False) from error
        return connection

    def _silent(self, why: str, *, maybe_seen: bool) -> NoAnswerError:
        said = f"{masked(self.access.uri)} does not answer: {why}; `mlops status` tells what runs"
        return NoAnswerError(said, maybe_seen=maybe_seen)


def _place_of(uri: str) -> tuple[str, str, int | None]:
    """The scheme, the host and the port of a scoring URI; its other parts are for whoever makes a request."""
    try:
        place = urllib.parse.urlsplit(uri)
        if _ONE_WORD.fullmatch(uri) and place.scheme in ("http", "https") and place.hostname:
            return place.scheme, place.hostname, place.port
    except ValueError:
        pass
    raise MlopsError(f"{masked(uri)} is no address of an endpoint, such as https://host/score")


def _close_each(idle: list[tuple[float, http.client.HTTPConnection]]) -> None:
    while idle:
        idle.pop()[1].close()


def _sent(connection: http.client.HTTPConnection, request: Request) -> bool:
    """Send a request; False where the other side took no more of it, as it has answered already, such as with 413."""
    try:
        connection.request(request.method, request.path, request.body, dict(request.headers))
    except (BrokenPipeError, ConnectionResetError):
        return False
    except ValueError:
        # Without its words: they have the header, which may be what opens the endpoint.
        raise MlopsError("a header, as that of the deployment, is more than one line of Latin-1 text") from None
    return True


def _said(error: Exception, timeout_s: float) -> str:
    return f"nothing within {timeout_s:g} s" if isinstance(error, TimeoutError) else str(error) or type(error).__name__


def _readable(connection: http.client.HTTPConnection) -> bool:
    if hasattr(select, "poll"):  # select() itself knows no descriptor beyond 1023
        poll = select.poll()
        poll.register(connection.sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([connection.sock], [], [], 0)[0])


def _trusting(access: Access) -> ssl.SSLContext:
    """Trust the gateway's own certificate, and unless it is self-signed whom this machine trusts too."""
    if not access.certificate:
        return ssl.create_default_context()
    file, alone = str(access.certificate["file"]), bool(access.certificate["self_signed"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if alone else ssl.create_default_context()
    try:
        context.load_verify_locations(file)
    except OSError as error:
        raise MlopsError(f"the gateway's certificate {file} cannot be read: {error}") from error
    # The certificate itself will do, be it that of an authority or not.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
