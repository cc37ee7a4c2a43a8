"""What is plainly a text or a whole number is told without YAML, and is what YAML makes of it."""

from unittest import mock

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.load.yaml import scalars
from reconciler.load.yaml.scalars import NotAValueError, plain_value

WORDS = [
    each for word in ("yes", "no", "true", "false", "on", "off", "null") for each in (word, word.title(), word.upper())
]
LETTERS = st.text("aAeEfFnNoOyYtTlLuUsSxb_$/.:-+0123456789~<=", max_size=7)
PLAIN = [
    "azureml:risk:1",
    "../src",
    "./a",
    "/a",
    "$schema",
    "_x",
    "y",
    "n",
    "nul",
    "e5",
    "2",
    "3000",
    "123456789012345678",
]


@settings(max_examples=1_000, deadline=None)
@given(st.one_of(st.sampled_from(WORDS), LETTERS, st.from_regex(r"\A(?:[1-9][0-9]{0,20}|\.{0,2}/?[a-z0-9]{0,3})\Z")))
@example("yEs")
@example(".inf")
@example("..")
@example("1_0")
@example("9" * 19)
def test_a_value_is_what_yaml_makes_of_the_text(text: str):
    tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))
    try:
        found = plain_value(text)
    except NotAValueError:
        assert not tag.endswith(":str")
        return
    read = yaml.SafeLoader("").construct_object(yaml.ScalarNode(tag, text))
    assert repr(found) == repr(read)


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_common_takes_no_yaml(text: str):
    with mock.patch.object(scalars, "_resolvers", side_effect=AssertionError):
        assert scalars._value(text, "") == (int(text) if text.isdecimal() else text)
