"""In a terminal `mlops apply` asks, and draws what it does."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from command_line import MLOPS, PATIENCE_S, Repository, environ

PROMPT = "Only `yes` is taken for a yes: "


class Terminal:
    """A command that runs in a pseudo-terminal."""

    def __init__(self, repo: Repository, *words: str) -> None:
        self._here, there = pty.openpty()
        env = environ(TERM="xterm-256color", COLUMNS="120", LINES="40")
        self.process = subprocess.Popen(
            [MLOPS, *words], cwd=repo.folder, env=env, stdin=there, stdout=there, stderr=there, start_new_session=True
        )
        os.close(there)
        self._seen = b""

    @property
    def text(self) -> str:
        """What was printed, without what moves the cursor or colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._seen.decode(errors="replace"))

    def until(self, part: str) -> None:
        """Read until a text was printed."""
        deadline = time.monotonic() + PATIENCE_S
        while part not in self.text:
            assert time.monotonic() < deadline, self.text
            assert self._read(), self.text

    def says(self, line: str) -> None:
        os.write(self._here, line.encode() + b"\n")

    def interrupt(self) -> None:
        """Press Ctrl-C until it is taken: one that comes just before the answer is waited for waits for it too."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=1)

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        while self._read():
            pass
        return self.process.wait(timeout=PATIENCE_S)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._here)

    def _read(self) -> bool:
        """Read what there is; False at the end, which Linux tells by an error."""
        ready, _, _ = select.select([self._here], [], [], PATIENCE_S)
        assert ready, self.text
        with contextlib.suppress(OSError):
            found = os.read(self._here, 65536)
            self._seen += found
            return bool(found)
        return False


@pytest.fixture
def terminal(repo: Repository) -> Iterator[Terminal]:
    """`mlops apply`, up to its question."""
    terminal = Terminal(repo, "apply")
    try:
        terminal.until(PROMPT)
        yield terminal
    finally:
        terminal.close()


def test_the_plan_is_shown_before_the_question(terminal: Terminal):
    assert "#4 + create deployment/credit/blue (new, after #1 #2 #3)" in terminal.text


def test_yes_applies_and_draws_every_step(terminal: Terminal, repo: Repository):
    terminal.says("yes")
    assert terminal.end() == 0
    assert "✓ route endpoint/credit" in terminal.text
    assert "Apply: 5 succeeded." in terminal.text
    assert len(repo.live()) == 4


@pytest.mark.parametrize("answer", ["no", "YES"])
def test_anything_but_yes_changes_nothing(terminal: Terminal, repo: Repository, answer: str):
    terminal.says(answer)
    assert terminal.end() == 1
    assert "Nothing was changed." in terminal.text
    assert not (repo.folder / "live.jsonl").exists()


def test_an_end_of_input_changes_nothing(terminal: Terminal, repo: Repository):
    terminal.says("\x04")
    assert terminal.end() == 1
    assert not (repo.folder / "live.jsonl").exists()


def test_ctrl_c_at_the_question_changes_nothing(terminal: Terminal, repo: Repository):
    terminal.interrupt()
    assert terminal.end() == 130
    assert "\nmlops: interrupted before the first step; nothing that is live was changed" in terminal.text
    assert not (repo.folder / "live.jsonl").exists()
