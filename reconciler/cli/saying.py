"""The one place that prints: what is said to people, what is given to programs, and logs, which are foreign text."""

import os
import sys

from reconciler.cli.colour import coloured
from reconciler.inert import log_rows, log_text, terminal_text

TYPE_CHECKING = False  # `typing` would take as long to load as all else of a plan that is known at a glance

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from typing import TextIO


class ReaderGoneError(Exception):
    """Whoever read the answer left, as `head` does; there is nobody to tell the rest to."""


def say(text: object = "", *, colours: bool = False) -> None:
    """Say something to people: no line of it is a command to a CI's runner, and nothing in it acts on a terminal.

    Where nobody reads it any more the command still goes on: an apply must not break off with its reader.
    """
    said = log_text(str(text))
    try:
        print(coloured(said) if colours else said, flush=True)
    except BrokenPipeError:
        fall_silent()


def fall_silent(stream: "TextIO | None" = None) -> None:
    """Print no more to a pipe that nobody reads, also not when Python flushes at its end; by default the answer's."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), (stream or sys.stdout).fileno())


def warn(text: object, *, end: str = "\n") -> None:
    """The same on standard error, so that standard output is the answer alone."""
    try:
        print(log_text(str(text)), end=end, file=sys.stderr, flush=True)
    except BrokenPipeError:
        fall_silent(sys.stderr)


def warn_at_once(text: object) -> None:
    """The same from a signal's handler, past the stream's buffer: in the middle of a `warn` that takes nothing else."""
    try:  # noqa: SIM105 - what suppresses it takes 5 ms to load
        os.write(sys.stderr.fileno(), f"{log_text(str(text))}\n".encode())
    except OSError:  # nobody reads it
        pass


def put(text: str, *, rows: bool = False, environ: "Mapping[str, str]" = os.environ) -> None:
    """Give an answer to a program byte for byte; a terminal and the log of a CI's job get it as people do.

    Args:
        text: the answer.
        rows: whether it is cells with tabs between them, by which a script of the job takes them apart.
        environ: tells whether this is such a job.

    Raises:
        ReaderGoneError: the program reads no more.
    """
    seen = sys.stdout.isatty() or bool(environ.get("GITHUB_ACTIONS") or environ.get("TF_BUILD"))
    try:
        print((log_rows if rows else log_text)(text) if seen else text)
    except BrokenPipeError as error:
        raise ReaderGoneError from error


def put_commands(text: str) -> None:
    """Give commands to the runner of a GitHub job; whoever wrote them let nothing foreign act (`annotations.py`).

    Raises:
        ReaderGoneError: nobody reads any more.
    """
    try:
        print(text)
    except BrokenPipeError as error:
        raise ReaderGoneError from error


class foreign_lines:  # noqa: N801 - it is used as a function that `contextlib` makes one, which takes 5 ms to load
    """Have the runner of a GitHub job take nothing for a command that is printed in the block, whatever it is.

    The word that ends it is known to nobody beforehand. A run that is cut off leaves the rest of its job without.
    """

    def __init__(self, *, environ: "Mapping[str, str]" = os.environ) -> None:
        self._token = os.urandom(16).hex() if environ.get("GITHUB_ACTIONS") == "true" else ""

    def __enter__(self) -> None:
        if self._token:
            print(f"::stop-commands::{self._token}", flush=True)

    def __exit__(self, *_raised: object) -> None:
        if self._token:
            print(f"::{self._token}::", flush=True)


def log_handler() -> "logging.Handler":
    """What prints the log of whoever debugs, on standard error."""
    import logging  # noqa: PLC0415 - only whoever debugs needs it

    class Inert(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return log_text(super().format(record))

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Inert(logging.BASIC_FORMAT))
    return handler


def put_line(line: str, *, flush: bool, environ: "Mapping[str, str]" = os.environ) -> None:
    """Print a line of a log as it is; on a terminal with its colours, and nothing else of it acts there.

    Raises:
        ReaderGoneError: nobody reads any more.
    """
    if sys.stdout.isatty():
        line = terminal_text(line)
    elif environ.get("TF_BUILD"):
        line = log_text(line)
    try:
        print(line, flush=flush)
    except BrokenPipeError as error:
        raise ReaderGoneError from error
