"""The console log of a docker target: what its instances printed, read from the engine, each line once.

Instances print to the engine, so they go on when no warden reads. Each container has a thread that waits for its
next line, and one thread writes, in rounds, so that one that prints without end holds up nobody.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from queue import Empty, Queue

from reconciler.errors import ProviderError
from reconciler.keeper.console import ROUND_BYTES, ROUND_S, ROW_BYTES, console_row
from reconciler.keeper.lines import CUT
from reconciler.keeper.rows import Row, Rows, place_of, time_text
from reconciler.keeper.say import say
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.notes import seconds, write_note
from reconciler.providers.docker.printed import Piece, Position, Printed
from reconciler.providers.hosting.layout import Layout

POSITIONS = "console.positions.json"
# Lines that wait for the writer: of 16 kB each at most, so 32 MB.
_WAITING = 2000


@dataclass(frozen=True)
class _Line:
    """A line, cut where it is too long; None for what was cut off."""

    container: str
    name: str
    text: str | None
    position: Position


@dataclass(frozen=True)
class _Gone:
    """No more lines of a container come."""

    container: str


class Console:
    """Follows containers, and writes what they print. Its methods are for one thread."""

    def __init__(
        self,
        engine: Engine,
        layout: Layout,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine = engine
        self._queue: Queue[_Line | _Gone | None] = Queue(_WAITING)
        self._positions = Positions(layout.warden / POSITIONS, layout.console)
        self._followers: dict[str, _Follower] = {}
        self._rows = Rows(layout.console)
        self._sleep = sleep
        self._writer = threading.Thread(target=self._write, name="console", daemon=True)
        self._writer.start()

    def follow(self, container: str, name: str) -> None:
        """Read what a container prints, and has printed since it was read last; read on if its log had ended."""
        follower = self._followers.get(container)
        if follower is None:
            after = self._positions.of(container)
            self._followers[container] = _Follower(self._engine, container, name, after, self._queue.put)
        else:
            follower.again()

    def leave(self, container: str) -> None:
        """Read what a container that is gone has printed to its end, then no more."""
        follower = self._followers.pop(container, None)
        if follower:
            follower.leave()

    def keep_only(self, containers: set[str]) -> None:
        """Leave those that are gone, also those that only an earlier warden knew."""
        for container in self._followers.keys() - containers:
            self.leave(container)
        for container in self._positions.known() - containers - self._followers.keys():
            self._queue.put(_Gone(container))

    def close(self) -> None:
        """Write what was read until now. What comes then is for the next warden."""
        self._queue.put(None)
        self._writer.join()

    def _write(self) -> None:
        """Write lines, a round at a time, until there is an end to it."""
        for batch in self._rounds():
            rows = [row for each in batch if isinstance(each, _Line) for row in _rows(each)]
            if rows:
                self._rows.append(rows)
            for each in batch:
                if isinstance(each, _Line):
                    self._positions.put(each.container, each.position)
                else:
                    self._positions.drop(each.container)
            self._positions.save()

    def _rounds(self) -> Iterator[list[_Line | _Gone]]:
        while (item := self._queue.get()) is not None:
            self._sleep(ROUND_S)
            batch, cost = list[_Line | _Gone](), 0
            try:
                while item is not None:
                    batch.append(item)
                    cost += ROW_BYTES + (len(item.text or "") if isinstance(item, _Line) else 0)
                    if cost >= ROUND_BYTES:
                        break
                    item = self._queue.get_nowait()
            except Empty:
                pass
            yield batch
            if item is None:
                return


class _Follower:
    """The thread that reads one container's log, run after run."""

    def __init__(
        self, engine: Engine, container: str, name: str, after: Position, put: Callable[[_Line | _Gone], None]
    ) -> None:
        self._engine = engine
        self._container = container
        self._name = name
        self._after = after
        self._put = put
        self._wanted = threading.Event()
        self._wanted.set()
        self._leaving = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def again(self) -> None:
        """There is, or may be, another run to read."""
        self._wanted.set()

    def leave(self) -> None:
        """There is none to come."""
        self._leaving = True
        self._wanted.set()

    def _run(self) -> None:
        while not self._leaving:
            self._wanted.wait()
            self._wanted.clear()
            try:
                self._read()
            except ProviderError as error:
                # The engine is gone, or going: the warden asks for more once it is back.
                say(f"{self._name}: {error}")
        self._put(_Gone(self._container))

    def _read(self) -> None:
        for piece in Printed(self._engine, self._container, after=self._after, follow=True):
            goes_on = self._after.inside and piece.position.moment == self._after.moment
            self._after = piece.position
            text = None if goes_on else _text(piece)
            self._put(_Line(self._container, self._name, text, piece.position))


class Positions:
    """How far containers were read, on disk, and how long the console log was then: the next warden goes on from there.

    Rows that were written after that are cut off when it begins, and read again.
    """

    def __init__(self, path: Path, log: Path) -> None:
        self._path = path
        self._log = log
        self._held: dict[str, Position] = {}
        self._silent = False
        try:
            self._load()
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError) as error:
            say(f"{self._path} cannot be read, so lines may come twice: {error}")

    def of(self, container: str) -> Position:
        """How far one was read."""
        return self._held.get(container, Position())

    def known(self) -> set[str]:
        """Those of which something was read."""
        return set(self._held)

    def put(self, container: str, position: Position) -> None:
        """One was read so far."""
        self._held[container] = position

    def drop(self, container: str) -> None:
        """One is gone."""
        self._held.pop(container, None)

    def save(self) -> None:
        """Write them down."""
        held = {container: astuple(position) for container, position in self._held.items()}
        try:
            write_note(self._path, {"log": _extent(self._log), "containers": held})
        except OSError as error:
            if not self._silent:
                say(f"{self._path} cannot be written; lines may come twice after a restart: {error}")
            self._silent = True
        else:
            self._silent = False

    def _load(self) -> None:
        found = json.loads(self._path.read_bytes())
        self._held = {container: Position(*facts) for container, facts in found["containers"].items()}
        (file, size), (present, length) = found["log"], _extent(self._log)
        # A file that was begun since then has nothing but what came after.
        known = size if file == present else 0
        if length > known:
            os.truncate(self._log, known)


def _extent(log: Path) -> tuple[int, int]:
    """Which file a log is, and how long."""
    try:
        facts = log.stat()
    except FileNotFoundError:
        return 0, 0
    return facts.st_ino, facts.st_size


def _rows(line: _Line) -> Iterator[Row]:
    if line.text is not None:
        yield console_row(place_of(line.name), time_text(seconds(line.position.moment)), line.text)


def _text(piece: Piece) -> str:
    text = piece.text.removesuffix(b"\r").decode(errors="replace")
    return text + CUT if piece.position.inside else text
