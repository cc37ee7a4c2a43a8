"""A command line in which each word stands as it is declared is read without typer, which takes half of a short run.

Whatever else is said - help, an abbreviation, a mistake - is typer's to read, so that there is one set of messages.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import reconciler.frozen  # noqa: F401 - before a command imports dataclasses, which so does without `inspect`
from reconciler.cli.declaring import TEXT, Argument, Option, declared
from reconciler.cli.table import COMMANDS

PLAIN = frozenset({"plan", "drift", "validate", "status"})
"""The commands that run often and change nothing."""

OFTEN = PLAIN | {"apply"}
"""The commands that run often."""

_Declared = tuple[str, Any, Argument | Option | None]
_NOBODY: _Declared = ("", None, None)
_NUMBER = (int, int | None)
_DIGITS, _MANY = frozenset("0123456789"), 10


class _UnclearError(Exception):
    """A word is for typer to read."""


def call_of(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> Callable[[], int | None] | None:
    """The call that typer makes of a command line; none where it is not plain."""
    if not words or words[0] not in OFTEN or "_MLOPS_COMPLETE" in environ:  # with which typer completes
        return None
    module, _, name = COMMANDS[words[0]].partition(":")
    function = getattr(import_module(f"reconciler.cli.{module}"), name)
    try:
        return partial(function, **_read(words[1:], _declarations(function, environ)))
    except _UnclearError:
        return None


def _declarations(function: Callable[..., int | None], environ: Mapping[str, str]) -> dict[str, _Declared]:
    """By each word the parameter that it is for; arguments stand at ``."""
    words: dict[str, _Declared] = {}
    for parameter, annotation in function.__annotations__.items():
        kind, said = declared(annotation)
        if isinstance(said, Argument):
            words[""] = parameter, kind, said
        elif isinstance(said, Option):
            if said.envvar and said.envvar in environ:
                raise _UnclearError
            on, _, off = said.names.partition("/")
            words |= dict.fromkeys(on.split(), (parameter, True if kind is bool else kind, said))
            words |= dict.fromkeys(off.split(), (parameter, False, said))
    return words


def _read(words: Sequence[str], known: Mapping[str, _Declared]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        parameter, kind, said = known.get(name if name.startswith("-") else "", _NOBODY)
        if not name.startswith("-"):
            value = word
        elif not equals and not isinstance(kind, bool):
            value = _next(left)
        elif equals and isinstance(kind, bool):
            raise _UnclearError
        given[parameter] = _value(value, kind, said, given.get(parameter))
    return given


def _next(words: Iterator[str]) -> str:
    word = next(words, "-")
    if word.startswith("-"):
        raise _UnclearError
    return word


def _value(word: str, kind: Any, said: Argument | Option | None, former: Any) -> Any:
    if isinstance(kind, bool):
        return kind
    if kind in TEXT and word:
        return word
    if kind == list[str] | None:
        return [*(former or ()), word]
    if isinstance(kind, type) and issubclass(kind, StrEnum) and word in list(kind):
        return kind(word)
    if kind in _NUMBER and isinstance(said, Option) and _DIGITS.issuperset(word) and 0 < len(word) < _MANY:
        return _within(int(word), said)
    if kind == Path | None and word and (os.access(word, os.R_OK) or not Path(word).exists()):
        return Path(word)
    raise _UnclearError


def _within(number: int, said: Option) -> int:
    if (said.min is None or said.min <= number) and (said.max is None or number <= said.max):
        return number
    raise _UnclearError
