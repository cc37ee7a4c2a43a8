"""What run() returns becomes an answer: a response as it is, everything else as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from reconciler.scoring.messages import JSON, RUN_FAILED, RUN_NOT_FAILED, Answer, run_time

# The connection is the server's, and so is the length of what goes over it.
THE_SERVERS = ("content-length", "content-type", "connection", "transfer-encoding", "keep-alive")
# By it the gateway knows that nothing was run, and asks another instance.
REFUSAL = "ms-azureml-model-error-reason"
NOT_THE_SCRIPTS = frozenset({*THE_SERVERS, REFUSAL})
NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
WITHOUT_BODY = (204, 304)


def answer_of(result: Any, elapsed_s: float) -> Answer:
    """Make the answer of a run() that took so many seconds.

    Raises:
        TypeError: JSON cannot hold the result.
        ValueError: HTTP cannot carry the response.
    """
    if _is_response(result):
        return _as_it_is(result, elapsed_s)
    body = b"{}" if result is None else json.dumps(result).encode()
    return Answer(200, body, JSON, (RUN_NOT_FAILED, run_time(elapsed_s)), elapsed_s)


def _is_response(result: Any) -> bool:
    """Tell an AMLResponse and a flask response by what they can do: the real ones come from packages we do not have."""
    return hasattr(result, "get_data") and hasattr(result, "status_code")


def _as_it_is(response: Any, elapsed_s: float) -> Answer:
    status = int(response.status_code)
    if not 200 <= status <= 599:
        raise ValueError(f"run() returned a response with the status {status}; it must be between 200 and 599")
    # Flask's form of a file that the server may send by itself; this one sends what is read.
    response.direct_passthrough = False
    body = b"" if status in WITHOUT_BODY else bytes(response.get_data())
    content_type = str(response.headers.get("Content-Type") or "").encode("latin-1")
    headers = [*_headers(response, status), run_time(elapsed_s)]
    return Answer(status, body, content_type, headers, elapsed_s)


def _headers(response: Any, status: int) -> Iterator[tuple[bytes, bytes]]:
    for name, value in response.headers.items():
        if not NAME.fullmatch(name) or FORBIDDEN.search(str(value)):
            raise ValueError(f"run() returned a response with the header {name!r}: {value!r}, which HTTP cannot carry")
        if name.lower() == "x-ms-run-function-failed" and status >= 500:
            continue
        if name.lower() not in NOT_THE_SCRIPTS:
            yield name.lower().encode(), str(value).encode("latin-1")
    if status >= 500:
        yield RUN_FAILED
