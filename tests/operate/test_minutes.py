"""What error budgets are counted from: minutes written down, and the traffic log for what came after them."""

from pathlib import Path
from typing import Any

import pytest
from requests_made import NOON, line, log

from reconciler.core.address import Address
from reconciler.load.settings.config import Config, Target
from reconciler.operate.budgets import as_json, budgets
from reconciler.operate.ledger import KEPT_S, Ledger, known_minutes, ledger_file
from reconciler.operate.minutes import Minute, minute_of
from reconciler.providers.memory import MemoryProvider
from reconciler.record.memory import MemoryStore
from reconciler.workspace import Workspace

AVAILABLE = {"availability": 99.0, "window": 3600.0}
IN_TIME = {"latency": {"percentile": 95, "ms": 100.0}, "window": 3600.0}


class Logged(MemoryProvider):
    """Memory with a traffic log."""

    files: list[Path] = []  # noqa: RUF012 - of a test, which makes one

    def tables(self) -> dict[str, list[Path]]:
        return {"AmlOnlineEndpointTrafficLog": self.files}


class Kept:
    """A target that promises something: its log, and its minutes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, [folder / "access.log"]
        self.file = ledger_file(folder, "dev")
        self.ledger = Ledger(self.file)
        self.slo: dict[str, Any] = AVAILABLE

    def answered(self, *seconds: float, **columns: Any) -> None:
        """Log requests that ended so many seconds after noon."""
        with self.log[0].open("a") as stream:
            stream.writelines(line(NOON + each, **columns) for each in seconds)

    def write(self, seconds: float, *, anew: bool = False) -> None:
        """Have the minutes written that are over so many seconds after noon."""
        if anew:
            self.ledger = Ledger(self.file)
        self.ledger.write(self.log, {"credit": self.slo}, NOON + seconds)

    def counted(self) -> dict[int, tuple[int, int, int]]:
        """By minutes after noon: counted, failed, slow."""
        found = known_minutes(self.file, since=0, until=NOON + KEPT_S)
        return {round(each.begin - NOON) // 60: (each.counted, each.failed, each.slow) for each in found}

    def objective(self, seconds: float) -> dict[str, Any]:
        provider = Logged()
        provider.files = self.log
        policies = {Address("endpoint", "credit"): {"slo": self.slo}}
        target = Target("dev", "memory", policies=policies)
        workspace = Workspace(Config(self.folder, ".", {}), target, MemoryStore("dev"), provider)
        found = as_json(budgets(workspace, now=NOON + seconds)["credit"])
        [objective] = found["objectives"]
        return dict(objective)

    def total(self, seconds: float) -> int:
        total: int = self.objective(seconds)["total"]
        return total


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_a_minute_is_the_same_after_it_was_written():
    minute = Minute(NOON, "credit", 10, 2, 1, 250.0)
    assert minute_of(minute.line) == minute
    assert minute_of(minute.line[:-10]) is None
    assert minute_of(b"7") is None


def test_minutes_are_written_once_they_are_over_with_those_without_requests(kept: Kept):
    kept.answered(1, 2)
    kept.answered(3, ResponseCode=503)
    kept.answered(4, ResponseCode=401)
    kept.answered(125)
    kept.write(62)
    assert kept.counted() == {}
    kept.write(190)
    assert kept.counted() == {0: (3, 1, 0), 1: (0, 0, 0), 2: (1, 0, 0)}
    assert kept.file.stat().st_mode & 0o777 == 0o600


def test_requests_slower_than_promised_are_counted(kept: Kept):
    kept.slo = IN_TIME
    kept.answered(1, TotalDurationMs=101)
    kept.answered(2, TotalDurationMs=100)
    kept.write(70)
    assert kept.counted() == {0: (2, 0, 1)}


def test_no_request_counts_twice_or_not_at_all_across_the_seam(kept: Kept):
    kept.answered(*range(0, 200, 10))
    for seconds in range(60, 200, 7):
        kept.write(seconds)
        assert kept.total(seconds) == len(range(0, min(seconds, 200), 10))


def test_what_the_log_no_longer_has_is_still_counted(kept: Kept):
    kept.answered(1, 2, 61)
    kept.write(130)
    kept.log[0].write_text("")
    kept.answered(121, 131)
    assert kept.total(140) == 5
    assert kept.objective(140)["covered_seconds"] == 140


def test_who_comes_back_goes_on_where_the_last_minute_ended(kept: Kept):
    kept.answered(1, 61)
    kept.write(70)
    kept.answered(121, 181, 182)
    kept.write(250, anew=True)
    assert kept.counted() == {0: (1, 0, 0), 1: (1, 0, 0), 2: (1, 0, 0), 3: (2, 0, 0)}
    assert kept.total(250) == 5


def test_what_nobody_wrote_and_the_log_no_longer_has_is_not_covered(kept: Kept):
    kept.answered(1)
    kept.write(70)
    kept.log[0].write_text("")
    kept.answered(601)
    kept.write(670, anew=True)
    assert kept.counted() == {0: (1, 0, 0), 10: (1, 0, 0)}
    assert kept.objective(660)["covered_seconds"] == 120


def test_a_write_that_was_cut_off_is_made_anew(kept: Kept):
    kept.answered(1, 61)
    kept.write(70)
    with kept.file.open("ab") as stream:
        stream.write(Minute(NOON + 60, "credit", 7).line[:30])
    kept.write(130, anew=True)
    assert kept.counted() == {0: (1, 0, 0), 1: (1, 0, 0)}
    with kept.file.open("ab") as stream:
        stream.write(Minute(NOON + 60, "credit", 1).line)
    assert kept.total(130) == 2


def test_what_could_not_be_written_is_written_later(kept: Kept):
    kept.answered(1)
    kept.file.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        kept.write(70)
    kept.file.rmdir()
    kept.write(70)
    assert kept.counted() == {0: (1, 0, 0)}


def test_minutes_of_a_clock_that_went_ahead_are_dropped(kept: Kept):
    kept.answered(1)
    kept.write(70)
    kept.answered(86_400)
    kept.write(90_000)
    kept.log[0].write_text("")
    kept.answered(121)
    kept.write(130)
    assert max(kept.counted()) == 1
    kept.write(190)
    assert kept.counted() == {0: (1, 0, 0), 1: (0, 0, 0), 2: (1, 0, 0)}


def test_minutes_are_dropped_after_three_months_and_the_older_half_when_they_are_too_many(kept: Kept):
    kept.answered(1)
    kept.write(70)
    kept.log[0].write_text("")
    kept.answered(KEPT_S + 120)
    kept.write(KEPT_S + 190, anew=True)
    assert len(kept.file.read_text().splitlines()) == 1
    kept.file.write_bytes(b"".join(Minute(NOON + 60 * each, "credit").line for each in range(10)))
    Ledger(kept.file, max_bytes=500).write(kept.log, {"credit": AVAILABLE}, NOON + 605)
    assert min(kept.counted()) == 5


def test_a_latency_that_was_promised_anew_counts_from_then_on(kept: Kept):
    kept.slo = IN_TIME
    kept.answered(1)
    kept.write(70)
    kept.slo = {**IN_TIME, "latency": {"percentile": 95, "ms": 50.0}}
    kept.answered(61, 62)
    found = kept.objective(120)
    assert (found["total"], found["covered_seconds"]) == (2, 60)


def test_an_endpoint_that_promises_later_takes_what_the_log_has(kept: Kept):
    kept.answered(1, 61)
    kept.answered(2, 3, EndpointName="risk")
    kept.write(130)
    kept.ledger.write(kept.log, {"credit": AVAILABLE, "risk": AVAILABLE}, NOON + 190)
    counted = [(each.endpoint, each.counted) for each in known_minutes(kept.file, since=0, until=NOON + 190)]
    assert sorted(counted) == [("credit", 0), ("credit", 1), ("credit", 1), ("risk", 0), ("risk", 0), ("risk", 2)]


def test_without_a_policy_nothing_is_written(kept: Kept, tmp_path: Path):
    Ledger(kept.file).write(log(tmp_path, [line(NOON)]), {}, NOON + 100)
    assert not kept.file.exists()
