"""What travels between HTTP and run(): a request, an answer, and the answers the server gives itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
SCRIPT_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."

RawHeaders = Sequence[tuple[bytes, bytes]]


class Request(NamedTuple):
    """An HTTP request to /score, read to its end."""

    method: str
    query: bytes
    headers: RawHeaders
    body: bytes
    id: str


class Answer(NamedTuple):
    """What goes back to the client."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: RawHeaders = ()


def failed(status: int, message: str, headers: RawHeaders = ()) -> Answer:
    """Refuse or give up, with the message in the JSON form that clients of Azure expect."""
    return Answer(status, json.dumps({"message": message}).encode(), JSON, headers)


def run_headers(elapsed_ms: float, *, run_failed: bool) -> RawHeaders:
    """Tell how long run() took, and whether it failed."""
    return (
        (b"x-ms-run-fn-exec-ms", b"%.3f" % elapsed_ms),
        (b"x-ms-run-function-failed", b"True" if run_failed else b"False"),
    )


def timed_out(limit_ms: int) -> Answer:
    """Answer for a run() that is still running after its time."""
    headers = run_headers(limit_ms, run_failed=True)
    return failed(500, f"Scoring timeout after {limit_ms} ms", headers)
