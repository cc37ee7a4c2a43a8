"""A client of one endpoint: it keeps connections, knows what opens the endpoint, and mixes up no two requests."""

import json
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from reconciler.core.answer import Answer
from reconciler.core.secret import masked
from reconciler.errors import (
    InvocationError,
    MlopsError,
    ModelError,
    NoAnswerError,
    UnauthorizedError,
    UnavailableError,
)
from reconciler.gateway.replies import FULL, MODEL_TIME, REASON
from reconciler.operate.http_line import Access, Line, Request
from reconciler.render.values import printable_lines

TOKEN = "MLOPS_TOKEN"  # noqa: S105 - the name of a variable
TIMEOUT_S = 300.0
DEPLOYMENT = "azureml-model-deployment"

_NOT_READY = "model_not_ready"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
_LONGEST_TOLD = 2000
# What opens an endpoint is one word; http.client would show any other in its refusal.
_ONE_WORD = re.compile(r"[!-~]*")
# Of our gateway and of Kubernetes, an endpoint's paths have a beginning of their own.
_OWN_PATH = re.compile(r"/api/v1/(?:endpoint|service)/[^/]+")
_NAMES = {401: UnauthorizedError, 403: UnauthorizedError, 424: ModelError, 429: UnavailableError}
_NAMES |= {502: ModelError, 503: UnavailableError}

Key = str | Callable[[], str]
"""A key or a token, or what gives a fresh one."""


