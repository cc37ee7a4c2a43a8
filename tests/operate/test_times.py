"""Spans and points of time as somebody types them."""

import pytest

from reconciler.errors import MlopsError
from reconciler.operate.times import point_of, span_of

NOON = 1769860800.0


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("30d", 2592000)])
def test_a_span_is_a_number_with_its_unit(text: str, seconds: float):
    assert span_of(text, "--window") == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "0m", "-5m", "5 minutes", "5w"])
def test_what_is_no_span_is_refused_by_the_name_of_its_option(text: str):
    with pytest.raises(MlopsError, match=r"--window .* is no span of time"):
        span_of(text, "--window")


@pytest.mark.parametrize("text", ["10m", "2026-01-31T11:50:00Z", "2026-01-31T11:50", "2026-01-31T12:50:00+01:00"])
def test_a_point_is_a_span_back_or_a_time_in_utc_unless_it_says_otherwise(text: str):
    assert point_of(text, "--since", now=NOON) == NOON - 600


def test_what_is_no_point_is_refused_with_both_forms():
    with pytest.raises(
        MlopsError, match="--since 'yesterday' is neither a span back from now, such as 10m, nor a time"
    ):
        point_of("yesterday", "--since", now=NOON)
