"""Logs of instances read on while they are written, cut and replaced, with a console log in this process."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reconciler.keeper import logs, tail
from reconciler.keeper.console import Console
from reconciler.keeper.lines import CUT, LONGEST_LINE
from reconciler.keeper.values import Process


@dataclass
class Desk:
    """A console log, a clock that stands still unless told, and one instance's log."""

    folder: Path
    max_bytes: int = 10_000_000
    clock: float = 0.0
    console: Console = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.console = Console(self.folder, now=lambda: self.clock, wall=lambda: 0.0)

    @property
    def log(self) -> Path:
        return self.folder / "raw.log"

    @property
    def process(self) -> Process:
        return Process("e/d/i", ("x",), {}, "/", str(self.log), log_max_bytes=self.max_bytes)

    def follow(self) -> None:
        self.console.follow(self.process)

    def write(self, text: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(text)

    def round(self) -> None:
        self.clock += 60.0
        self.console.read()

    def look(self) -> None:
        self.console.look()
        self.round()
        while self.console.next_at() < float("inf"):
            self.round()
        self.console.save()

    @property
    def lines(self) -> list[str]:
        paths = sorted(self.folder.glob("console.jsonl*"), key=lambda path: (len(path.name), path.name), reverse=True)
        return [json.loads(line)["Message"] for path in paths for line in path.read_text().split("\n")[:-1]]


@pytest.fixture
def desk(tmp_path) -> Desk:
    return Desk(tmp_path)


def test_a_row_has_the_columns_of_the_console_log(desk):
    desk.follow()
    desk.write(b"2026-02-03T04:05:06.789Z INFO root: hello\n")
    desk.look()
    assert json.loads((desk.folder / "console.jsonl").read_text()) == {
        "TimeGenerated": "2026-02-03T04:05:06.789Z",
        "OperationName": "AmlOnlineEndpointConsoleLog",
        "InstanceId": "i",
        "EndpointName": "e",
        "DeploymentName": "d",
        "ContainerName": "inference-server",
        "Message": "2026-02-03T04:05:06.789Z INFO root: hello",
    }
    for name in ("console.jsonl", "console.positions.json"):
        assert (desk.folder / name).stat().st_mode & 0o777 == 0o600


def test_a_line_waits_for_its_end(desk):
    desk.follow()
    desk.write(b"one\ntw")
    desk.look()
    assert desk.lines == ["one"]
    desk.write(b"o\n")
    desk.look()
    assert desk.lines == ["one", "two"]


def test_the_end_of_a_process_is_the_end_of_its_line_also_where_the_next_one_writes_at_once(desk):
    desk.follow()
    desk.write(b"one\nkill")
    desk.console.ended(desk.process)
    desk.write(b"born\n")
    desk.look()
    assert desk.lines == ["one", "kill", "born"]


def test_a_log_that_is_left_is_read_to_its_end_and_forgotten(desk):
    desk.follow()
    desk.write(b"x\n" * 200_000 + b"last")
    desk.console.leave(desk.process)
    assert not desk.console.has_left(desk.process)
    desk.look()
    assert desk.console.has_left(desk.process)
    assert len(desk.lines) == 200_001
    assert desk.lines[-1] == "last"
    assert json.loads((desk.folder / "console.positions.json").read_text()) == {}


def test_a_round_is_bounded(desk):
    desk.follow()
    desk.write(b"a line of some length\n" * 100_000)
    desk.console.look()
    desk.round()
    assert 0 < len(desk.lines) < 6000
    rows = len(desk.lines)
    desk.console.read()
    assert len(desk.lines) == rows, "the next round came before its time"


def test_a_chatty_instance_does_not_hold_up_a_quiet_one(desk):
    desk.follow()
    quiet = desk.folder / "quiet.log"
    desk.console.follow(Process("e/d/quiet", ("x",), {}, "/", str(quiet)))
    desk.write(b"noise\n" * 500_000)
    quiet.write_bytes(b"hello\n")
    desk.console.look()
    desk.round()
    desk.round()
    assert "hello" in desk.lines


def test_a_successor_goes_on_where_it_was_left(desk):
    desk.follow()
    desk.write(b"one\ntwo\n")
    desk.look()
    desk.write(b"three\n")
    desk.open()
    desk.follow()
    desk.look()
    assert desk.lines == ["one", "two", "three"]


def test_a_successor_finishes_what_nobody_follows_any_more(desk):
    desk.follow()
    desk.write(b"one\n")
    desk.look()
    desk.write(b"two\nthr")
    desk.open()
    desk.look()
    assert desk.lines == ["one", "two", "thr"]
    assert not desk.console.leaving


def test_positions_that_cannot_be_read_repeat_lines_and_lose_none(desk):
    desk.follow()
    desk.write(b"one\n")
    desk.look()
    for nonsense in ("{", "[]", '{"/log": {"no": 1}}', '{"/log": 3}'):
        (desk.folder / "console.positions.json").write_text(nonsense)
        desk.open()
        desk.follow()
        desk.look()
    assert desk.lines == ["one"] * 5


def test_a_file_of_the_same_name_is_read_from_its_beginning(desk):
    desk.follow()
    desk.write(b"one\n")
    desk.look()
    desk.log.rename(desk.folder / "aside")
    desk.write(b"two is longer\n")
    desk.look()
    desk.log.write_bytes(b"3\n")
    desk.look()
    assert desk.lines == ["one", "two is longer", "3"]


def test_a_log_that_is_not_there_is_waited_for_or_forgotten(desk):
    desk.follow()
    desk.look()
    desk.write(b"one\n")
    desk.look()
    desk.log.unlink()
    desk.console.leave(desk.process)
    desk.look()
    assert desk.lines == ["one"]
    assert desk.console.has_left(desk.process)


def test_a_megabyte_in_a_line_is_cut_and_what_follows_is_whole(desk):
    desk.follow()
    desk.write(b"x" * (1 << 20) + b"\nnext\n")
    desk.look()
    assert desk.lines == ["x" * LONGEST_LINE + CUT, "next"]


WRITER = """
import os, sys, time
descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
for n in range(int(sys.argv[2])):
    os.write(descriptor, b"line %d\\n" % n)
    if n % 1000 == 0:
        time.sleep(0.002)
"""


def read_while_written(desk: Desk, count: int) -> None:
    writer = subprocess.Popen([sys.executable, "-S", "-c", WRITER, str(desk.log), str(count)])
    desk.follow()
    while writer.poll() is None:
        desk.console.look()
        desk.round()
    desk.look()


def can_cut_front(folder: Path) -> bool:
    path = folder / "try"
    path.write_bytes(b"x" * 20_000)
    with path.open("rb+") as file:
        return logs.cut_front(file.fileno(), logs.whole_blocks(file.fileno(), 10_000))


def test_no_line_is_lost_while_a_log_is_cut_under_its_writer(tmp_path, monkeypatch):
    if not can_cut_front(tmp_path):
        pytest.skip("this file system cannot take out the front of a file")
    desk = Desk(tmp_path, max_bytes=550_000)
    cuts = []

    def cut(descriptor: int, size: int) -> bool:
        cuts.append(size)
        return logs.cut_front(descriptor, size)

    monkeypatch.setattr(tail, "cut_front", cut)
    read_while_written(desk, 100_000)
    assert desk.lines == [f"line {n}" for n in range(100_000)]
    assert len(cuts) >= 2
    assert desk.log.stat().st_size < 700_000


def test_where_the_front_cannot_be_cut_a_log_is_emptied_once_it_was_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tail, "cut_front", lambda *_: False)
    desk = Desk(tmp_path, max_bytes=30_000)
    desk.follow()
    for n in range(10):
        desk.write(b"".join(b"%d %d\n" % (n, each) for each in range(1500)))
        desk.look()
    assert desk.lines == [f"{n} {each}" for n in range(10) for each in range(1500)]
    assert desk.log.stat().st_size < 50_000


