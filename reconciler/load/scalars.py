"""A scalar's value is what YAML 1.1 makes of it, to the letter as `yaml.safe_load` does."""

from datetime import date
from functools import cache
from typing import Any

from reconciler.load.nodes import Node

_LONGEST_NUMBER = 100
_NUMBERS = ("int", "float")


class NotAValueError(Exception):
    """YAML takes the text for a number, a date or the like, and it is none."""


def value_of(node: Node) -> Any:
    """The value of a scalar.

    Raises:
        NotAValueError: with words that say why there is none.
    """
    tag = _tag(node)
    if tag == "str":
        return node.text
    if tag in _NUMBERS and len(node.text) > _LONGEST_NUMBER:
        raise NotAValueError(f"number has {sum(map(str.isalnum, node.text))} digits; write it in quotes")
    construct = _constructors().get(tag)
    if construct is None:
        raise NotAValueError(f"{node.text} alone has a meaning of its own in YAML; write it in quotes")
    try:
        return construct(_scalar_node()(f"tag:yaml.org,2002:{tag}", node.text))
    except (ValueError, OverflowError, LookupError, AttributeError) as error:
        raise NotAValueError(f"{node.text!r} is not a {_WORDS.get(tag, tag)}; write it in quotes") from error


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


_WORDS = {"int": "whole number", "float": "number", "bool": "boolean", "timestamp": "date"}


def _tag(node: Node) -> str:
    if node.tag:
        return node.tag
    if not node.plain:
        return "str"
    first = node.text[0] if node.text else ""
    resolvers = _resolvers()
    for tag, pattern in resolvers.get(first, ()):
        if pattern.match(node.text):
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
