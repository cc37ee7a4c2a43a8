"""The engine's events, one after the other without a gap, over engines that come and go."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from reconciler.errors import ProviderError
from reconciler.keeper.say import say
from reconciler.providers.docker.containers import KIND
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.names import Names
from reconciler.providers.docker.sightings import WORTHWHILE, Happening, happening

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0


@dataclass(frozen=True)
class Connected:
    """The engine answers; what happened while it was not listened to follows, as far as it remembers."""


@dataclass(frozen=True)
class Lost:
    """The engine answers no more."""


Word = Happening | Connected | Lost


class Listening:
    """A thread that listens to what befalls the instances of a project.

    Args:
        after: nanoseconds since the epoch; what happened until then is known.
        tell: is told everything, in order.
    """

    def __init__(self, engine: Engine, names: Names, after: int, tell: Callable[[Word], None]) -> None:
        self._engine = engine
        self._names = names
        self._after = after
        self._tell = tell
        self._over = threading.Event()
        threading.Thread(target=self._run, name="events", daemon=True).start()

    def end(self) -> None:
        """Do not connect again."""
        self._over.set()

    def _run(self) -> None:
        delay_s, complaint = FIRST_DELAY_S, ""
        while not self._over.wait(delay_s if complaint else 0.0):
            try:
                self._listen()
                delay_s, complaint = FIRST_DELAY_S, "the engine ended the connection"
            except ProviderError as error:
                # An engine that is gone for a day is told once, not ten thousand times.
                if str(error) != complaint:
                    say(f"{error}; it is tried again")
                delay_s, complaint = min(2 * delay_s, LONGEST_DELAY_S), str(error)
            self._tell(Lost())

    def _listen(self) -> None:
        """Listen until the connection ends.

        Raises:
            ProviderError: there is none.
        """
        from docker.errors import StreamParseError  # noqa: PLC0415 - 300 ms

        with self._engine.doing("the engine's events cannot be read"):
            stream = self._engine.api.events(
                since=self._after // 1_000_000_000,
                decode=True,
                filters={"type": "container", "event": list(WORTHWHILE), **self._names.filter(KIND)},
            )
            say("the engine is listened to")
            self._tell(Connected())
            # An engine that dies in the middle of an event tells it again, as one that happened meanwhile.
            with suppress(StreamParseError):
                for event in stream:
                    self._hear(happening(event))

    def _hear(self, found: Happening) -> None:
        if found.at > self._after:
            self._after = found.at
            self._tell(found)