class Killed(BaseException):
    pass


def killed_before(_descriptor: int, _size: int) -> bool:
    raise Killed


def killed_after(descriptor: int, size: int) -> bool:
    logs.cut_front(descriptor, size)
    raise Killed


@pytest.mark.parametrize("killed", [killed_before, killed_after])
def test_a_keeper_killed_at_a_cut_loses_no_line(desk, monkeypatch, killed):
    desk.max_bytes = 100_000
    wanted = [f"{n:06d}" for n in range(20_000)]
    desk.follow()
    desk.write("".join(f"{line}\n" for line in wanted[:5000]).encode())
    desk.look()
    desk.write("".join(f"{line}\n" for line in wanted[5000:]).encode())
    monkeypatch.setattr(tail, "cut_front", killed)
    with pytest.raises(Killed):
        desk.look()
    monkeypatch.setattr(tail, "cut_front", logs.cut_front)
    desk.open()
    desk.follow()
    desk.look()
    assert set(wanted) <= set(desk.lines)
    assert desk.lines[-1] == wanted[-1]


def test_who_prints_faster_than_it_can_be_kept_is_told_so_and_bounded(tmp_path):
    desk = Desk(tmp_path, max_bytes=10_000)
    desk.follow()
    desk.write(b"0123456789abcdef\n" * 10_000)
    desk.look()
    first, *others = desk.lines
    assert first == "[160000 bytes are left out: they were printed faster than they could be kept]"
    assert 0 < len(others) < 600
    assert set(others) == {"0123456789abcdef"}
    assert desk.log.stat().st_size < 50_000
