"""Git asked without GitPython, which takes 0.1 s to import: many questions to one process, and one deadline for all."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from subprocess import DEVNULL, PIPE
from typing import IO

from reconciler.load.repository.git import FILTERS, Unanswered, filters_off, program, quiet, settings_of

_CHUNK = 1 << 20
_AT_A_TIME = 64
_TOO_SLOW = "git took too long"

Differences = Callable[[Sequence[tuple[str, str]]], list[bytes]]
"""Tells how commits differ from others."""


class Direct:
    """Git in the folder of a repository; whatever is asked of one ends by the same deadline."""

    def __init__(self, root: str, *, patience_s: float) -> None:
        self._root, self._end = root, time.monotonic() + patience_s
        self._program, self._environ = program(), {**quiet(), "LC_ALL": "C"}

    def told(self, *words: str, say: bytes = b"", unfiltered: bool = False) -> bytes:
        """What a command of git prints that is given `say` to read.

        Raises:
            Unanswered: it ended with an error, or not in time.
        """
        apart = {**settings_of(self._filters_off()), "GIT_WORK_TREE": self._root} if unfiltered else {}
        return self._run(words, apart, say=say).stdout

    def compared(self, *words: str, settings: Mapping[str, str]) -> bytes:
        """What a command of git prints that compares files as they are, by no filter.

        Args:
            words: the command.
            settings: by which it compares them.

        Raises:
            Unanswered: it ended with an error, or not in time, or warned of something.
        """
        apart = {**settings_of({**self._filters_off(), **settings}), "GIT_WORK_TREE": self._root}
        done = self._run(words, apart)
        if done.stderr:
            raise Unanswered(_said_first(done.stderr))
        return done.stdout

    def _run(
        self, words: Sequence[str], apart: Mapping[str, str], *, say: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [self._program, *words],
                cwd=self._root,
                env={**self._environ, **apart},
                input=say,
                capture_output=True,
                timeout=self._left(),
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise Unanswered(_TOO_SLOW) from error
        except subprocess.CalledProcessError as error:
            raise Unanswered(_said_first(error.stderr)) from error
        except OSError as error:
            raise Unanswered(str(error)) from error

    def _filters_off(self) -> dict[str, str]:
        try:
            return filters_off(self.told(*FILTERS))
        except Unanswered as error:
            if str(error):
                raise
            return {}  # git ends with an error, and says nothing, where there are none

    def contents(self, ids: Sequence[str]) -> list[bytes]:
        """What objects hold.

        Raises:
            Unanswered: one is not there.
        """
        if not ids:
            return []
        said = self.told("cat-file", "--batch", say="".join(f"{each}\n" for each in ids).encode())
        found, start = [], 0
        for _ in ids:
            end = said.index(b"\n", start)
            name, *facts = said[start:end].decode("ascii").split(" ")
            if len(facts) != 2:
                raise Unanswered(f"{name} is missing from the repository")
            start = end + 2 + int(facts[1])
            found.append(said[end + 1 : start - 1])
        return found

    @contextmanager
    def lines(self, *words: str) -> Iterator[Iterator[str]]:
        """The lines that a command prints, each as it comes; it is ended when nobody wants more of them.

        Raises:
            Unanswered: they do not end in time.
        """
        with self._running(*words) as (_, printed):
            yield self._lines(printed)

    def _lines(self, printed: IO[bytes]) -> Iterator[str]:
        for line in printed:
            yield line.decode("ascii", "replace").rstrip("\n")
        if not self._left():
            raise Unanswered(_TOO_SLOW)

    @contextmanager
    def differences(self, *words: str) -> Iterator[Differences]:
        """Give what tells how commits differ from others, as `git diff-tree` prints it; one process for all pairs.

        Raises:
            Unanswered: a commit is not there.
        """
        with self._running("diff-tree", "--stdin", *words) as (asking, printed):

            def differences(pairs: Sequence[tuple[str, str]]) -> list[bytes]:
                # So few at a time that a pipe takes them all, whether or not git reads on.
                some = (pairs[start : start + _AT_A_TIME] for start in range(0, len(pairs), _AT_A_TIME))
                return [part for each in some for part in self._parts(asking, printed, each)]

            yield differences

    def _parts(self, asking: IO[bytes], printed: IO[bytes], pairs: Sequence[tuple[str, str]]) -> Iterator[bytes]:
        """What is printed of each pair; git repeats a line that names no commit, which tells that a pair is done."""
        marks = [f"= {commit} {other}\n".encode() for commit, other in pairs]
        try:
            asking.write(b"".join(mark.removeprefix(b"= ") + mark for mark in marks))
            asking.flush()
        except OSError as error:
            raise self._broken_off() from error
        said = b""
        for mark in marks:
            while mark not in said:
                more = os.read(printed.fileno(), _CHUNK)
                if not more:
                    raise self._broken_off()
                said += more
            part, _, said = said.partition(mark)
            yield part

    def _broken_off(self) -> Unanswered:
        why = "git broke off; `git fsck` tells whether the repository is whole"
        return Unanswered(why if self._left() else _TOO_SLOW)

    @contextmanager
    def _running(self, *words: str) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """A process, by what it reads and what it prints; at the deadline it is killed."""
        argv = [self._program, *words]
        with subprocess.Popen(
            argv, cwd=self._root, env=self._environ, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        ) as process:
            limit = threading.Timer(self._left(), process.kill)
            limit.start()
            try:
                assert process.stdin  # noqa: S101 - it was started with pipes
                assert process.stdout  # noqa: S101
                yield process.stdin, process.stdout
            finally:
                limit.cancel()
                process.kill()

    def _left(self) -> float:
        return max(0.0, self._end - time.monotonic())


def _said_first(errors: bytes) -> str:
    return (os.fsdecode(errors).splitlines() or [""])[0]
