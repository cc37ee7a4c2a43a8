"""Windows by the clocks on the walls, also on the two days a year when these are changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reconciler.watch.windows import Window, Windows, is_cron

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Window("0 9 * * mon-fri", timedelta(hours=8), BERLIN, "office")
SUNDAY = Window("0 0 * * sun", timedelta(days=1), BERLIN, "Sunday")


def at(text: str, *, fold: int = 0, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


def is_open(window: Window, now: datetime) -> bool:
    return window.end_of(now, late=False) is not None


@pytest.mark.parametrize(
    ("moment", "opened"),
    [
        ("2026-06-01T08:59:59", False),
        ("2026-06-01T09:00", True),
        ("2026-06-01T16:59:59", True),
        ("2026-06-01T17:00", False),
        ("2026-06-06T12:00", False),
    ],
)
def test_a_window_is_open_from_its_begin_until_its_end(moment: str, opened: bool):
    assert is_open(OFFICE, at(moment)) is opened


def test_a_window_is_one_of_its_own_time_zone():
    assert is_open(OFFICE, datetime(2026, 1, 5, 8, 30, tzinfo=UTC))
    assert not is_open(OFFICE, datetime(2026, 1, 5, 7, 30, tzinfo=UTC))
    assert is_open(OFFICE, datetime(2026, 7, 6, 7, 30, tzinfo=UTC))


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_day_is_a_day_when_it_has_23_hours_or_25(day: str):
    assert not is_open(SUNDAY, at(day + "T00:00") - timedelta(seconds=1))
    assert is_open(SUNDAY, at(day + "T00:00"))
    assert is_open(SUNDAY, at(day + "T23:59:59"))
    next_day = at((datetime.fromisoformat(day) + timedelta(days=1)).isoformat())
    assert is_open(SUNDAY, next_day - timedelta(seconds=1))
    assert not is_open(SUNDAY, next_day)


def test_a_night_ends_at_its_hour_on_the_wall_when_the_clock_is_changed():
    night = Window("0 22 * * *", timedelta(hours=8), BERLIN)
    for morning in ("2026-03-29", "2026-10-25", "2026-06-01"):
        assert is_open(night, at(morning + "T05:59"))
        assert not is_open(night, at(morning + "T06:00"))


def test_a_begin_in_an_hour_that_is_gone_is_when_it_would_have_been_over():
    window = Window("30 2 * * *", timedelta(hours=1), BERLIN)
    assert not is_open(window, at("2026-03-29T01:59"))
    assert is_open(window, at("2026-03-29T03:00"))
    assert not is_open(window, at("2026-03-29T04:00"))


def test_an_end_in_an_hour_that_is_there_twice_is_the_one_that_forbids_more():
    window = Window("0 1 * * *", timedelta(minutes=90), BERLIN)
    first, second = at("2026-10-25T02:15"), at("2026-10-25T02:15", fold=1)
    between = at("2026-10-25T02:45")
    assert first < between < second
    assert Windows(allow=(window,)).closed(first) == ""
    assert Windows(allow=(window,)).closed(between) != ""
    assert Windows(deny=(window,)).closed(between) != ""
    assert Windows(deny=(window,)).closed(second) != ""
    assert Windows(deny=(window,)).closed(at("2026-10-25T02:30", fold=1)) == ""


def test_without_windows_everything_may_be_applied_at_any_time():
    assert Windows().closed(at("2026-06-01T03:00")) == ""


def test_outside_of_all_allow_windows_it_is_told_when_the_next_one_opens():
    told = Windows(allow=(SUNDAY, OFFICE)).closed(at("2026-06-01T18:00"))
    assert told == "no allow window is open; the next one opens at 2026-06-02 09:00 CEST (office)"


def test_deny_wins_and_tells_until_when():
    windows = Windows(allow=(OFFICE,), deny=(Window("0 12 1 6 *", timedelta(hours=1), BERLIN, "quarter"),))
    assert windows.closed(at("2026-06-01T11:59")) == ""
    assert windows.closed(at("2026-06-01T12:30")) == "a deny window is open until 2026-06-01 13:00 CEST (quarter)"
    assert windows.closed(at("2026-06-01T13:00")) == ""


def test_windows_that_overlap_are_open_until_the_last_ends():
    hourly = Window("0 * * * *", timedelta(minutes=90), BERLIN)
    assert all(is_open(hourly, at("2026-06-01T00:00") + timedelta(minutes=minute)) for minute in range(0, 600, 7))


def test_a_long_window_of_a_frequent_begin_is_looked_at_in_no_time():
    assert is_open(Window("* * * * *", timedelta(days=31), BERLIN), at("2026-06-01T00:00"))


@pytest.mark.parametrize("text", ["0 9 * * mon-fri", "*/5 * * * *", "0 0 29 2 *"])
def test_a_cron_expression_has_five_fields(text: str):
    assert is_cron(text)


@pytest.mark.parametrize(
    "text", ["", "0 9 * *", "0 0 9 * * *", "61 * * * *", "0 0 30 2 *", "0 9 * * someday", "@daily"]
)
def test_what_never_comes_or_is_none_is_refused(text: str):
    assert not is_cron(text)
