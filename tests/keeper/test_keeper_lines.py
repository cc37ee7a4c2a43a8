"""What was printed, cut into lines with times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.keeper.lines import CUT, LONGEST_LINE, portion, timed

NOW = "2030-01-01T00:00:00.000Z"


def test_whole_lines_are_taken_and_the_beginning_of_one_is_left():
    found = portion(b"one\r\n\ntwo\nthr", inside=False, final=False)
    assert (found.lines, found.used, found.inside) == (("one", "", "two"), 10, False)


def test_the_last_line_of_a_dead_process_needs_no_end():
    assert portion(b"one\ntwo", inside=False, final=True).lines == ("one", "two")
    assert portion(b"one\n", inside=False, final=True).lines == ("one",)


def test_bytes_that_are_no_text_and_nul_stay_one_line():
    assert portion(b"a\xff\x00b\x1b[0m\n", inside=False, final=False).lines == ("a\ufffd\x00b\x1b[0m",)


def test_a_long_line_is_cut_once_and_the_next_one_is_whole():
    text = b"x" * (3 * LONGEST_LINE) + b"\nnext\n"
    assert portion(text, inside=False, final=False).lines == ("x" * LONGEST_LINE + CUT, "next")
    first = portion(text[: 2 * LONGEST_LINE], inside=False, final=False)
    assert (first.lines, first.used, first.inside) == (("x" * LONGEST_LINE + CUT,), 2 * LONGEST_LINE, True)
    second = portion(text[2 * LONGEST_LINE : -7], inside=True, final=False)
    assert (second.lines, second.inside) == ((), True)
    third = portion(text[-7:], inside=True, final=False)
    assert (third.lines, third.inside) == (("next",), False)


def test_a_long_line_ends_with_its_process():
    assert not portion(b"x" * 10, inside=True, final=True).inside
    assert portion(b"x" * (LONGEST_LINE + 1), inside=False, final=True).inside is False


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line and not line.endswith(b"\r"))), st.data())
def test_lines_are_the_same_however_they_are_read(lines, data):
    text = b"".join(line + b"\n" for line in lines)
    found, position, until = [], 0, 0
    while until < len(text):
        until = data.draw(st.integers(until + 1, len(text)))
        piece = portion(text[position:until], inside=False, final=False)
        found += piece.lines
        position += piece.used
    assert found == [line.decode(errors="replace") for line in lines]


@pytest.mark.parametrize(
    ("line", "time"),
    [
        ("2026-02-03T04:05:06.789Z INFO root: hello", "2026-02-03T04:05:06.789Z"),
        ("2026-02-03T04:05:06Z hello", "2026-02-03T04:05:06.000Z"),
        ("2026-02-03T04:05:06.7Z", "2026-02-03T04:05:06.700Z"),
        ("2026-02-03T04:05:06.789123456Z hello", "2026-02-03T04:05:06.789Z"),
        ("2026-02-30T04:05:06.789Z no such day", NOW),
        ("2026-02-03T24:05:06.789Z no such hour", NOW),
        ("2026-02-03T04:05:06.789Zulu", NOW),
        ("2026-02-03 04:05:06,789 local time", NOW),
        (" 2026-02-03T04:05:06.789Z not at the beginning", NOW),
        ("", NOW),
    ],
)
def test_a_line_has_the_time_with_which_it_begins_or_that_of_reading(line, time):
    assert list(timed([line], NOW)) == [(time, line)]


def test_the_lines_of_a_traceback_have_the_time_of_the_line_they_follow():
    lines = ["print", "2026-02-03T04:05:06.789Z ERROR", "Traceback", "  File", "2026-02-03T04:05:07.000Z INFO"]
    times = [time for time, _ in timed(lines, NOW)]
    assert times == [NOW, *["2026-02-03T04:05:06.789Z"] * 3, "2026-02-03T04:05:07.000Z"]
