"""JSON of a value a line is as the standard library writes it."""

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.plan import Action
from reconciler.render.indented import indented

NAMES = st.one_of(st.text(max_size=4), st.integers(-2, 2), st.booleans(), st.none(), st.floats(-1, 1))
LEAVES = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(), st.sampled_from(Action))
VALUES = st.recursive(
    LEAVES, lambda some: st.lists(some) | st.tuples(some, some) | st.dictionaries(NAMES, some), max_leaves=20
)


@settings(deadline=None, max_examples=200)
@given(VALUES)
def test_any_value_is_written_as_the_standard_library_does(value: Any):
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)


def test_names_that_are_equal_and_no_texts_are_told_apart():
    for value in ({1: 0}, {True: 0}, {1.0: 0}, {"1": 0}, {0.0: 1}, {-0.0: 1}):
        assert indented(value) == json.dumps(value, indent=2)


class Pair(NamedTuple):
    one: int
    two: str


def test_kinds_of_lists_and_of_texts_are_as_what_they_are_kinds_of():
    value = {"pair": Pair(1, "ä\x1b\ud800"), "action": Action.CREATE, "empty": [{}, [], ()]}
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("value", [{1, 2}, [b"x"], {"a": object()}, {(1, 2): 3}])
def test_what_json_has_no_form_for_is_refused(value: Any):
    with pytest.raises(TypeError):
        json.dumps(value, indent=2)
    with pytest.raises(TypeError):
        indented(value)
