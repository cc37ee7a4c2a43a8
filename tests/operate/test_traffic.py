"""The traffic log read: a window of it, and what is added to it, whatever its rotation does meanwhile."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests_made import NOON, line, log

from reconciler.keeper.logs import rotate
from reconciler.operate.rotated import Follower
from reconciler.operate.traffic import Tail, oldest, request_of, requests


def times(found) -> list[float]:
    """When requests ended, in seconds after noon."""
    return [round(each.ended - NOON) for each in found]


def lines(*seconds: float) -> list[str]:
    return [line(NOON + each) for each in seconds]


def test_a_line_tells_all_of_a_request():
    found = request_of(line(NOON, ResponseCode=424, ModelStatusCode="500", ResponseCodeReason="UC").encode())
    assert (found.endpoint, found.deployment, found.instance) == ("credit", "blue", "3f2a9c17d0be")
    assert (found.status, found.model_status, found.reason) == (424, 500, "UC")
    assert (found.duration_ms, found.request_bytes, found.response_bytes) == (8, 100, 10)
    assert round(found.ended - NOON, 3) == 0


@pytest.mark.parametrize("told", ["", "-", "abc", "500, 500", "4e2", "5" * 5000, [500]])
def test_a_model_that_tells_no_status_costs_no_request(told: object):
    found = request_of(line(NOON, ResponseCode=424, ModelStatusCode=told).encode())
    assert (found.status, found.model_status) == (424, None)


def test_a_request_that_reached_nobody_has_no_names():
    found = request_of(line(NOON, EndpointName=None, DeploymentName=None, Instance=None, ResponseCode=404).encode())
    assert (found.endpoint, found.deployment, found.instance) == ("", "", "")


def test_the_requests_of_a_window_come_from_as_many_copies_as_it_reaches(tmp_path: Path):
    files = log(tmp_path, lines(1, 2), lines(3, 4), lines(5, 6))
    assert times(requests(files, since=NOON + 4)) == [4, 5, 6]
    assert times(requests(files, since=NOON)) == [1, 2, 3, 4, 5, 6]
    assert times(requests(files, since=NOON + 7)) == []


def test_a_window_is_found_in_a_log_far_larger_than_it(tmp_path: Path):
    files = log(tmp_path, lines(*range(3000)), lines(*range(3000, 6000)))
    assert times(requests(files, since=NOON + 5000)) == list(range(5000, 6000))
    assert times(requests(files, since=NOON + 2500)) == list(range(2500, 6000))


def test_only_the_window_and_a_little_before_it_is_read(tmp_path: Path, monkeypatch):
    read = []
    monkeypatch.setattr("reconciler.operate.traffic.request_of", lambda text: read.append(text) or request_of(text))
    files = log(tmp_path, lines(*range(20_000)))
    assert len(list(requests(files, since=NOON + 19_900))) == 100
    assert len(read) < 500


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 400), max_size=300).map(sorted),
    st.integers(0, 400),
    st.lists(st.integers(0, 300), max_size=3),
)
def test_a_window_is_what_a_plain_reading_finds(tmp_path_factory, seconds: list[int], since: int, cuts: list[int]):
    parts = sorted(min(cut, len(seconds)) for cut in cuts)
    copies = [seconds[a:b] for a, b in zip([0, *parts], [*parts, len(seconds)], strict=True)]
    # Wide lines: the bisection ends at a number of bytes.
    wide = [[line(NOON + each, Path="/" + "x" * 2000) for each in copy] for copy in copies]
    files = log(tmp_path_factory.mktemp("log"), *wide)
    assert times(requests(files, since=NOON + since)) == [each for each in seconds if each >= since]


def test_a_torn_line_costs_itself_alone(tmp_path: Path):
    first, second, third = lines(1, 2, 3)
    files = log(tmp_path, [first, second[:50] + "\n", third, second[:70]])
    assert times(requests(files, since=NOON)) == [1, 3]


def test_a_line_of_which_the_end_is_in_the_next_copy_is_one_line(tmp_path: Path):
    first, second, third = lines(1, 2, 3)
    files = log(tmp_path, [first, second[:50]], [second[50:], third])
    assert times(requests(files, since=NOON)) == [1, 2, 3]


def test_a_copy_that_is_gone_by_the_time_it_is_read_is_passed_over(tmp_path: Path):
    files = log(tmp_path, lines(1), lines(2))
    assert times(requests([tmp_path / "access.log.9", *files], since=NOON)) == [1, 2]


def test_in_the_middle_of_a_rotation_no_request_counts_twice(tmp_path: Path):
    whole = lines(*range(100))
    files = log(tmp_path, whole[:30], whole)
    assert times(requests(files, since=NOON)) == list(range(100))


def test_a_log_reaches_back_to_its_first_request(tmp_path: Path):
    assert oldest([tmp_path / "access.log"]) is None
    files = log(tmp_path, ["torn\n", *lines(1, 2)], lines(3))
    assert round(oldest(files) - NOON) == 1


class Log:
    """A log that is written to and rotated as the gateway's is, and the copies of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "access.log"
        self.path.write_text("")

    def files(self) -> list[Path]:
        return [*(self.path.with_name(f"access.log.{n}") for n in (3, 2, 1)), self.path]

    def write(self, text: str) -> None:
        with self.path.open("a") as stream:
            stream.write(text)

    def rotate(self) -> None:
        rotate(self.path, max_bytes=0, files=3)


