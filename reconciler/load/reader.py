"""A process that reads files for another one: it takes their contents, and gives the texts of what they hold.

It opens nothing and decides nothing. It ends when nobody gives or takes any more, as when the other process was killed.
"""

import gc
import marshal
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread
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
    several = _ahead(given)
    options = Options(variables=next(several, {}))
    for datas in several:
        put(taken, [as_text(read(data, _NOWHERE, options, alone=False), data) for data in datas])


def _ahead(given: IO[bytes]) -> Iterator[Any]:
    """The values that the other process gives, taken as they come: it never waits until what it gave before is read."""
    from queue import SimpleQueue  # noqa: PLC0415 - whoever gives has no need of one

    waiting = SimpleQueue[Any]()

    def take() -> None:
        with suppress(OSError, EOFError, ValueError):
            for value in values(given):
                waiting.put(value)
        waiting.put(None)

    Thread(target=take, daemon=True).start()
    return iter(waiting.get, None)


def main() -> None:
    """Serve the process that started this one; whether work goes on is its to say, so that it alone is interrupted."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # as in the process that reads on
    with os.fdopen(os.dup(0), "rb") as given, os.fdopen(os.dup(1), "wb") as taken:
        os.dup2(2, 1)  # whatever a library may print
        try:
            serve(given, taken)
        except BrokenPipeError:
            os._exit(1)
