"""The file of a target's minutes: one line a minute and endpoint that promises something, kept for three months."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.operate.minutes import MINUTE_S, Minute, begin_of, by_endpoint, limit_of, minute_of, minutes, resumed
from reconciler.operate.traffic import oldest, requests
from reconciler.record.files import lay_down
from reconciler.workspace import PRIVATE

# The longest window that a promise may sensibly be made over is a quarter of a year.
KEPT_S = 92 * 86400.0
MAX_BYTES = 64_000_000
_PRUNED_EVERY_S = 86400.0
# The gateway writes a request down within a second of its end.
_SETTLED_S = 5.0


def ledger_file(root: Path, target: str) -> Path:
    """Where the minutes of a target are kept, below the folder of mlops.yaml."""
    return root / PRIVATE / "attendant" / f"{target}.minutes.jsonl"


def known_minutes(file: Path, *, since: float, until: float) -> list[Minute]:
    """The minutes in a file that end after one time and begin before another, in order, each once.

    Torn lines are passed over; a file that is not there has none.
    """
    try:
        lines = file.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found = (minute for minute in map(minute_of, lines) if minute and minute.end > since and minute.begin < until)
    # A write that was cut off was made anew.
    return sorted({(each.endpoint, each.begin): each for each in found}.values(), key=_begin)


class Ledger:
    """Writes down each minute once it is over, with what the traffic log has of it.

    It resumes behind the last minute that is written, however long ago that was: the log fills the gap, as far back as
    it reaches.

    Args:
        file: where; it is made when there is something to write.
        max_bytes: of it; beyond that the older half goes.
    """

    def __init__(self, file: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._file, self._max_bytes = file, max_bytes
        self._ends: dict[str, float] = {}
        self._settled = self._pruned = float("-inf")

    def write(self, log: Sequence[Path], promised: Mapping[str, Mapping[str, Any]], now: float) -> None:
        """Write the minutes that are over by now, if there are any.

        Args:
            log: the copies of the traffic log, the oldest first.
            promised: the `slo` policies by the names of their endpoints.
            now: seconds since the epoch.

        Raises:
            OSError: the file cannot be written; the next call writes what is missing.
        """
        until = begin_of(now - _SETTLED_S)
        if until == self._settled or not promised:
            return
        # Also after a clock was set back.
        if until < self._settled or now - self._pruned >= _PRUNED_EVERY_S:
            self._take_stock(until)
            self._pruned = now
        first = oldest(log)
        # Where nothing was ever asked, the last minute was one without requests.
        since = {name: resumed(self._ends.get(name), first) or until - MINUTE_S for name in promised}
        answered = by_endpoint(requests(log, since=min(since.values())))
        fresh = [
            minute
            for name, slo in promised.items()
            for minute in minutes(name, answered.get(name, ()), limit_ms=limit_of(slo), since=since[name], until=until)
        ]
        try:
            self._append(fresh)
        except OSError:
            self._pruned = float("-inf")  # A part of it may be there.
            raise
        self._ends.update((each.endpoint, each.end) for each in fresh)
        self._settled = until

    def _take_stock(self, until: float) -> None:
        """See how far each endpoint's minutes go; torn lines are dropped, and what is too old or not over yet."""
        kept = known_minutes(self._file, since=until - KEPT_S, until=until)
        lines = [each.line for each in kept]
        if sum(map(len, lines)) > self._max_bytes:
            lines = lines[len(lines) // 2 :]
        if self._file.exists():
            lay_down(self._file, lambda temporary: _fill(temporary, lines), over=True)
        self._ends = {each.endpoint: each.end for each in kept}

    def _append(self, fresh: Iterable[Minute]) -> None:
        lines = b"".join(each.line for each in fresh)
        if not lines:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as stream:
            stream.write(lines)


def _fill(file: Path, lines: Iterable[bytes]) -> None:
    with file.open("wb") as stream:
        stream.writelines(lines)


def _begin(minute: Minute) -> float:
    return minute.begin
