"""The console log: what all instances printed, line by line, in the columns of AmlOnlineEndpointConsoleLog.

Instances write to logs of their own, so that they go on when no keeper reads. Those are read on from where they were
left, and cut when they have grown too long. Each look is bounded: one that prints without end holds up nobody.
"""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from reconciler.keeper.lines import timed
from reconciler.keeper.positions import load, save
from reconciler.keeper.rows import Place, Row, Rows, place_of, time_text
from reconciler.keeper.say import say
from reconciler.keeper.tail import Position, Tail
from reconciler.keeper.values import Process

NAME = "console.jsonl"
POSITIONS = "console.positions.json"
# At most 5 MB/s are written, that is 20,000 short lines, which take a tenth of a core.
ROUND_BYTES = 512 << 10
ROUND_S = 0.1
ROW_BYTES = 230  # of a row whose message is empty, about

_OPERATION = "AmlOnlineEndpointConsoleLog"
_CONTAINER = "inference-server"


def console_row(place: Place, moment: str, line: str) -> Row:
    """The row of a line that an instance printed; `moment` as `time_text` writes it."""
    return {
        "TimeGenerated": moment,
        "OperationName": _OPERATION,
        "InstanceId": place.instance,
        "EndpointName": place.endpoint,
        "DeploymentName": place.deployment,
        "ContainerName": _CONTAINER,
        "Message": line,
    }


class Console:
    """The console log in the keeper's folder, and the logs of instances that go into it, by their paths."""

    def __init__(
        self,
        folder: Path,
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._rows = Rows(folder / NAME)
        self._positions = folder / POSITIONS
        self._now = now
        self._wall = wall
        # What an earlier keeper read is read to its end, also where nobody follows it any more.
        self._tails = load(self._positions)
        self._waiting: deque[Tail] = deque(self._tails.values())
        self._next_round = 0.0
        self._changed = False
        self._silent = False
        self._complaints: set[tuple[str, str]] = set()

    def follow(self, process: Process) -> None:
        """Read a process's log from now on."""
        tail = self._tails.setdefault(process.log, Tail(process.log, Position(process.name)))
        tail.max_bytes, tail.leaving = process.log_max_bytes, False

    def ended(self, process: Process) -> None:
        """A process ended: a last line without an end is whole."""
        tail = self._tails.get(process.log)
        if tail:
            tail.end_here()
            self._wait(tail)

    def leave(self, process: Process) -> None:
        """Read a log to its end, then no more."""
        tail = self._tails.get(process.log)
        if tail:
            tail.leaving = True
            self._wait(tail)

    def has_left(self, process: Process) -> bool:
        """Tell whether a log that is to be left has been read to its end."""
        return process.log not in self._tails

    @property
    def leaving(self) -> bool:
        """Whether there are logs to be read to their ends."""
        return any(tail.leaving for tail in self._tails.values())

    def look(self) -> None:
        """Have all logs looked at, and write down how far they were read."""
        for tail in self._tails.values():
            self._wait(tail)
        self.save()

    def next_at(self) -> float:
        """When there is more to read, by the clock of `now`."""
        return self._next_round if self._waiting else float("inf")

    def read(self) -> None:
        """Read what is waiting, up to a bound, one log after the other."""
        if not self._waiting or self._now() < self._next_round:
            return
        spent = 0
        while self._waiting and spent < ROUND_BYTES:
            spent += self._read(self._waiting.popleft())
        # Somebody waits for the end of a log that is left, so that is not put off.
        self._next_round = self._now() + (0.0 if self.leaving else ROUND_S * spent / ROUND_BYTES)

    def save(self) -> None:
        """Write down how far the logs were read, if that has changed; a later save makes up for one that fails."""
        if not self._changed:
            return
        try:
            save(self._positions, self._tails)
        except OSError as error:
            if not self._silent:
                say(f"{self._positions} cannot be written; lines may come twice after a restart: {error}")
            self._silent = True
        else:
            self._changed = self._silent = False

    def _wait(self, tail: Tail) -> None:
        if tail not in self._waiting:
            self._waiting.append(tail)

    def _read(self, tail: Tail) -> int:
        """Read a piece of a log, and have it wait for its next turn if there is more; return about what it cost."""
        try:
            piece = tail.read()
        except OSError as error:
            self._give_up(tail, error)
            return 0
        if piece.lines:
            self._write(tail.position.name, piece.lines)
        cost = sum(map(len, piece.lines)) + ROW_BYTES * len(piece.lines)
        if piece.position != tail.position:
            tail.position, self._changed = piece.position, True
        if tail.is_too_long:
            self._cut(tail)
        if piece.more:
            self._wait(tail)
        elif tail.leaving:
            self._forget(tail)
        return cost

    def _write(self, name: str, lines: tuple[str, ...]) -> None:
        place = place_of(name)
        self._rows.append([console_row(place, moment, line) for moment, line in timed(lines, time_text(self._wall()))])

    def _cut(self, tail: Tail) -> None:
        """Cut what was read. The position is written down before: a keeper killed in between repeats lines."""
        try:
            tail.cut(self._save_before_cut)
        except OSError as error:
            self._complain(tail, f"cannot be cut: {error}")

    def _save_before_cut(self) -> None:
        self._changed = True
        self.save()

    def _give_up(self, tail: Tail, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            self._complain(tail, f"cannot be read: {error}")
        if tail.leaving:
            self._forget(tail)

    def _complain(self, tail: Tail, what: str) -> None:
        """Say what is wrong with a log, once."""
        if (tail.path, what) not in self._complaints:
            self._complaints.add((tail.path, what))
            say(f"{tail.path} {what}")

    def _forget(self, tail: Tail) -> None:
        self._complaints = {each for each in self._complaints if each[0] != tail.path}
        self._changed = True
        del self._tails[tail.path]
