"""The ASGI application: routes, bodies and headers around run()."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from reconciler.scoring.identity import identify
from reconciler.scoring.lanes import Lane
from reconciler.scoring.logs import request_id
from reconciler.scoring.messages import TEXT, Answer, RawHeaders, Request, failed
from reconciler.scoring.settings import Settings
from reconciler.scoring.travel import travel

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Message, Receive, str], Awaitable[Answer]]

SERVER_VERSION = "mlops-scoring/1"
CLOSE = (b"connection", b"close")
RUN_NOT_FAILED = (b"x-ms-run-function-failed", b"False")


class ClientGoneError(Exception):
    """The client hung up before its request was read."""


class App:
    """Answers HTTP, and knows how many requests it holds and when it saw the last one."""

    def __init__(self, lane: Lane, settings: Settings) -> None:
        self.draining = False
        self.in_flight = 0
        self.last_seen = time.monotonic()
        self._lane = lane
        self._settings = settings
        self._version = (b"x-ms-server-version", os.environ.get("HTTP_X_MS_SERVER_VERSION", SERVER_VERSION).encode())
        self._routes: dict[str, dict[str, Handler]] = {
            "/": {"GET": self._health},
            "/score": {"GET": self._score, "OPTIONS": self._options, "POST": self._score},
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        identity = identify(scope["headers"])
        request_id.set(identity.request_id)
        if identity.too_long:
            answer = failed(431, f"{identity.too_long} must not exceed 100 characters")
        else:
            try:
                answer = await self._handler(scope)(scope, receive, identity.request_id)
            except ClientGoneError:
                return
        await self._send(send, answer, identity.echo)

    def _handler(self, scope: Message) -> Handler:
        methods = self._routes.get(scope["path"])
        if methods is None:
            return _not_found
        return methods.get(scope["method"]) or _not_allowed(methods)

    async def _health(self, _scope: Message, _receive: Receive, _id: str) -> Answer:
        return Answer(503, b"Draining", TEXT) if self.draining else Answer(200, b"Healthy", TEXT)

    async def _options(self, _scope: Message, _receive: Receive, _id: str) -> Answer:
        return Answer(200, b"", TEXT, ((b"allow", b"GET, OPTIONS, POST"),))

    async def _score(self, scope: Message, receive: Receive, identity: str) -> Answer:
        self.in_flight += 1
        try:
            body = await _read_body(scope, receive, self._settings.max_body_bytes)
            if body is None:
                return failed(413, f"Input must not exceed {self._settings.max_body_bytes} bytes", (RUN_NOT_FAILED,))
            request = Request(scope["method"], scope["query_string"], scope["headers"], body, identity)
            return await travel(self._lane, request, limit_ms=self._settings.scoring_timeout_ms, gone=receive)
        finally:
            self.in_flight -= 1
            self.last_seen = time.monotonic()

    async def _send(self, send: Send, answer: Answer, echo: RawHeaders) -> None:
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
            self._version,
            *answer.headers,
            *echo,
        ]
        if self.draining:
            # The next request must not meet the end of this connection.
            headers.append(CLOSE)
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


async def _not_found(scope: Message, _receive: Receive, _id: str) -> Answer:
    return failed(404, f"There is nothing at {scope['path']}")


def _not_allowed(methods: dict[str, Handler]) -> Handler:
    async def refuse(_scope: Message, _receive: Receive, _id: str) -> Answer:
        return failed(405, "Method not allowed", ((b"allow", ", ".join(methods).encode()),))

    return refuse


async def _read_body(scope: Message, receive: Receive, limit: int) -> bytes | None:
    """Read the body to its end; None when it is larger than the limit."""
    if limit and _content_length(scope["headers"]) > limit:
        return None
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if limit and size > limit:
            return None
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _content_length(headers: RawHeaders) -> int:
    return int(next((value for name, value in headers if name == b"content-length"), 0))
