"""Other processes read some of the files, where there are many that no cache knows and more than one processor.

Each is a Python of its own that is given contents and gives texts, so that it does not matter what threads and
connections this process has. They are no one's to rely on: what one that fails was given is read here.
"""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from reconciler.core.secret import without_secrets
from reconciler.frozen import dataclass
from reconciler.load.reader import put, values
from reconciler.load.yaml.text import MAX_BYTES

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_MAIN = """import sys
sys.path.insert(0, sys.argv[1])
from reconciler.load.reader import main
main()"""

# A thread of this process may have to wait for others of it, and its reader is to be at work until then.
_AHEAD = 2

Part = Sequence[int]
"""Numbers of files that are handed out together."""


def processors(quota: Path = _QUOTA) -> int:
    """How many processors this process may use, as far as the system says; a container may have less than there are."""
    known = hasattr(os, "sched_getaffinity")
    count = len(os.sched_getaffinity(0)) if known else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        most, period = map(int, quota.read_text("ascii").split())  # `max` is no number
        count = min(count, most // period)
    return max(count, 1)


@dataclass(frozen=True)
class Readers:
    """How files are shared out.

    Args:
        processors: how many may be used.
        worth: so many bytes to read are worth a process, which takes a tenth of a second to begin.
        part: so many are handed out at a time.
        most: how many processes there are at the most.
        python: the interpreter; empty where it is not known.
        patience_s: how long others may take for what they have when all else is read.
    """

    processors: Callable[[], int] = processors
    worth: int = 500_000
    part: int = 50_000
    most: int = 7
    python: str = sys.executable or ""
    patience_s: float = 60

    def share_out(
        self,
        datas: Mapping[int, bytes],
        variables: Mapping[str, str],
        read_here: Callable[[int], None],
        meanwhile: Callable[[], None] | None = None,
    ) -> dict[int, bytes]:
        """Have some files read elsewhere, and meanwhile read others here.

        Args:
            datas: the contents, by numbers.
            variables: what replaces `{{NAME}}` in them.
            read_here: reads the file of a number.
            meanwhile: what else there is to do, which comes first as others cannot do it.

        Returns:
            The texts of readings. What neither has one nor was read here is still to be read, as what has problems.
        """
        fit = {number: data for number, data in datas.items() if len(data) <= MAX_BYTES}
        helpful = min(sum(map(len, fit.values())) // self.worth, self.most)
        count = min(helpful, self.processors() - 1) if helpful and self.python else 0
        if count < 1:
            return {}
        share = _Share(fit, deque(_parts(fit, self.part)))
        with _started(self.python, count, variables, share.hand_out) as threads:
            if meanwhile:
                meanwhile()
            share.work(read_here)
            for thread in threads:
                thread.join(self.patience_s)
        return dict(share.texts)


class _Share:
    """Files that wait to be read, by whoever comes first."""

    def __init__(self, datas: Mapping[int, bytes], parts: deque[Part]) -> None:
        self.texts: dict[int, bytes] = {}
        self._datas, self._parts = datas, parts

    def work(self, read_here: Callable[[int], None]) -> None:
        """Read files here until none waits."""
        for part in self._taken():
            for number in part:
                read_here(number)

    def hand_out(self, reader: "subprocess.Popen[bytes]", variables: Mapping[str, str]) -> None:
        """Have one reader read files until none waits, or it fails."""
        assert reader.stdin is not None  # noqa: S101 - it was started with pipes
        assert reader.stdout is not None  # noqa: S101
        answers, given_out = values(reader.stdout), deque[Part]()
        with suppress(OSError, EOFError, StopIteration, ValueError, TypeError), reader.stdin as given:
            put(given, dict(variables))
            for part in self._taken():
                put(given, [self._datas[number] for number in part])
                given_out.append(part)
                if len(given_out) > _AHEAD:
                    self._take_in(given_out.popleft(), next(answers))
            for part in given_out:
                self._take_in(part, next(answers))

    def _take_in(self, part: Part, answer: Sequence[bytes]) -> None:
        self.texts.update({number: text for number, text in zip(part, answer, strict=True) if text})

    def _taken(self) -> Iterator[Part]:
        with suppress(IndexError):
            while True:
                yield self._parts.popleft()


def _parts(datas: Mapping[int, bytes], size: int) -> Iterator[Part]:
    """The files in parts of about one size."""
    part, length = list[int](), 0
    for number, data in datas.items():
        part.append(number)
        length += len(data)
        if length >= size:
            yield part
            part, length = [], 0
    if part:
        yield part


@contextmanager
def _started(
    python: str,
    count: int,
    variables: Mapping[str, str],
    hand_out: Callable[["subprocess.Popen[bytes]", Mapping[str, str]], None],
) -> Iterator[list[threading.Thread]]:
    """Threads that look after a reader each; none of either outlives the block."""
    # Without -P a folder `reconciler` of whoever's repository this is would be imported.
    words = [python, "-P", "-c", _MAIN, str(Path(__file__).parent.parent.parent)]
    environ, threads = without_secrets(os.environ), list[threading.Thread]()
    readers: list[subprocess.Popen[bytes]] = []
    try:
        with suppress(OSError, RuntimeError):  # there may be no more processes or threads to have
            for _ in range(count):
                pipe = subprocess.PIPE
                readers.append(subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environ))
                thread = threading.Thread(target=hand_out, args=(readers[-1], variables), daemon=True)
                thread.start()
                threads.append(thread)
        yield threads
    finally:
        for reader in readers:
            reader.kill()
        for thread in threads:
            thread.join()
        for reader in readers:
            with suppress(OSError), reader:
                pass
