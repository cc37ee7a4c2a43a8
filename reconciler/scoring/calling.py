"""How run() is called: a request becomes its arguments, its result becomes an answer."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from reconciler.scoring.messages import JSON, SCRIPT_FAILED, Answer, RawHeaders, Request, failed, run_headers
from reconciler.scoring.script import ScriptError, describe

log = logging.getLogger("mlops.scoring")
# From a request to run()'s keyword arguments. A decorated run() gets a convention of its own here.
Convention = Callable[[Request], "dict[str, Any]"]


class BadInputError(Exception):
    """The client sent what run() cannot be given."""


class Headers(dict[str, str]):
    """Request headers, named as Azure's server names them (X-Request-Id) and found in any case."""

    @classmethod
    def of(cls, raw: RawHeaders) -> Headers:
        """Decode the headers as HTTP does."""
        return cls((name.decode("latin-1").title(), value.decode("latin-1")) for name, value in raw)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.title())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.title())

    def get(self, name: str, default: Any = None) -> Any:
        """Find a header in any case."""
        return super().get(name.title(), default)


class Caller:
    """Calls run() by the convention its signature asks for; never raises what run() raises."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self._arguments = convention_of(run)
        self.is_async = inspect.iscoroutinefunction(run) or inspect.iscoroutinefunction(type(run).__call__)

    def call(self, request: Request) -> Answer:
        """Call a plain run() in this thread."""
        began = time.perf_counter()
        try:
            result = self._run(**self._arguments(request))
            return _succeeded(result, began)
        except BadInputError as error:
            return failed(400, str(error))
        except BaseException as error:  # noqa: BLE001 - also sys.exit() in run() is one request's failure
            return _script_failed(error, began)

    async def call_async(self, request: Request) -> Answer:
        """Await an async run() on this thread's loop."""
        began = time.perf_counter()
        try:
            result = await self._run(**self._arguments(request))
            return _succeeded(result, began)
        except asyncio.CancelledError:
            raise
        except BadInputError as error:
            return failed(400, str(error))
        except BaseException as error:  # noqa: BLE001 - also sys.exit() in run() is one request's failure
            return _script_failed(error, began)


def convention_of(run: Callable[..., Any]) -> Convention:
    """Choose how run() gets its input; refuse signatures that no request could be given to."""
    parameters = inspect.signature(run).parameters.values()
    if any(parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) for parameter in parameters):
        raise ScriptError("run() cannot accept positional-only arguments, *args or **kwargs")
    names = [parameter.name for parameter in parameters]
    inputs = [name for name in names if name != "request_headers"]
    if not inputs:
        raise ScriptError("run() needs an argument for the input data")
    return _text_with_headers(inputs[0]) if "request_headers" in names else _text(inputs[0])


def _text(name: str) -> Convention:
    return lambda request: {name: text_of(request)}


def _text_with_headers(name: str) -> Convention:
    return lambda request: {name: text_of(request), "request_headers": Headers.of(request.headers)}


def text_of(request: Request) -> str:
    """Give the body of a POST, or the query of a GET as a JSON object."""
    if request.method == "GET":
        return json.dumps(_query_object(request.query))
    try:
        return request.body.decode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"Input cannot be decoded as UTF-8: {error}") from None


def _query_object(query: bytes) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        values.setdefault(name, []).append(_json_or_text(text))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _succeeded(result: Any, began: float) -> Answer:
    headers = run_headers(_milliseconds_since(began), run_failed=False)
    body = b"{}" if result is None else json.dumps(result).encode()
    return Answer(200, body, JSON, headers)


def _script_failed(error: BaseException, began: float) -> Answer:
    headers = run_headers(_milliseconds_since(began), run_failed=True)
    log.error("run() failed\n%s", describe(error))
    return failed(500, SCRIPT_FAILED, headers)


def _milliseconds_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
