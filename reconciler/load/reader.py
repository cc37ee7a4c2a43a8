"""A process that reads files for another one: it takes their contents, and gives the texts of what they hold.

It opens nothing and decides nothing. It ends when nobody gives or takes any more, as when the other process was killed.
"""

import marshal
import os
import signal
import sys
from collections.abc import Iterator
from typing import IO, Any

from reconciler.load.options import Options
from reconciler.load.place import Here
from reconciler.load.reading import read
from reconciler.load.reading_text import as_text

_LENGTH = 8
_NOWHERE = Here("", "", "")  # what has problems is read again by whoever knows where it lies


def put(stream: IO[bytes], value: Any) -> None:
    """Give a value of plain types to the other process.

    Raises:
        OSError: it takes none any more.
    """
    data = marshal.dumps(value)
    stream.write(len(data).to_bytes(_LENGTH, "big") + data)
    stream.flush()


def values(stream: IO[bytes]) -> Iterator[Any]:
    """The values that the other process gives, until it gives no more.

    Raises:
        EOFError: it broke off in the middle of one.
    """
    while length := stream.read(_LENGTH):
        yield marshal.loads(stream.read(int.from_bytes(length, "big")))  # noqa: S302 - by a process of our own


def serve(given: IO[bytes], taken: IO[bytes]) -> None:
    """Take the variables, then lists of contents; give for each of those the texts of what it holds."""
    several = values(given)
    options = Options(variables=next(several, {}))
    for datas in several:
        put(taken, [as_text(read(data, _NOWHERE, options, alone=False), data) for data in datas])


def main() -> None:
    """Serve the process that started this one; whether work goes on is its to say, so that it alone is interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "wb") as taken:
        os.dup2(2, 1)  # whatever a library may print
        try:
            serve(sys.stdin.buffer, taken)
        except BrokenPipeError:
            os._exit(1)
