"""Clients that ask an endpoint without a break while something is done to it, and count every answer."""

import http.client
import ssl
import threading
from collections import Counter
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tests.waiting import until

_PATIENCE_S = 20.0
# Between two requests of a client: the tests ask whether any is lost, and leave the machine to those that serve.
_PAUSE_S = 0.01


class Load:
    """Asks an endpoint, by default over two connections that are kept and one that is new for each request.

    Args:
        uri: to which requests are posted.
        key: that the clients have.
        ca: the certificates that they trust, for an endpoint of https.
    """

    def __init__(self, uri: str, key: str, *, kept: int = 2, fresh: int = 1, ca: Path | None = None) -> None:
        self.answers: Counter[tuple[int, bytes]] = Counter()
        self.failures: list[str] = []
        self._over = threading.Event()
        self._counting = threading.Lock()
        self._uri = urlsplit(uri)
        self._headers = {"authorization": f"Bearer {key}"}
        self._ca = ca
        self._clients = [
            threading.Thread(target=self._ask, kwargs={"keep": client < kept}) for client in range(kept + fresh)
        ]

    @property
    def total(self) -> int:
        """How many requests there were so far."""
        return self.answers.total() + len(self.failures)

    @property
    def lost(self) -> list[str]:
        """The requests that were not answered by 200."""
        refused = [f"{status} {body!r}" for status, body in self.answers.elements() if status != 200]
        return [*refused, *self.failures]

    @property
    def statuses(self) -> set[int]:
        """The status codes that were answered."""
        return {status for status, _ in self.answers}

    def said(self) -> set[bytes]:
        """What the model answered."""
        return {body for status, body in self.answers if status == 200}

    def go_on(self, requests: int) -> None:
        """Wait until so many more were answered."""
        enough = self.total + requests
        until(lambda: self.total >= enough)

    def __enter__(self) -> Self:
        for client in self._clients:
            client.start()
        self.go_on(len(self._clients))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for client in self._clients:
            client.join()

    def _ask(self, *, keep: bool) -> None:
        connection = self._connection()
        while not self._over.wait(_PAUSE_S):
            answer = _answer(connection, self._uri.path, self._headers)
            with self._counting:
                if isinstance(answer, str):
                    self.failures.append(answer)
                else:
                    self.answers[answer] += 1
            if not keep:
                connection.close()
        connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._uri.hostname or "", self._uri.port
        if self._ca is None:
            return http.client.HTTPConnection(host, port, timeout=_PATIENCE_S)
        context = ssl.create_default_context(cafile=str(self._ca))
        return http.client.HTTPSConnection(host, port, timeout=_PATIENCE_S, context=context)


def _answer(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, bytes] | str:
    try:
        connection.request("POST", path, b"{}", headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return repr(error)
