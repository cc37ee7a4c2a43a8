"""Whether a plain document is as a JSON Schema says, told without the compiled validator, which takes 15 ms to have.

It knows the words that our schemas use, and documents in which all differences between regular expressions, numbers and
lengths of languages are of no account. Of any other it says that it is not known.
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

Schema = Mapping[str, Any]

_MOST = 1 << 53  # beyond, a number of JSON may be another one
_TYPES = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "number": int,
    "object": dict,
    "string": str,
}
# What says nothing of a value by itself; the last two are looked at with what they stand beside.
_ASIDE = frozenset({"$defs", "$schema", "description", "title", "x-code", "x-says", "then", "else"})


def is_surely_valid(document: Any, schema: Schema) -> bool:
    """Whether that is so; False where it is not, or not known."""
    return _is_plain(document) and _fits(document, schema, schema["$defs"])


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return bool(value.isascii() and value.isprintable())
    if kind is dict:
        return all(type(name) is str and _is_plain(name) for name in value) and all(map(_is_plain, value.values()))
    if kind is list:
        return all(map(_is_plain, value))
    return kind is bool or value is None or (kind is int and -_MOST < value < _MOST)


def _fits(value: Any, schema: Schema, shared: Schema) -> bool:
    return all(word in _ASIDE or _WORDS[word](value, said, schema, shared) for word, said in schema.items())


def _is_of(value: Any, said: str | Collection[str], _schema: Schema, _shared: Schema) -> bool:
    return any(type(value) is _TYPES[each] for each in ((said,) if isinstance(said, str) else said))


def _follows(value: Any, said: str, _schema: Schema, shared: Schema) -> bool:
    return _fits(value, shared[said.removeprefix("#/$defs/")], shared)


def _fits_any(value: Any, said: Collection[Schema], _schema: Schema, shared: Schema) -> bool:
    return any(_fits(value, each, shared) for each in said)


def _fits_branch(value: Any, said: Schema, schema: Schema, shared: Schema) -> bool:
    return _fits(value, schema.get("then" if _fits(value, said, shared) else "else", {}), shared)


def _is_one_of(value: Any, said: Collection[Any], _schema: Schema, _shared: Schema) -> bool:
    return any(value == each and type(value) is type(each) for each in said)


def _has_fields(value: Any, said: Mapping[str, Schema], _schema: Schema, shared: Schema) -> bool:
    return type(value) is not dict or all(_fits(value[name], said[name], shared) for name in value.keys() & said.keys())


def _has_no_other(value: Any, said: Any, schema: Schema, shared: Schema) -> bool:
    others = value.keys() - schema.get("properties", {}).keys() if type(value) is dict else ()
    if not others or isinstance(said, bool):
        return not others or said
    return all(_fits(value[name], said, shared) for name in others)


def _has_names(value: Any, said: Schema, _schema: Schema, shared: Schema) -> bool:
    return type(value) is not dict or all(_fits(name, said, shared) for name in value)


def _has_all(value: Any, said: Collection[str], _schema: Schema, _shared: Schema) -> bool:
    return type(value) is not dict or all(name in value for name in said)


def _has_companions(value: Any, said: Mapping[str, Collection[str]], schema: Schema, shared: Schema) -> bool:
    return type(value) is not dict or all(
        _has_all(value, said[name], schema, shared) for name in value.keys() & said.keys()
    )


def _has_items(value: Any, said: Schema, _schema: Schema, shared: Schema) -> bool:
    return type(value) is not list or all(_fits(each, said, shared) for each in value)


def _is_in_form(value: Any, said: str, _schema: Schema, _shared: Schema) -> bool:
    return type(value) is not str or _form(said).search(value) is not None


def _bound(kind: type, holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Schema, Schema], bool]:
    return lambda value, said, _schema, _shared: type(value) is not kind or holds(value, said)


@cache
def _form(said: str) -> re.Pattern[str]:
    return re.compile(said)


_WORDS: Mapping[str, Callable[[Any, Any, Schema, Schema], bool]] = {
    "$ref": _follows,
    "additionalProperties": _has_no_other,
    "anyOf": _fits_any,
    "dependentRequired": _has_companions,
    "enum": _is_one_of,
    "if": _fits_branch,
    "items": _has_items,
    "maxItems": _bound(list, lambda value, most: len(value) <= most),
    "maxLength": _bound(str, lambda value, most: len(value) <= most),
    "maximum": _bound(int, lambda value, most: value <= most),
    "minLength": _bound(str, lambda value, least: len(value) >= least),
    "minimum": _bound(int, lambda value, least: value >= least),
    "pattern": _is_in_form,
    "properties": _has_fields,
    "propertyNames": _has_names,
    "required": _has_all,
    "type": _is_of,
}
