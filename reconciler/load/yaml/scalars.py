"""A scalar's value is what YAML 1.1 makes of it, to the letter as `yaml.safe_load` does."""

from datetime import date
from functools import cache, lru_cache
from typing import Any

from reconciler.late import pattern
from reconciler.load.yaml.nodes import Node

_LONGEST_NUMBER = 100
_NUMBERS = ("int", "float")
_SHORT = 100
# What begins so is a text to YAML, save for a few words, and digits alone are a number: for these no YAML is loaded.
_TEXT = pattern(r"[A-Za-z_$/]|\.\.?/")
_NO_TEXT = frozenset({"yes", "no", "true", "false", "on", "off", "null"})
_WHOLE = pattern(r"[1-9][0-9]{0,17}")


class NotAValueError(Exception):
    """YAML takes the text for a number, a date or the like, and it is none."""


def value_of(node: Node) -> Any:
    """The value of a scalar.

    Raises:
        NotAValueError: with words that say why there is none.
    """
    if not node.tag and not node.plain:
        return node.text
    return _known_value(node.text, node.tag) if len(node.text) <= _SHORT else _value(node.text, node.tag)


def plain_value(text: str) -> Any:
    """The value of a text without quotes and tag; raises as `value_of`."""
    return _known_value(text, "") if len(text) <= _SHORT else _value(text, "")


def is_merge(node: Node) -> bool:
    """Whether a key is the merge key `<<`."""
    return node.kind == "scalar" and node.text == "<<" and node.plain and not node.tag


def spoken(value: Any) -> str:
    """A value as YAML would write it, for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a date" if isinstance(value, date) else str(value)


def _value(text: str, tag: str) -> Any:
    """The value of a text, by its tag or as it stands without quotes."""
    if not tag and _WHOLE.fullmatch(text):
        return int(text)
    tag = tag or _tag(text)
    if tag == "str":
        return text
    if tag in _NUMBERS and len(text) > _LONGEST_NUMBER:
        raise NotAValueError(f"number has {sum(map(str.isalnum, text))} digits; write it in quotes")
    construct = _constructors().get(tag)
    if construct is None:
        raise NotAValueError(f"{text} alone has a meaning of its own in YAML; write it in quotes")
    try:
        return construct(_scalar_node()(f"tag:yaml.org,2002:{tag}", text))
    except (ValueError, OverflowError, LookupError, AttributeError) as error:
        raise NotAValueError(f"{text!r} is not a {_WORDS.get(tag, tag)}; write it in quotes") from error


# Files of one folder have most of their keys and many of their values in common, and no value here can be changed.
_known_value = lru_cache(maxsize=4096)(_value)


_WORDS = {"int": "whole number", "float": "number", "bool": "boolean", "timestamp": "date"}


def _tag(text: str) -> str:
    if _TEXT.match(text) and text.lower() not in _NO_TEXT:
        return "str"
    for tag, form in _resolvers().get(text[:1], ()):
        if form.match(text):
            return str(tag.removeprefix("tag:yaml.org,2002:"))
    return "str"


@cache
def _resolvers() -> dict[str, Any]:
    from yaml.resolver import Resolver  # noqa: PLC0415

    return dict(Resolver.yaml_implicit_resolvers)


@cache
def _scalar_node() -> Any:
    from yaml import ScalarNode  # noqa: PLC0415

    return ScalarNode


@cache
def _constructors() -> dict[str, Any]:
    from yaml.constructor import SafeConstructor  # noqa: PLC0415

    made = SafeConstructor()
    return {
        "int": made.construct_yaml_int,
        "float": made.construct_yaml_float,
        "bool": made.construct_yaml_bool,
        "null": made.construct_yaml_null,
        "timestamp": made.construct_yaml_timestamp,
    }
