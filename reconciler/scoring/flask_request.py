"""A script of @rawhttp whose environment has flask gets what Azure's server gives it: flask's own request.

Then everything of flask works in run(), also `flask.request` and `flask.jsonify`.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from reconciler.scoring.messages import Request


def with_flask(run: Callable[..., Any], name: str, *, is_async: bool, with_headers: bool) -> Callable[[Request], Any]:
    """Make a function that calls run() within a flask request.

    Args:
        run: the script's function.
        name: of its parameter for the request.
        is_async: whether it is awaited.
        with_headers: whether it has a parameter `request_headers`.
    """
    flask = importlib.import_module("flask")
    app = flask.Flask("entry_module")

    def arguments(context: Any) -> dict[str, Any]:
        headers = {"request_headers": dict(context.request.headers)} if with_headers else {}
        return {name: context.request, **headers}

    async def call_async(request: Request) -> Any:
        with app.request_context(environ_of(request)) as context:
            return await run(**arguments(context))

    def call(request: Request) -> Any:
        with app.request_context(environ_of(request)) as context:
            return run(**arguments(context))

    return call_async if is_async else call


def environ_of(request: Request) -> dict[str, Any]:
    """Put a request into the form of WSGI (PEP 3333)."""
    headers: dict[str, str] = {}
    for raw, value in request.headers:
        header = raw.decode("latin-1").upper().replace("-", "_")
        key = header if header in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{header}"
        headers[key] = f"{headers[key]},{value.decode('latin-1')}" if key in headers else value.decode("latin-1")
    host, _, port = headers.get("HTTP_HOST", "localhost").partition(":")
    return {
        **headers,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
