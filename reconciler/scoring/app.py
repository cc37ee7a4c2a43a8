"""The ASGI application: routes, bodies and headers around run()."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from reconciler.scoring.identity import identify
from reconciler.scoring.lanes import Lane
from reconciler.scoring.messages import JSON, OVERFLOW, TEXT, Answer, RawHeaders, Request, failed
from reconciler.scoring.metrics import CONTENT_TYPE, Metrics
from reconciler.scoring.served import Served
from reconciler.scoring.settings import Settings
from reconciler.scoring.swagger import Swagger

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Message, Receive, str], Awaitable[Answer]]

CLOSE = (b"connection", b"close")


class ClientGoneError(Exception):
    """The client hung up before its request was read."""


class App:
    """Answers HTTP, and knows how many requests it holds and when it saw the last one.

    Args:
        lane: the way to run().
        swagger: the descriptions of the service.
        served: the code and model that were loaded.
        settings: of the server.
        run_takes_options: whether run() is given OPTIONS requests too.
    """

    def __init__(
        self, lane: Lane, swagger: Swagger, served: Served, settings: Settings, *, run_takes_options: bool
    ) -> None:
        self.draining = False
        self.retiring = False
        self.metrics = Metrics()
        self.last_seen = time.monotonic()
        self._lane = lane
        self._swagger = swagger
        self._served = served
        self._settings = settings
        version = settings.server_version.encode("latin-1")
        self._version = ((b"x-ms-server-version", version),) if version else ()
        self._routes: dict[str, dict[str, Handler]] = {
            "/": {"GET": self._health, "HEAD": self._health},
            "/score": {
                "GET": self._score,
                "OPTIONS": self._score if run_takes_options else self._options,
                "POST": self._score,
            },
            "/swagger.json": {"GET": self._describe},
            "/-/metrics": {"GET": self._measure},
            "/-/served": {"GET": self._tell_served},
        }

    @property
    def is_lost(self) -> bool:
        """Tell whether no run() will ever begin again."""
        return self._lane.is_lost

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        identity = identify(scope["headers"])
        if identity.too_long:
            answer = failed(431, f"{identity.too_long} must not exceed 100 characters")
        else:
            try:
                answer = await self._handler(scope)(scope, receive, identity.request_id)
            except ClientGoneError:
                return
        await self._send(scope, send, answer, identity.echo)

    def _handler(self, scope: Message) -> Handler:
        methods = self._routes.get(scope["path"])
        if methods is None:
            return _not_found
        return methods.get(scope["method"]) or _not_allowed(methods)

    async def _health(self, _scope: Message, _receive: Receive, _id: str) -> Answer:
        if self._lane.is_stuck:
            return Answer(503, b"Stuck", TEXT)
        return Answer(503, b"Draining", TEXT) if self.draining else Answer(200, b"Healthy", TEXT)

    async def _options(self, _scope: Message, _receive: Receive, _id: str) -> Answer:
        return Answer(200, b"", TEXT, ((b"allow", b"GET, OPTIONS, POST"),))

    async def _describe(self, scope: Message, _receive: Receive, _id: str) -> Answer:
        return self._swagger.answer(scope["query_string"])

    async def _measure(self, _scope: Message, _receive: Receive, _id: str) -> Answer:
        return Answer(200, self.metrics.text(self._lane.held), CONTENT_TYPE)

    async def _tell_served(self, _scope: Message, _receive: Receive, _id: str) -> Answer:
        """Beside the loop, which goes on with requests while a large folder is looked through."""
        report = await asyncio.get_running_loop().run_in_executor(None, self._served.report)
        return Answer(200, json.dumps(report).encode(), JSON)

    async def _score(self, scope: Message, receive: Receive, identity: str) -> Answer:
        self.metrics.in_flight += 1
        try:
            answer = await (
                self._refused(scope, receive) if self._lane.is_full else self._scored(scope, receive, identity)
            )
            self.metrics.count(answer)
            return answer
        finally:
            self.metrics.in_flight -= 1
            self.last_seen = time.monotonic()

    async def _refused(self, scope: Message, receive: Receive) -> Answer:
        """Refuse before the body is read, for that must cost nothing; a connection that ends unread would be reset."""
        if self._closes:
            await _read_body(scope, receive, self._settings.max_body_bytes)
        return OVERFLOW

    async def _scored(self, scope: Message, receive: Receive, identity: str) -> Answer:
        body = await _read_body(scope, receive, self._settings.max_body_bytes)
        if body is None:
            return failed(413, f"Input must not exceed {self._settings.max_body_bytes} bytes")
        request = Request(scope["method"], scope["path"], scope["query_string"], scope["headers"], body, identity)
        return await self._lane.travel(request, receive)

    @property
    def _closes(self) -> bool:
        """Whether connections end with their next answer."""
        return self.draining or self.retiring or self._lane.is_stuck

    async def _send(self, scope: Message, send: Send, answer: Answer, echo: RawHeaders) -> None:
        headers = [(b"content-length", b"%d" % len(answer.body)), *self._version, *answer.headers, *echo]
        if answer.content_type:
            headers.append((b"content-type", answer.content_type))
        if self._settings.cors is not None:
            headers.extend(self._settings.cors.headers(scope["method"], scope["headers"]))
        if self._closes:
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
