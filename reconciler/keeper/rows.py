"""A log of JSON lines that the keeper alone writes: whole lines or none, rotated by size."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.frozen import dataclass
from reconciler.keeper.logs import copy_of, shift
from reconciler.keeper.say import say

MAX_BYTES = 20_000_000
FILES = 10

# More than the longest row.
_TAIL_BYTES = 1 << 20

Row = Mapping[str, str]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Place:
    """Whose row it is; what is no instance of a deployment has neither endpoint nor deployment."""

    endpoint: str
    deployment: str
    instance: str


def place_of(name: str) -> Place:
    """Return the place of a kept process: instances are named `ENDPOINT/DEPLOYMENT/INSTANCE`."""
    parts = name.split("/")
    return Place(*parts) if len(parts) == 3 else Place("", "", name)


def is_instance(name: str) -> bool:
    """Tell whether a kept process is an instance of a deployment."""
    return place_of(name).deployment != ""


def time_text(seconds: float) -> str:
    """Return a time since the epoch as ISO 8601, UTC, with milliseconds."""
    milliseconds = int(seconds * 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(milliseconds // 1000))}.{milliseconds % 1000:03d}Z"


class Rows:
    """One such log; `.1` is the newest of its former files. Rows that cannot be written are dropped, and that is said.

    The file is opened for every write, so that it may be moved or removed at any time.
    """

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, files: int = FILES) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._dropped = 0

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows."""
        text = "".join(f"{_encode(row)}\n" for row in rows).encode()
        try:
            self._make_room(len(text))
            self._write(text)
        except OSError as error:
            if not self._dropped:
                say(f"{self._path} cannot be written, and rows are dropped until it can: {error}")
            self._dropped += len(rows)
            return
        if self._dropped:
            say(f"{self._path} is written again; {self._dropped} rows were dropped")
            self._dropped = 0

    def _make_room(self, size: int) -> None:
        try:
            present = self._path.stat().st_size
        except FileNotFoundError:
            return
        if present and present + size > self._max_bytes:
            shift(self._path, self._files)
            self._path.replace(copy_of(self._path, 1))

    def _write(self, text: bytes) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = _whole_lines(descriptor)
            try:
                while text:
                    text = text[os.write(descriptor, text) :]
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


def _whole_lines(descriptor: int) -> int:
    """Cut off the half line that a keeper killed in the middle of a write left, and return the size then."""
    size = os.fstat(descriptor).st_size
    if not size or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    start = max(0, size - _TAIL_BYTES)
    whole = start + os.pread(descriptor, _TAIL_BYTES, start).rfind(b"\n") + 1
    os.ftruncate(descriptor, whole)
    return whole
