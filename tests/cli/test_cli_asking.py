"""Whoever is asked may press Ctrl-C at any time."""

import io
import sys

import pytest

from reconciler.cli.asking import agreed


class Pressed(io.StringIO):
    """A terminal at which Ctrl-C is pressed as soon as a text stands there, before anybody waits for an answer."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def flush(self) -> None:
        if self.getvalue().endswith(self._text):
            raise KeyboardInterrupt


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_said_of_ctrl_c_begins_a_line_however_early_it_comes(monkeypatch: pytest.MonkeyPatch):
    shown = Pressed("for a yes: ")
    monkeypatch.setattr(sys, "stdin", Keyboard("yes\n"))
    monkeypatch.setattr(sys, "stderr", shown)
    with pytest.raises(KeyboardInterrupt):
        agreed("Break it?", flag="--auto-approve")
    assert shown.getvalue().endswith("for a yes: \n")
