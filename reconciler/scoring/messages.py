"""What travels between HTTP and run(): a request, an answer, and the answers the server gives itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"
SCRIPT_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."
RUN_FAILED = (b"x-ms-run-function-failed", b"True")
RUN_NOT_FAILED = (b"x-ms-run-function-failed", b"False")

RawHeaders = Sequence[tuple[bytes, bytes]]


class BadInputError(Exception):
    """The client sent what run() cannot be given; the message is the client's answer.

    Args:
        message: one line, for the client.
        status: 400, or 415 when the content type is at fault.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Request(NamedTuple):
    """An HTTP request to /score, read to its end."""

    method: str
    path: str
    query: bytes
    headers: RawHeaders
    body: bytes
    id: str


class Answer(NamedTuple):
    """What goes back to the client; `run_seconds` is what run() took of it."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: RawHeaders = ()
    run_seconds: float = 0.0


# What the gateway hands to another instance, and to the client when no instance has room; in Azure's form.
OVERFLOW = Answer(429, b"", b"text/plain", ((b"ms-azureml-model-error-reason", b"too_many_pending_request"),))


def failed(status: int, message: str, headers: RawHeaders = ()) -> Answer:
    """Refuse, with the message in the JSON form that clients of Azure expect."""
    return Answer(status, _message(message), JSON, (RUN_NOT_FAILED, *headers))


def script_failed(elapsed_s: float, message: str = SCRIPT_FAILED) -> Answer:
    """Answer for a run() that raised, or has not ended in its time."""
    return Answer(500, _message(message), JSON, (RUN_FAILED, run_time(elapsed_s)), elapsed_s)


def run_time(elapsed_s: float) -> tuple[bytes, bytes]:
    """Tell how long run() took, as a header in milliseconds."""
    return b"x-ms-run-fn-exec-ms", b"%.3f" % (elapsed_s * 1000)


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()