class Caller:
    """Whoever calls one endpoint; from several threads at once, each request on a connection of its own.

    Args:
        name: of the endpoint, for messages.
        look: tells where it is and what opens it, as it is now; asked before the first request, and again where nothing
            answers there or the key opens nothing.
        timeout: how long to wait for the endpoint to say something, in seconds.
        retries: how often a request is sent again at the most, where no model has seen it.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], Access],
        *,
        timeout: float = TIMEOUT_S,
        retries: int = 2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._name, self._look, self._timeout, self._retries, self._sleep = name, look, timeout, retries, sleep
        self._lock = threading.Lock()
        self._line: Line | None = None
        self._closed = False

    def invoke(
        self,
        data: Any,
        *,
        deployment: str = "",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        check: bool = True,
    ) -> Answer:
        """Send a request to the model, and return what it answers.

        Args:
            data: bytes and text are sent as they are, anything else as JSON, arrays of numpy as lists.
            deployment: who is to answer, whatever the traffic; of this request alone.
            headers: of this request alone, besides or in place of the usual ones, such as `x-ms-client-request-id`.
            timeout: of this request alone, in seconds.
            check: whether an answer that is not 200 to 299 is raised.

        Raises:
            ModelError: the model failed on the request; the answer's `model_status` is its own.
            UnavailableError: no instance took the request: all are busy, or none is ready.
            UnauthorizedError: the key or token opens nothing.
            InvocationError: any other status, such as 404 where no deployment has traffic, 408 after the deployment's
                `request_timeout_ms`, 413; all of these are ones, with the `answer`.
            NoAnswerError: nothing came back; `maybe_seen` tells whether a model may have got it all the same.
            MlopsError: the client is closed; or what it needs is not known.
        """
        sent = {"Content-Type": "application/json"}
        if deployment:
            sent[DEPLOYMENT] = deployment.lower()
        return self._answered("POST", "", _body_of(data), {**sent, **(headers or {})}, timeout, check=check)

    def openapi(self, *, version: str = "3", timeout: float | None = None) -> dict[str, Any]:
        """Return what the model says of its requests, as the OpenAPI document of its decorators.

            >>> with reconciler.Client(uri, key=key) as client:
            ...     sorted(client.openapi()["paths"])
            ['/', '/score', '/swagger.json']

        Args:
            version: of OpenAPI: `2`, `3` or `3.1`.
            timeout: of this request, in seconds.

        Raises:
            InvocationError: the model says nothing of them (404), or as `invoke`.
        """
        answer = self._answered("GET", f"/swagger.json?version={version}", None, {}, timeout, check=True)
        try:
            found = answer.json()
        except ValueError as error:
            raise InvocationError(f"{self._name}: its OpenAPI document is no JSON: {error}", answer=answer) from error
        return dict(found)

    def close(self) -> None:
        """Close its connections; it takes no other request."""
        self._closed = True
        self._hang_up(self._line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name}>"

    def _answered(
        self,
        method: str,
        leaf: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: float | None,
        *,
        check: bool,
    ) -> Answer:
        patience = self._timeout if timeout is None else timeout
        answer = self._tried(lambda access: _request(access, method, leaf, body, headers, patience))
        if check and not answer.ok:
            raise refusal(self._name, answer)
        return answer

    def _tried(self, request: Callable[[Access], Request]) -> Answer:
        """Send a request, and again as long as no model has seen it and there are tries left."""
        left, pause, renewed = self._retries, _FIRST_PAUSE_S, False
        while True:
            line = self._found()
            try:
                answer = line.exchange(request(line.access))
            except NoAnswerError as error:
                self._hang_up(line)  # it may be elsewhere by now
                if error.maybe_seen or not left:
                    raise
                wait = pause
            else:
                if answer.status == 401 and not renewed and self._has_fresh(line):
                    renewed = True
                    continue
                if not left or not unseen(answer):
                    return answer
                wait = _asked_to_wait(answer, pause)
            left -= 1
            pause = min(2 * pause, _LONGEST_PAUSE_S)
            self._sleep(wait)

    def _found(self) -> Line:
        with self._lock:
            if self._closed:
                raise MlopsError(f"{self._name}: this client is closed; make another one")
            if self._line is None:
                self._line = _opened(self._look())
            return self._line

    def _has_fresh(self, line: Line) -> bool:
        """Whether there is another key or token by now than the one that opens nothing."""
        self._hang_up(line)
        return self._found().access.key != line.access.key

    def _hang_up(self, line: Line | None) -> None:
        with self._lock:
            if line is self._line:
                self._line = None
        if line is not None:
            line.close()


class Client(Caller):
    """A client of the endpoint at an address, here or in Azure.

    It may be used by several threads at once, each request on a connection of its own, which is kept for the next one.
    Nothing of one request, such as its deployment, is in another.

    A request is sent again, after a pause, only where certainly no model has seen it: no connection came about, the
    gateway says that all instances are busy or none is ready, or the key opens nothing and there is a fresh one. Where
    only its answer was lost it is not, as the model may have scored it.

        >>> with reconciler.Client(uri, key=key) as client:
        ...     answer = client.invoke({"data": [[1, 2]]}, deployment="blue")
        >>> answer.status, answer.json()
        (200, [3])

    Args:
        uri: the scoring URI, as `mlops status` and Azure tell it.
        key: a key or a token, or a function that gives one: it is asked before the first request, and again when what
            it gave opens nothing any more. By default what MLOPS_TOKEN holds.
        certificate: a file in PEM form, to be trusted in place of whom this machine trusts, as a self-signed one.
        timeout: how long to wait for the endpoint to say something, in seconds.
        retries: how often a request is sent again at the most, where no model has seen it.

    Raises:
        MlopsError: it is no address, or the certificate cannot be read.
        TypeError: the key is neither text nor a function.
    """

    def __init__(
        self,
        uri: str,
        *,
        key: Key | None = None,
        certificate: str | os.PathLike[str] | None = None,
        timeout: float = TIMEOUT_S,
        retries: int = 2,
    ) -> None:
        trusted = {"file": os.fspath(certificate), "self_signed": True} if certificate else {}
        given = key_of(key)

        def look() -> Access:
            return Access(uri, given if isinstance(given, str) else given(), trusted)

        super().__init__(masked(uri), look, timeout=timeout, retries=retries)
        Line(Access(uri, "", trusted))  # what is wrong with the address is told here, and not later


def key_of(given: Key | None) -> Key:
    """What opens an endpoint, by default what MLOPS_TOKEN holds.

    Raises:
        TypeError: it is neither text nor a function.
    """
    if given is None:
        return os.environ.get(TOKEN, "")
    if not (isinstance(given, str) or callable(given)):
        raise TypeError(f"a key or token is text, or a function that gives it, not {type(given).__name__}")
    return given


def unseen(answer: Answer) -> bool:
    """Whether an answer says that certainly no model has seen the request."""
    reason = answer.headers.get(REASON, "")
    if answer.status == 429:
        return reason == FULL or MODEL_TIME not in answer.headers
    return answer.status == 503 and reason in (FULL, _NOT_READY)


def refusal(name: str, answer: Answer) -> InvocationError:
    """The error of an answer that is none of the model's."""
    told = ", ".join(f"{each}: {value}" for each, value in answer.headers.items() if each.startswith("ms-azureml-"))
    said = f" ({told})" if told else ""
    body = printable_lines(answer.text[:_LONGEST_TOLD])
    message = f"{name} answered {answer.status} {answer.reason}{said}\n{body}".rstrip()
    return _NAMES.get(answer.status, InvocationError)(message, answer=answer)


def _opened(access: Access) -> Line:
    if not _ONE_WORD.fullmatch(access.key):
        raise MlopsError("the key or token is more than one word of plain letters, digits and signs")
    return Line(access)


def _request(
    access: Access, method: str, leaf: str, body: bytes | None, headers: Mapping[str, str], timeout_s: float
) -> Request:
    """A request of its own headers; what opens the endpoint is that of now, unless the caller says it."""
    place = urllib.parse.urlsplit(access.uri)
    path = f"{place.path or '/'}{f'?{place.query}' if place.query else ''}"
    if leaf:
        own = _OWN_PATH.match(place.path)
        path = f"{own[0] if own else ''}{leaf}"
    opening = {"Authorization": f"Bearer {access.key}"} if access.key else {}
    return Request(method, path, {**opening, **headers}, body, timeout_s)


def _body_of(data: Any) -> bytes:
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    return data.encode() if isinstance(data, str) else json.dumps(data, default=_listed).encode()


def _listed(value: Any) -> Any:
    """An array as the lists that it stands for."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON; send text or bytes, or make lists of it")


def _asked_to_wait(answer: Answer, pause: float) -> float:
    """The pause that the endpoint asks for, within bounds; else our own."""
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), _LONGEST_PAUSE_S) if asked.isdecimal() else pause
