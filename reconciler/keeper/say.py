"""The keeper's own log: lines with a time on its standard error."""

import contextlib
import os
import time

from reconciler.render.values import log_line

_STDERR = 2


def say(message: str) -> None:
    """Write one line. Where it cannot be written, as on a full disk, there is nobody to tell, and keeping goes on."""
    line = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {log_line(message)}\n"
    with contextlib.suppress(OSError):
        os.write(_STDERR, line.encode(errors="replace"))
