"""What instances printed: the last lines from the engine, and those to come of all that there are by then."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from queue import Empty, Full, Queue

from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.printed import Position, Printed, lines

# How often it is looked for new instances, and for new runs of one that has ended.
_LOOK_S = 0.5
_WAITING = 1000

# The name of an instance, and what it printed.
_Line = tuple[str, str]
# The engine's own names of containers, which nobody can change, by instance.
Identify = Callable[[], Mapping[str, str]]


def log_lines(
    engine: Engine,
    instances: Callable[[], Sequence[str]],
    identify: Identify,
    *,
    tail: int,
    follow: bool,
) -> Iterator[str]:
    """The last lines of the instances that there are now, then, with `follow`, what comes after this call.

    It never ends by itself where it follows.

    Args:
        instances: which there are, by name.
        identify: asks the engine for the containers.
        tail: how many lines of each.

    Raises:
        ProviderError: the engine does not answer.
    """
    wanted, containers = instances(), identify()
    last = {name: _Last(engine, containers[name], tail) for name in wanted if name in containers}
    return _lines(last, _Following(engine, identify) if follow else None, instances)


def _lines(
    last: Mapping[str, "_Last"], following: "_Following | None", instances: Callable[[], Sequence[str]]
) -> Iterator[str]:
    for name, found in last.items():
        for line in found.lines:
            yield f"{name}: {line}" if len(last) > 1 else line
    if following is not None:
        with following:
            for name, found in last.items():
                following.join(name, found.container, found.position)
            yield from following.lines(instances)


class _Last:
    """The last lines of one container, and up to where that is."""

    def __init__(self, engine: Engine, container: str, tail: int) -> None:
        self.container = container
        self.position = Position()
        # Even where no line is wanted it is to be known where those to come begin.
        pieces = list(Printed(engine, container, tail=max(tail, 1)))
        if pieces:
            self.position = pieces[-1].position
        self.lines = [_text(line) for line in lines(pieces)][-tail:] if tail else []


class _Following:
    """Threads that wait for the next line of each instance."""

    def __init__(self, engine: Engine, identify: Identify) -> None:
        self._engine = engine
        self._identify = identify
        # No longer than a slow reader can bear: the engine keeps the rest.
        self._queue: Queue[_Line | ProviderError] = Queue(_WAITING)
        self._open: dict[str, Printed] = {}
        self._known: set[str] = set()
        self._over = threading.Event()

    def __enter__(self) -> "_Following":
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for no more."""
        self._over.set()
        for printed in list(self._open.values()):
            printed.close()

    def join(self, name: str, container: str, after: Position) -> None:
        """Follow one more instance."""
        self._known.add(name)
        threading.Thread(target=self._follow, args=(name, container, after), name=f"logs {name}", daemon=True).start()

    def lines(self, instances: Callable[[], Sequence[str]]) -> Iterator[str]:
        """What comes, for ever; instances that are new are read from their beginnings."""
        look_at = time.monotonic() + _LOOK_S
        while True:
            with suppress(Empty):
                item = self._queue.get(timeout=_LOOK_S)
                if isinstance(item, ProviderError):
                    raise item
                name, line = item
                yield f"{name}: {line}" if len(self._known) > 1 else line
            if time.monotonic() >= look_at:
                self._join_new(set(instances()) - self._known)
                look_at = time.monotonic() + _LOOK_S

    def _join_new(self, fresh: Set[str]) -> None:
        """Follow instances from their beginnings. One in service without a container has lost it, and gets none."""
        containers = self._identify() if fresh else {}
        for name in fresh & containers.keys():
            self.join(name, containers[name], Position())
        self._known |= fresh

    def _follow(self, name: str, container: str, after: Position) -> None:
        """Hand on the lines of an instance, run after run, until it is gone."""
        gone = False
        while not gone and not self._over.is_set():
            self._open[name] = printed = Printed(self._engine, container, after=after, follow=True)
            try:
                for line in lines(printed):
                    self._hand_on((name, _text(line)))
            except ProviderError as error:
                self._hand_on(error)
                return
            after, gone = printed.position, printed.gone
            self._over.wait(_LOOK_S)

    def _hand_on(self, item: _Line | ProviderError) -> None:
        while not self._over.is_set():
            with suppress(Full):
                self._queue.put(item, timeout=_LOOK_S)
                return


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").decode(errors="replace")
