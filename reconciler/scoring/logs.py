"""Log lines and printed lines: each begins with the id of the request that it belongs to."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")


class RequestStream(io.TextIOWrapper):
    """A text stream on the same file as another, that writes whole lines, each with its request's id before it.

    The beginnings of lines are kept for each request on its own, so that requests that print at the same time do not
    cut up each other's lines. Outside of a request lines are written as they are.
    """

    def __init__(self, stream: io.TextIOWrapper) -> None:
        stream.flush()
        super().__init__(stream.buffer, stream.encoding, stream.errors, newline="\n")
        self._unended: dict[str, str] = {}
        self._open: str | None = None  # whose line is written in part, by a flush
        self._lock = threading.RLock()  # a signal handler that prints may come upon its own thread

    def write(self, text: str) -> int:
        """Write the lines that have come to their end, and keep the last that has not."""
        current = request_id.get()
        with self._lock:
            lines, newline, rest = (self._unended.pop(current, "") + text).rpartition("\n")
            if rest:
                self._unended[current] = rest
            if newline:
                self._put(current, lines + newline)
        return len(text)

    def flush(self) -> None:
        """Write also what has not come to the end of its line: within a request what is its own, outside everything."""
        current = request_id.get()
        with self._lock:
            for owner in [current] if current else list(self._unended):
                self._end_kept(owner)
            super().flush()

    def be_whole_in_forks(self) -> None:
        """Let no process be forked while another thread writes, which in the new one would never end its writing."""
        os.register_at_fork(
            before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._lock.release
        )

    def end_line(self) -> None:
        """End the line of the current request, if it has begun one."""
        current = request_id.get()
        if self._open == current or current in self._unended:
            self.write("\n")

    def _end_kept(self, owner: str) -> None:
        rest = self._unended.pop(owner, "")
        if rest:
            self._put(owner, rest)

    def _put(self, owner: str, text: str) -> None:
        prefix = f"[{owner}] " if owner else ""
        first = "" if self._open == owner else prefix if self._open is None else "\n" + prefix
        ended = text.endswith("\n")
        body = text[:-1].replace("\n", "\n" + prefix) + text[-1]
        super().write(first + body)
        super().flush()
        self._open = None if ended else owner


def end_line() -> None:
    """Let the next line on stdout and stderr begin anew, at the end of a request."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, RequestStream):
            stream.end_line()


def capture_streams() -> None:
    """Put the request's id before everything that is written to stdout and stderr, and let it appear at once."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream, RequestStream):
            captured = RequestStream(stream)
            setattr(sys, name, captured)
            if hasattr(os, "register_at_fork"):
                captured.be_whole_in_forks()


def log_to_stderr(level: int) -> None:
    """Send the root logger's lines to stderr: time in UTC, level, logger, message."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
    formatter.default_msec_format = "%s.%03dZ"
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
