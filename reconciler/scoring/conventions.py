"""How run() gets its input: as text, as typed arguments, or as the raw request."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from reconciler.scoring.aml_imports import is_raw_requested
from reconciler.scoring.aml_request import AMLRequest
from reconciler.scoring.decoding import decoded
from reconciler.scoring.flask_request import with_flask
from reconciler.scoring.messages import BadInputError, RawHeaders, Request
from reconciler.scoring.schemas import is_decorated
from reconciler.scoring.script import ScriptError

# From a request to run()'s keyword arguments.
Arguments = Callable[[Request], "dict[str, Any]"]


class Convention(NamedTuple):
    """A way to call run(); an async one gives an awaitable, a raw one wants every method."""

    call: Callable[[Request], Any]
    is_async: bool
    is_raw: bool


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


def convention_of(run: Callable[..., Any]) -> Convention:
    """Choose the way to call run().

    Raises:
        ScriptError: its signature is one that no request could be given to, or it is decorated for two ways.
    """
    parameters = _parameters(run)
    inputs = [parameter for parameter in parameters if parameter.name != "request_headers"]
    if not inputs:
        raise ScriptError("run() needs an argument for the input data")
    is_async = inspect.iscoroutinefunction(run) or inspect.iscoroutinefunction(getattr(run, "__call__", None))  # noqa: B004 - its kind is asked for
    is_raw = is_raw_requested()
    if is_raw and is_decorated(run):
        raise ScriptError("run() cannot be decorated with both @rawhttp and @input_schema")
    with_headers = len(inputs) < len(parameters)
    if is_raw and "flask" in sys.modules:
        call = with_flask(run, inputs[0].name, is_async=is_async, with_headers=with_headers)
        return Convention(call, is_async, is_raw)
    arguments = _raw(inputs[0].name) if is_raw else _typed(inputs) if is_decorated(run) else _text(inputs[0].name)
    if with_headers:
        arguments = _with_headers(arguments)
    return Convention(lambda request: run(**arguments(request)), is_async, is_raw)


def _parameters(run: Callable[..., Any]) -> Sequence[inspect.Parameter]:
    parameters = list(inspect.signature(run).parameters.values())
    if any(parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) for parameter in parameters):
        raise ScriptError("run() cannot accept positional-only arguments, *args or **kwargs")
    return parameters


def _with_headers(arguments: Arguments) -> Arguments:
    return lambda request: {**arguments(request), "request_headers": Headers.of(request.headers)}


def _text(name: str) -> Arguments:
    return lambda request: {name: text_of(request)}


def _raw(name: str) -> Arguments:
    return lambda request: {name: AMLRequest(request)}


def _typed(parameters: Sequence[inspect.Parameter]) -> Arguments:
    def arguments(request: Request) -> dict[str, Any]:
        given = _query_object(request.query) if request.method == "GET" else _json_object(request)
        missing = [one.name for one in parameters if one.name not in given and one.default is one.empty]
        if missing:
            raise BadInputError(f"A value is not provided for the {missing[0]!r} parameter.")
        return {one.name: given.get(one.name, one.default) for one in parameters}

    return arguments


def text_of(request: Request) -> str:
    """Give the body of a POST, or the query of a GET as a JSON object.

    Raises:
        BadInputError: the body is not UTF-8.
    """
    if request.method == "GET":
        return json.dumps(_query_object(request.query))
    try:
        return request.body.decode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"Input cannot be decoded as UTF-8: {error}") from None


def _json_object(request: Request) -> Mapping[str, Any]:
    if not _is_json(request.headers):
        raise BadInputError("Expects Content-Type to be application/json", status=415)
    if not request.body:
        raise BadInputError("POST body is empty. Expecting a JSON dictionary.")
    try:
        value = decoded(request.body)
    except ValueError as error:  # also what is not UTF-8
        raise BadInputError(f"POST body could not be decoded as JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadInputError("POST body should be a JSON dictionary.")
    return value


def _is_json(headers: RawHeaders) -> bool:
    content_type = next((value for name, value in headers if name == b"content-type"), b"")
    mimetype = content_type.partition(b";")[0].strip().lower()
    return mimetype == b"application/json" or (mimetype.startswith(b"application/") and mimetype.endswith(b"+json"))


def _query_object(query: bytes) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        values.setdefault(name, []).append(_json_or_text(text))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _json_or_text(text: str) -> Any:
    try:
        return decoded(text)
    except ValueError:
        return text
