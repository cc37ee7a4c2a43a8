"""A worker that somebody kills before its command is accepted."""

import pytest
import typer

from reconciler.cli.az_running import in_background
from reconciler.imperative import leaving


def test_a_worker_that_was_killed_before_it_was_accepted_is_told_with_an_exit_code_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(leaving, "_MAIN", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(typer.Exit) as ended:
        in_background()
    assert ended.value.exit_code == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "its worker was ended by signal 9 before it was accepted; nothing was changed" in said.err
