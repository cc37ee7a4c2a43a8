"""The keeper's decisions, with no process and no clock, and its files."""

import selectors
from dataclasses import replace

import pytest

from reconciler.keeper import children, table
from reconciler.keeper.console import Console
from reconciler.keeper.kept import Kept
from reconciler.keeper.logs import rotate
from reconciler.keeper.records import Record
from reconciler.keeper.values import Exit, Process

PROCESS = Process("a", ("x", "y"), {"K": "v"}, "/", "/tmp/log")


def after(exits: int, *, up_s: float = 1.0) -> Record:
    record = Record(PROCESS)
    for round_ in range(exits):
        record = record.started(1, "b", round_ * 100.0).ended(Exit(code=1), round_ * 100.0 + up_s)
    return record


def test_the_back_off_doubles_up_to_half_a_minute():
    assert [after(n).restart_delay_s for n in range(1, 11)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]
    assert after(5000).restart_delay_s == 30.0


def test_a_process_has_its_own_limit_of_the_back_off():
    soon = replace(PROCESS, longest_delay_s=0.5)
    assert [replace(after(n), process=soon).restart_delay_s for n in range(1, 6)] == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_a_minute_up_begins_the_back_off_anew():
    assert after(9, up_s=60.0).restart_delay_s == 0.1
    assert after(9, up_s=59.0).restart_delay_s > 20


def test_only_a_start_after_an_exit_is_a_restart():
    assert Record(PROCESS).started(1, "b", 0.0).restarts == 0
    assert after(3).started(1, "b", 0.0).restarts == 3


def test_a_start_that_fails_long_after_the_last_one_backs_off_too(tmp_path, monkeypatch):
    clock = 1000.0
    kept = Kept(tmp_path, selectors.DefaultSelector(), Console(tmp_path), now=lambda: clock, wall=lambda: clock)
    monkeypatch.setattr(children, "spawn", _no_more_processes)
    kept.records["a"] = replace(Record(PROCESS), started_at=1.0, last_exit=Exit(code=3))
    delays = []
    for _ in range(4):
        kept.due["a"] = clock
        kept.do_what_is_due()
        delays.append(kept.due["a"] - clock)
    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert kept.records["a"].last_exit == Exit(code=3)


def _no_more_processes(_process, _mark=""):
    raise BlockingIOError("Resource temporarily unavailable")


def test_a_table_is_read_back_as_it_was_written(tmp_path):
    records = {
        "a": after(2).started(7, "b", 3.5).told_to_stop(Record(replace(PROCESS, argv=("z",)), trial=True)),
        "b": Record(replace(PROCESS, name="b", other_logs=("/tmp/l",)), last_exit=Exit(signal=9)),
    }
    table.save(tmp_path, records)
    assert table.load(tmp_path) == records
    assert [path.name for path in tmp_path.iterdir()] == [table.NAME]


def test_no_table_is_an_empty_one(tmp_path):
    assert table.load(tmp_path) == {}


def test_a_rotated_log_keeps_its_newest_copies(tmp_path):
    log = tmp_path / "log"
    for text in ("one", "two", "three"):
        log.write_text(text)
        assert rotate(log, max_bytes=2, files=2)
    assert log.read_text() == ""
    assert [(tmp_path / f"log.{n}").read_text() for n in (1, 2)] == ["three", "two"]
    assert not (tmp_path / "log.3").exists()


def test_a_small_or_missing_log_is_left_alone(tmp_path):
    (tmp_path / "log").write_text("12")
    assert not rotate(tmp_path / "log", max_bytes=2, files=2)
    assert not rotate(tmp_path / "other", max_bytes=2, files=2)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Exit(code=3), "exit code 3"),
        (Exit(signal=9), "killed by signal 9 (Killed)"),
        (Exit(), "ended, exit code unknown"),
    ],
)
def test_an_exit_is_told_in_words(how, words):
    assert str(how) == words
