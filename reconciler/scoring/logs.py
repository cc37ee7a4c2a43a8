"""Log lines of one form: time, level, logger, the request's id where there is one, message."""

from __future__ import annotations

import io
import logging
import sys
import time
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")


class _Formatter(logging.Formatter):
    """Adds the id of the request in whose context the line is written."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        current = request_id.get()
        record.request = f" [{current}]" if current else ""
        return super().formatMessage(record)


def log_to_stderr(level: int) -> None:
    """Send the root logger's lines to stderr, and let print() appear at the end of each line too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    handler = logging.StreamHandler()
    formatter = _Formatter("%(asctime)s %(levelname)s %(name)s%(request)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
