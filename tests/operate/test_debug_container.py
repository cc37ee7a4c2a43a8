"""What a server in a container printed last is shown before it is said how the server ended."""

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from docker.utils import socket as frames

from reconciler.core.address import Address
from reconciler.errors import MlopsError
from reconciler.operate.debug_container import _Container

BLUE = Address.parse("deployment/credit/blue")
WHY = b"FileNotFoundError: [Errno 2] No such file or directory: 'nowhere'\n"


class Engine:
    """One whose container ends at once, as its script cannot be loaded."""

    def __init__(self) -> None:
        self.api = SimpleNamespace(attach_socket=lambda *_, **__: None, start=lambda _: None, wait=self._wait)

    @contextmanager
    def doing(self, _what: str) -> Iterator[None]:
        yield

    def _wait(self, *_: object, **__: object) -> Any:
        return {"StatusCode": 3}


def test_what_came_late_of_a_server_that_failed_stands_before_how_it_ended(monkeypatch: pytest.MonkeyPatch):
    engine, shown = Engine(), io.StringIO()
    running = _Container(BLUE, engine, "box", io.StringIO())  # type: ignore[arg-type] - it does as one

    def late(*_: object, **__: object) -> Iterator[tuple[int, bytes]]:
        running._ended.wait()
        threading.Event().wait(0.2)
        yield frames.STDERR, WHY

    monkeypatch.setattr(frames, "frames_iter", late)
    monkeypatch.setattr(sys, "stderr", shown)
    running.start()
    with pytest.raises(MlopsError, match="cannot be served, see above"):
        running.await_listening()
    assert shown.getvalue().encode() == WHY
