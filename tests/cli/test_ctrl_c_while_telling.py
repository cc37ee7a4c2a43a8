"""Ctrl-C may come in the middle of a line that is being told, whose stream then takes no other one."""

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from reconciler.cli.applying import interruptible
from reconciler.cli.saying import warn
from reconciler.cli.watching import _signals

AtWork = Callable[[], AbstractContextManager[threading.Event]]
LINE = "Interrupted: finishing the steps that run; once more stops at once.\n"


class Pressed(io.FileIO):
    """A terminal at which Ctrl-C is pressed, once, as soon as something is shown."""

    def write(self, data: object) -> int:
        first = self.tell() == 0
        taken = super().write(data)  # type: ignore[arg-type] - what a buffer gives
        if first:
            signal.raise_signal(signal.SIGINT)
        return taken


@contextmanager
def shown(file: Path) -> Iterator[None]:
    """Have standard error be such a terminal, of which all stands in a file."""
    stream = io.TextIOWrapper(io.BufferedWriter(Pressed(os.fspath(file), "w")), line_buffering=True)
    with stream, pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        yield


@contextmanager
def in_steps() -> Iterator[threading.Event]:
    """As a watch has it while steps of an apply run."""
    with _signals() as heard:
        heard.in_steps = True
        yield heard.stop


@contextmanager
def in_apply() -> Iterator[threading.Event]:
    """As an apply has it."""
    stop = threading.Event()
    with interruptible(stop):
        yield stop


@pytest.mark.parametrize("at_work", [in_apply, in_steps])
def test_ctrl_c_in_the_middle_of_a_line_is_taken_note_of_and_told_behind_it(at_work: AtWork, tmp_path: Path):
    with at_work() as stop, shown(tmp_path / "shown"):
        warn("#1 create endpoint/credit")
    assert stop.is_set()
    assert (tmp_path / "shown").read_text().replace("\n\n", "\n") == f"#1 create endpoint/credit\n{LINE}"
