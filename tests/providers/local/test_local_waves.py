"""Waves never leave too few instances in service, and never start too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.providers.hosting.waves import Wave, wave_size, waves

COUNTS = st.integers(0, 40)


@pytest.mark.parametrize(("count", "size"), [(1, 1), (5, 1), (6, 2), (10, 2), (11, 3), (100, 20)])
def test_a_wave_is_a_fifth_of_the_instances_rounded_up(count, size):
    assert wave_size({"type": "managed", "instance_count": count}) == size


def test_on_kubernetes_instances_are_replaced_one_by_one():
    assert wave_size({"type": "kubernetes", "instance_count": 100}) == 1


def test_each_wave_stops_as_many_as_it_started():
    assert waves("abcdef", kept=0, count=6, size=2) == (Wave(2, ("a", "b")), Wave(2, ("c", "d")), Wave(2, ("e", "f")))


def test_instances_that_stay_are_not_started_again():
    assert waves("cd", kept=3, count=5, size=1) == (Wave(1, ("c",)), Wave(1, ("d",)))


def test_more_instances_than_wanted_leave_with_the_first_wave():
    assert waves("abc", kept=0, count=1, size=1) == (Wave(1, ("a", "b", "c")),)


def test_where_nothing_is_to_be_started_the_others_just_leave():
    assert waves("ab", kept=3, count=3, size=1) == (Wave(0, ("a", "b")),)


def test_where_everything_is_as_wanted_there_is_no_wave():
    assert waves("", kept=3, count=3, size=1) == ()


@given(leaving=COUNTS, kept=COUNTS, more=COUNTS, size=st.integers(1, 10))
def test_no_moment_has_too_few_or_too_many(leaving, kept, more, size):
    count, before = kept + more, kept + leaving
    rest, serving = [f"old{number}" for number in range(leaving)], before
    for wave in waves(rest, kept=kept, count=count, size=size):
        serving += wave.start
        assert serving <= max(before, count) + size
        assert list(wave.leaving) == rest[: len(wave.leaving)]
        rest = rest[len(wave.leaving) :]
        serving -= len(wave.leaving)
        assert serving >= min(before, count)
    assert (rest, serving) == ([], count)
