"""Logs of JSON lines, written whole or not at all."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.keeper import rows as rows_module
from reconciler.keeper.logs import rotate
from reconciler.keeper.rows import Place, Rows, is_instance, place_of, time_text


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Have every write beyond a size fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def numbers(path: Path) -> list[int]:
    return [int(json.loads(line)["n"]) for line in path.read_text().split("\n")[:-1]]


def test_rows_are_lines_of_json_in_a_private_file(tmp_path):
    rows = Rows(tmp_path / "r.jsonl")
    rows.append([{"n": "1", "text": "a\nb \u2028 \x00 \u00e4"}, {"n": "2"}])
    rows.append([{"n": "3"}])
    assert numbers(tmp_path / "r.jsonl") == [1, 2, 3]
    assert json.loads((tmp_path / "r.jsonl").read_text().split("\n")[0])["text"] == "a\nb \u2028 \x00 \u00e4"
    assert (tmp_path / "r.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_log_that_is_full_is_put_aside_and_the_oldest_goes(tmp_path):
    rows = Rows(tmp_path / "r.jsonl", max_bytes=25, files=2)
    for n in range(1, 9):
        rows.append([{"n": f"{n}"}])
    assert numbers(tmp_path / "r.jsonl") == [7, 8]
    assert numbers(tmp_path / "r.jsonl.1") == [5, 6]
    assert numbers(tmp_path / "r.jsonl.2") == [3, 4]
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / "r.jsonl.1").stat().st_mode & 0o777 == 0o600


def test_rows_larger_than_a_file_are_written_whole(tmp_path):
    rows = Rows(tmp_path / "r.jsonl", max_bytes=5, files=2)
    rows.append([{"n": "1"}, {"n": "2"}])
    assert numbers(tmp_path / "r.jsonl") == [1, 2]
    assert len(list(tmp_path.iterdir())) == 1


def test_on_a_full_disk_rows_are_dropped_whole_and_that_is_said_once(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(rows_module, "say", said.append)
    rows = Rows(tmp_path / "r.jsonl")
    rows.append([{"n": "1"}])
    with full_disk(15):
        for n in (2, 3, 4):
            rows.append([{"n": f"{n}"}])
    assert (tmp_path / "r.jsonl").read_bytes() == b'{"n":"1"}\n'
    rows.append([{"n": "5"}])
    rows.append([{"n": "6"}])
    assert numbers(tmp_path / "r.jsonl") == [1, 5, 6]
    assert len(said) == 2
    assert "cannot be written, and rows are dropped until it can: [Errno 27]" in said[0]
    assert said[1].endswith("is written again; 3 rows were dropped")


def test_half_a_row_that_a_killed_keeper_left_is_cut_off(tmp_path):
    path = tmp_path / "r.jsonl"
    for left in ('{"n": "1"}\n{"n": ', '{"n": '):
        path.write_text(left)
        Rows(path).append([{"n": "2"}])
    assert numbers(path) == [2]
    path.write_text('{"n": "1"}\n{"n": ')
    Rows(path).append([{"n": "2"}])
    assert numbers(path) == [1, 2]


def test_a_log_that_was_removed_is_made_again(tmp_path):
    rows = Rows(tmp_path / "r.jsonl")
    rows.append([{"n": "1"}])
    (tmp_path / "r.jsonl").unlink()
    rows.append([{"n": "2"}])
    assert numbers(tmp_path / "r.jsonl") == [2]


def test_instances_are_known_by_their_names():
    assert place_of("credit/blue/0a1b") == Place("credit", "blue", "0a1b")
    assert place_of("gateway") == Place("", "", "gateway")
    assert (is_instance("credit/blue/0a1b"), is_instance("gateway"), is_instance("a/b")) == (True, False, False)


def test_a_time_is_told_in_utc_with_milliseconds():
    assert time_text(0.0) == "1970-01-01T00:00:00.000Z"
    assert time_text(1_770_091_506.789) == "2026-02-03T04:05:06.789Z"


def test_a_rotation_that_finds_no_room_leaves_the_log_and_its_copies(tmp_path):
    log = tmp_path / "log"
    (tmp_path / "log.1").write_text("former")
    log.write_text("x" * 1000)
    for _ in range(3):
        with full_disk(500), pytest.raises(OSError, match="File too large"):
            rotate(log, max_bytes=10, files=2)
    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {"log": 1000, "log.1": 6}


def test_a_log_that_is_opened_anew_is_renamed_before_its_writer_is_told(tmp_path):
    log = tmp_path / "log"
    log.write_text("x" * 1000)
    seen = []
    assert rotate(log, max_bytes=10, files=2, reopen=lambda: seen.append((log.exists(), (tmp_path / "log.1").exists())))
    assert seen == [(False, True)]