def test_a_tail_gives_what_was_added_since_the_last_look(tmp_path: Path):
    written = Log(tmp_path)
    written.write("".join(lines(1, 2)))
    tail = Tail(written.files)
    assert tail.more() == []
    written.write("".join(lines(3, 4)))
    assert times(tail.more()) == [3, 4]
    assert tail.more() == []


def test_a_tail_waits_for_the_end_of_a_line(tmp_path: Path):
    written = Log(tmp_path)
    [text] = lines(1)
    written.write(text[:20])
    tail = Tail(written.files)
    written.write(text[20:40])
    assert tail.more() == []
    written.write(text[40:])
    assert times(tail.more()) == [1]


def test_a_tail_begins_at_the_first_line_of_a_log_that_was_empty(tmp_path: Path):
    written = Log(tmp_path)
    tail = Tail(written.files)
    written.write("".join(lines(1)))
    written.rotate()
    written.write("".join(lines(2)))
    assert times(tail.more()) == [1, 2]


def test_a_tail_does_not_begin_anew_while_a_rotation_has_its_copy_under_another_name(tmp_path: Path):
    written = Log(tmp_path)
    written.write("".join(lines(1, 2)))
    tail = Tail(written.files)
    hidden = written.path.rename(tmp_path / "hidden")
    written.write("".join(lines(3)))
    assert tail.more() == []
    hidden.rename(tmp_path / "access.log.1")
    assert times(tail.more()) == [3]


def test_a_tail_whose_copy_is_gone_goes_on_with_what_there_is(tmp_path: Path):
    written = Log(tmp_path)
    written.write("".join(lines(1, 2)))
    tail = Tail(written.files)
    written.path.unlink()
    written.write("".join(lines(3)))
    assert times(tail.more()) + times(tail.more()) == [3]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["line", "half a line", "rotation", "look"]), max_size=40))
def test_a_tail_gives_every_line_once_whatever_the_rotation(tmp_path_factory, acts: list[str]):
    written = Log(tmp_path_factory.mktemp("log"))
    follower = Follower(written.files, None)
    expected, found, begun, rotations = [], [], "", 0
    for number, act in enumerate(acts):
        if act == "line":
            end = f"{number} {'x' * 50}\n"
            written.write(end)
            expected.append(begun + end)
            begun = ""
        elif act == "half a line":
            written.write(f"{number} ")
            begun += f"{number} "
        elif act == "rotation" and rotations < 3:  # more of them between two looks would lose a copy
            written.rotate()
            rotations += 1
        elif act == "look":
            found += follower.more()
            rotations = 0
    found += follower.more()
    assert "".join(f"{each.decode()}\n" for each in found) == "".join(expected)
