"""What a container printed, as the engine kept it: piece by piece, each with its time, from any place on."""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.errors import ProviderError
from reconciler.providers.docker.engine import Engine
from reconciler.providers.docker.sightings import seconds

if TYPE_CHECKING:
    from docker.types.daemon import CancellableStream

# Engines keep a longer line in pieces of this size, all with the time of the first.
PIECE_BYTES = 16_384


@dataclass(frozen=True, order=True)
class Position:
    """How far a container's log was read: the time of a piece as the engine writes it, and which of that time."""

    moment: str = ""
    number: int = 0


@dataclass(frozen=True)
class Piece:
    """A line, or a piece of one.

    Args:
        whole: whether a line ends here; what a container printed last needs no line end for that.
    """

    text: bytes
    whole: bool
    position: Position


def pieces(frames: Iterable[bytes], after: Position = Position()) -> Iterator[Piece]:  # noqa: B008 - it is a value
    """The pieces of frames that the engine sent with times, but for those up to a position."""
    last, passed = Position(), not after.moment
    for frame in frames:
        moment, _, text = frame.decode("latin-1").partition(" ")
        last = Position(moment, last.number + 1 if moment == last.moment else 1)
        # Times go back where the clock was set: what comes after the position is later by its place.
        passed = passed or last > after
        if passed:
            raw = text.encode("latin-1")
            yield Piece(raw.removesuffix(b"\n"), raw.endswith(b"\n") or len(raw) < PIECE_BYTES, last)


def lines(found: Iterable[Piece]) -> Iterator[bytes]:
    """Whole lines, of whatever length; a last one whose end is yet to come is left out."""
    begun: dict[str, bytes] = {}
    for piece in found:
        text = begun.pop(piece.position.moment, b"") + piece.text
        if piece.whole:
            yield text
        else:
            begun[piece.position.moment] = text


class Printed:
    """The log of one container, read once: to its end, or as long as the container runs.

    Iterating over it raises a ProviderError where the engine refuses, or is gone.
    """

    def __init__(
        self,
        engine: Engine,
        container: str,
        *,
        after: Position = Position(),  # noqa: B008 - it is a value
        tail: int | None = None,
        follow: bool = False,
    ) -> None:
        self._engine = engine
        self._container = container
        self._after = after
        self._tail = tail
        self._follow = follow
        self._stream: CancellableStream | None = None
        self._closed = False

    def __iter__(self) -> Iterator[Piece]:
        """Yield its pieces; none where there is no such container."""
        from docker.errors import NotFound  # noqa: PLC0415 - 300 ms

        since = int(seconds(self._after.moment)) if self._after.moment else None
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
            except NotFound:
                return
            try:
                yield from pieces(self._stream, self._after)
            except (struct.error, ValueError, AttributeError) as error:
                # So it looks when the connection ends in the middle of a frame, or is closed by another thread.
                if not self._closed:
                    raise ProviderError(
                        f"the log of container {self._container[:12]} broke off: {error}"
                    ) from error

    def close(self) -> None:
        """Have whoever reads it find its end."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()
