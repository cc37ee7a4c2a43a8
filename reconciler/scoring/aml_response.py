"""The raw response that a script returns: AMLResponse, without flask."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http.cookies import SimpleCookie
from typing import Any

from reconciler.scoring.aml_values import HeaderMap

HTML = "text/html; charset=utf-8"  # flask's own, where a script names nothing else
JSON = "application/json"


class AMLResponse:
    """An HTTP response, sent as it is.

    Args:
        message: text, bytes or several of them; what JSON can hold with `json_str`; None for an empty JSON object.
        status_code: of HTTP.
        response_headers: a value with commas is sent as several headers.
        json_str: whether to send the message as JSON.
        run_function_failed: what to say in `x-ms-run-function-failed`.
    """

    def __init__(
        self,
        message: Any,
        status_code: int,
        response_headers: Mapping[str, str] | None = None,
        json_str: bool = False,  # noqa: FBT001, FBT002
        run_function_failed: bool = False,  # noqa: FBT001, FBT002
    ) -> None:
        as_json = json_str or message is None
        self._body = _bytes_of(json.dumps({} if message is None else message) if as_json else message)
        self.status_code = int(status_code)
        self.headers = HeaderMap()
        given = response_headers or {}
        if as_json or "content-type" not in (name.lower() for name in given):
            self.headers.add("Content-Type", JSON if as_json else HTML)
        self.headers.add("x-ms-run-function-failed", run_function_failed)
        for name, value in given.items():
            for one in str(value).split(","):
                self.headers.add(name, one.strip())

    def __repr__(self) -> str:
        return f"<AMLResponse {len(self._body)} bytes [{self.status_code}]>"

    def get_data(self, as_text: bool = False) -> Any:  # noqa: FBT001, FBT002 - the form of flask
        """Return the body."""
        return self._body.decode() if as_text else self._body

    def set_data(self, value: str | bytes) -> None:
        """Put another body in its place."""
        self._body = _bytes_of(value)

    @property
    def data(self) -> bytes:
        """The body."""
        return self._body

    @data.setter
    def data(self, value: str | bytes) -> None:
        self.set_data(value)

    @property
    def content_type(self) -> str | None:
        """The Content-Type header."""
        content_type: str | None = self.headers.get("Content-Type")
        return content_type

    @content_type.setter
    def content_type(self, value: str) -> None:
        self.headers["Content-Type"] = value

    @property
    def mimetype(self) -> str:
        """The content type without its parameters."""
        return (self.content_type or "").partition(";")[0].strip()

    @mimetype.setter
    def mimetype(self, value: str) -> None:
        self.headers["Content-Type"] = f"{value}; charset=utf-8" if value.startswith("text/") else value

    def set_cookie(self, key: str, value: str = "", **attributes: Any) -> None:
        """Add a cookie; attributes are those of `http.cookies`, with underscores."""
        cookie: SimpleCookie = SimpleCookie({key: value})
        for name, attribute in {"path": "/", **attributes}.items():
            if attribute is not None:
                cookie[key][name.replace("_", "-")] = attribute
        self.headers.add("Set-Cookie", cookie[key].OutputString())


def _bytes_of(message: Any) -> bytes:
    if isinstance(message, str):
        return message.encode()
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    if isinstance(message, Iterable):
        return b"".join(one.encode() if isinstance(one, str) else bytes(one) for one in message)
    raise TypeError(f"AMLResponse takes text or bytes, not {type(message).__name__}; for JSON say json_str=True")
