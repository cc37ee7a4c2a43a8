"""The keeper's own log: lines with a time on its standard error."""

import sys
import time


def say(message: str) -> None:
    """Write one line."""
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {message}\n")
    sys.stderr.flush()
