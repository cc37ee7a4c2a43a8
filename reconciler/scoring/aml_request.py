"""The raw request that run() gets after @rawhttp: what scripts use of flask's request, without flask."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from email import message_from_string
from email.message import Message
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, unquote

from reconciler.scoring.aml_values import HeaderMap, MultiDict, UploadedFile
from reconciler.scoring.decoding import decoded
from reconciler.scoring.messages import BadInputError, Request

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
BEYOND_ASCII = re.compile("(?:%[89A-Fa-f][0-9A-Fa-f])+")


class AMLRequest:
    """An HTTP request, read to its end.

    Args:
        request: as the server has read it.
    """

    scheme = "http"
    remote_addr = None  # the client of a gateway's unix socket has no address

    def __init__(self, request: Request) -> None:
        self.method = request.method
        self.path = unquote(request.path)
        self.query_string = request.query
        self.headers = HeaderMap(
            (name.decode("latin-1").title(), value.decode("latin-1")) for name, value in request.headers
        )
        self._body = request.body
        self._is_kept = False

    def __repr__(self) -> str:
        return f"<AMLRequest {self.url!r} [{self.method}]>"

    @property
    def full_path(self) -> str:
        """The path and the query, with a question mark between them in any case."""
        return f"{self.path}?{self.query_string.decode('latin-1')}"

    @property
    def host(self) -> str:
        """The host that the client asked for."""
        return str(self.headers.get("Host", "localhost"))

    @property
    def host_url(self) -> str:
        """The address of the server."""
        return f"{self.scheme}://{self.host}/"

    url_root = host_url

    @property
    def base_url(self) -> str:
        """The address without the query."""
        return self.host_url[:-1] + self.path

    @property
    def url(self) -> str:
        """The whole address, with letters such as ä for what stands for them."""
        query = BEYOND_ASCII.sub(lambda found: _letters(found[0]), self.query_string.decode("latin-1"))
        return self.base_url + (f"?{query}" if query else "")

    @cached_property
    def args(self) -> MultiDict:
        """The parameters of the query."""
        return MultiDict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))

    @property
    def content_type(self) -> str | None:
        """The Content-Type header, None without one."""
        content_type: str | None = self.headers.get("Content-Type")
        return content_type

    @property
    def mimetype(self) -> str:
        """The content type without its parameters, in lower case."""
        return (self.content_type or "").partition(";")[0].strip().lower()

    @property
    def content_length(self) -> int:
        """The length of the body in bytes."""
        return len(self._body)

    @property
    def is_json(self) -> bool:
        """Whether the client says that the body is JSON."""
        kind, _, subtype = self.mimetype.partition("/")
        return kind == "application" and (subtype == "json" or subtype.endswith("+json"))

    @cached_property
    def stream(self) -> io.BytesIO:
        """The body as a file."""
        return io.BytesIO(self._body)

    @property
    def data(self) -> bytes:
        """The body, unless it is a form, which is in `form` and `files`; also of a form once get_data() has kept it."""
        return b"" if self.mimetype in (FORM, MULTIPART) and not self._is_kept else self._body

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:  # noqa: FBT001, FBT002 - the form of flask
        """Return the body, as text on request; of a form nothing, when it is to be parsed."""
        body = self.data if parse_form_data else self._body
        self._is_kept = self._is_kept or (cache and not parse_form_data)
        return body.decode(errors="replace") if as_text else body

    @property
    def json(self) -> Any:
        """The value of a JSON body."""
        return self.get_json()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:  # noqa: ARG002, FBT001, FBT002 - the form of flask
        """Return the value of a JSON body; with `force` whatever its content type, with `silent` None if it is none.

        Raises:
            BadInputError: the body is not JSON; unless the script catches it, it is the client's 400 or 415.
        """
        if not (force or self.is_json):
            if silent:
                return None
            raise BadInputError("Expects Content-Type to be application/json", status=415)
        try:
            return decoded(self._body)
        except ValueError as error:
            if silent:
                return None
            raise BadInputError(f"The body could not be decoded as JSON: {error}") from None

    @property
    def form(self) -> MultiDict:
        """The fields of a form."""
        return self._form[0]

    @property
    def files(self) -> MultiDict:
        """The uploaded files of a form, by the names of their fields."""
        return self._form[1]

    @property
    def values(self) -> MultiDict:
        """The parameters of the query and the fields of the form."""
        pairs = [(name, value) for part in (self.args, self.form) for name, all_ in part.lists() for value in all_]
        return MultiDict(pairs)

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies; none when the header is no list of cookies."""
        try:
            return {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("Cookie", "")).items()}
        except CookieError:
            return {}

    @cached_property
    def _form(self) -> tuple[MultiDict, MultiDict]:
        if self.mimetype == FORM:
            return MultiDict(parse_qsl(self._body.decode(errors="replace"), keep_blank_values=True)), MultiDict()
        if self.mimetype == MULTIPART:
            return _multipart(self.content_type or "", self._body)
        return MultiDict(), MultiDict()


def _letters(quoted: str) -> str:
    try:
        return unquote(quoted, errors="strict")
    except UnicodeDecodeError:
        return quoted


def _multipart(content_type: str, body: bytes) -> tuple[MultiDict, MultiDict]:
    boundary = message_from_string(f"Content-Type: {content_type}\n\n").get_boundary()
    fields: list[tuple[str, str]] = []
    files: list[tuple[str, UploadedFile]] = []
    for part, content in _parts(body, boundary) if boundary else ():
        name = part.get_param("name", header="content-disposition")
        filename = part.get_filename()
        if isinstance(name, str) and filename is not None:
            files.append((name, UploadedFile(name, filename, part.get_content_type(), content)))
        elif isinstance(name, str):
            fields.append((name, content.decode(errors="replace")))
    return MultiDict(fields), MultiDict(files)


def _parts(body: bytes, boundary: str) -> Iterator[tuple[Message, bytes]]:
    """Cut a body at its boundary (RFC 2046): the headers of each part, and its content to the byte."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1"))
    for piece in pieces[1:]:
        if piece.startswith(b"--"):  # the end; what follows is for nobody
            return
        head, _, content = piece.partition(b"\r\n\r\n")
        yield message_from_string(head.decode(errors="replace").lstrip()), content
