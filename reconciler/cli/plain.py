"""A command line in which each word stands as it is declared is read without typer, which takes half of a short run.

Whatever else is said - help, an abbreviation, a mistake - is typer's to read, so that there is one set of messages.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib import import_module
from typing import Any

import reconciler.frozen  # noqa: F401 - before a command imports dataclasses, which so does without `inspect`
from reconciler.cli.declaring import TEXT, Argument, Option, declared
from reconciler.cli.table import COMMANDS

PLAIN = frozenset({"plan", "drift", "validate", "status"})
"""The commands that run often and change nothing."""


class _UnclearError(Exception):
    """A word is for typer to read."""


def call_of(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> Callable[[], int | None] | None:
    """The call that typer makes of a command line; none where it is not plain."""
    if not words or words[0] not in PLAIN or "_MLOPS_COMPLETE" in environ:  # with which typer completes
        return None
    module, _, name = COMMANDS[words[0]].partition(":")
    function = getattr(import_module(f"reconciler.cli.{module}"), name)
    try:
        return partial(function, **_read(words[1:], _declarations(function, environ)))
    except _UnclearError:
        return None


def _declarations(function: Callable[..., int | None], environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    """By each word the parameter that it is for, and its type or, of a flag, its value; arguments stand at ``."""
    words: dict[str, tuple[str, Any]] = {}
    for parameter, annotation in function.__annotations__.items():
        kind, said = declared(annotation)
        if isinstance(said, Argument):
            words[""] = parameter, kind
        elif isinstance(said, Option):
            if said.envvar and said.envvar in environ:
                raise _UnclearError
            on, _, off = said.names.partition("/")
            words |= dict.fromkeys(on.split(), (parameter, True if kind is bool else kind))
            words |= dict.fromkeys(off.split(), (parameter, False))
    return words


def _read(words: Sequence[str], known: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        parameter, kind = known.get(name if name.startswith("-") else "", ("", None))
        if not name.startswith("-"):
            value = word
        elif not equals and not isinstance(kind, bool):
            value = _next(left)
        elif equals and isinstance(kind, bool):
            raise _UnclearError
        given[parameter] = _value(value, kind, given.get(parameter))
    return given


def _next(words: Iterator[str]) -> str:
    word = next(words, "-")
    if word.startswith("-"):
        raise _UnclearError
    return word


def _value(word: str, kind: Any, former: Any) -> Any:
    if isinstance(kind, bool):
        return kind
    if kind in TEXT and word:
        return word
    if kind == list[str] | None:
        return [*(former or ()), word]
    if isinstance(kind, type) and issubclass(kind, StrEnum) and word in list(kind):
        return kind(word)
    raise _UnclearError
