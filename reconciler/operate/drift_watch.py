"""Looking for drift again and again: what each look found that the one before did not, and outages in between."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.core.state import Drift, Turn
from reconciler.diff import since
from reconciler.errors import ManifestError, MlopsError, RefusedError
from reconciler.wishes import Drifted


@dataclass(frozen=True)
class Look:
    """What one look has to tell.

    Args:
        found: all that it found; None where nobody could look.
        turns: what is new, otherwise or gone since the last one that succeeded.
        first: whether it is the first that succeeded.
        again: whether the one before failed.
        former: what the last one that succeeded found.
        error: why nobody could look.
    """

    found: Drifted | None = None
    turns: tuple[tuple[Turn, Drift], ...] = ()
    first: bool = False
    again: bool = False
    former: Drifted | None = None
    error: str = ""


def looks(
    look: Callable[[], Drifted],
    *,
    interval_s: float,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Look]:
    """Look for ever, one interval after the other; a look that takes longer than that is followed at once.

    A failure is told once, as long as its reason stays the same, and the next interval tries again.

    Raises:
        ManifestError: there is nothing to look at from the beginning; likewise a RefusedError.
    """
    former: Drifted | None = None
    failed: str | None = None
    while True:
        began = now()
        try:
            found = look()
        except (MlopsError, OSError) as error:
            if former is None and isinstance(error, (ManifestError, RefusedError)):
                raise
            if str(error) != failed:
                yield Look(error=str(error), former=former)
            failed = str(error)
        else:
            turns = since(former.drifts if former else (), found.drifts)
            yield Look(found, turns, first=former is None, again=failed is not None, former=former)
            former, failed = found, None
        sleep(max(0.0, began + interval_s - now()))
