"""What a container printed, as the engine kept it: piece by piece, each with its time, from any place on."""

import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.notes import seconds

if TYPE_CHECKING:
    from docker.types.daemon import CancellableStream

# Engines keep a longer line in pieces of this size, all with the time of the first.
PIECE_BYTES = 16_384
# What an engine answers of a container that is not there, and of one that is about to be removed.
_GONE = (404, 409)


@dataclass(frozen=True, order=True)
class Position:
    """How far a container's log was read.

    Args:
        moment: the time of the last piece, as the engine writes it.
        number: which of the pieces of that time it was.
        inside: whether its line goes on.
    """

    moment: str = ""
    number: int = 0
    inside: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Piece:
    """A line, or a piece of one.

    Args:
        position: that of its end.
    """

    text: bytes
    position: Position


def pieces(frames: Iterable[bytes], after: Position = Position()) -> Iterator[Piece]:
    """The pieces of frames that the engine sent with times, but for those up to a position."""
    last, passed = Position(), not after.moment
    for frame in frames:
        moment, _, text = frame.partition(b" ")
        # What a container printed last is whole without a line end.
        inside = not text.endswith(b"\n") and len(text) >= PIECE_BYTES
        last = Position(moment.decode(), last.number + 1 if moment.decode() == last.moment else 1, inside)
        # Times go back where the clock was set: what comes after the position is later by its place.
        passed = passed or last > after
        if passed:
            yield Piece(text.removesuffix(b"\n"), last)


def lines(found: Iterable[Piece]) -> Iterator[bytes]:
    """Whole lines, of whatever length; a last one whose end is yet to come is left out."""
    begun: dict[str, bytes] = {}
    for piece in found:
        text = begun.pop(piece.position.moment, b"") + piece.text
        if piece.position.inside:
            begun[piece.position.moment] = text
        else:
            yield text


class Printed:
    """The log of one container, read once: to its end, or as long as the container runs.

    Iterating over it raises a ProviderError where the engine refuses, or is gone.
    """

    def __init__(
        self,
        engine: Engine,
        container: str,
        *,
        after: Position = Position(),
        tail: int | None = None,
        follow: bool = False,
    ) -> None:
        self._engine = engine
        self._container = container
        # How far it was read.
        self.position = after
        self._tail = tail
        self._follow = follow
        # Whether there turned out to be no such container.
        self.gone = False
        self._stream: CancellableStream[bytes] | None = None
        self._closed = False

    def __iter__(self) -> Iterator[Piece]:
        """Yield its pieces; none where there is no such container."""
        from docker.errors import APIError  # noqa: PLC0415 - 300 ms

        since = int(seconds(self.position.moment)) if self.position.moment else None
        with self._engine.doing(f"the log of container {self._container[:12]} cannot be read"):
            try:
                self._stream = self._engine.api.logs(
                    self._container,
                    stream=True,
                    follow=self._follow,
                    timestamps=True,
                    tail="all" if self._tail is None else self._tail,
                    since=since,
                )
            except APIError as error:
                if error.status_code not in _GONE:
                    raise
                self.gone = True
                return
            try:
                for piece in pieces(self._stream, self.position):
                    self.position = piece.position
                    yield piece
            except (struct.error, ValueError, AttributeError) as error:
                # So it looks when the connection ends in the middle of a frame, or is closed by another thread.
                if not self._closed:
                    raise ProviderError(f"the log of container {self._container[:12]} broke off: {error}") from error

    def close(self) -> None:
        """Have whoever reads it find its end."""
        self._closed = True
        if self._stream is not None:
            # The SDK looks for a socket that is not there any more where the end was found just now.
            with suppress(AttributeError, OSError):
                self._stream.close()
